/* Each check of the model fires when it should. */
#include <gtest/gtest.h>

#include <string>

#include "invariants.hpp"
#include "ledger.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
}

namespace sim_test
{

namespace
{

uint32_t nobody_ready(void *)
{
    return 0;
}

void nobody_acts(void *, uint32_t)
{
}

uint64_t never(void *)
{
    return UINT64_MAX;
}

void nothing(void *)
{
}

/* The invariant that is violated by what `main` does; "": none. */
std::string violation_of(icn_sim_fiber_main *main)
{
    const icn_sim_options options = {0, 1000, 0};
    const icn_sim_world world = {nobody_ready, nobody_acts, never, nothing, nothing, nullptr};
    icn_sim_result result;
    icn_sim_choices_from_seed(1);
    icn_sim_trace_begin(false);
    icn_sim_run(&options, &world, main, nullptr, &result);
    return result.violated ? result.invariant : "";
}

constexpr uint32_t size = 40;

/* A message that a call has begun to send, and its bytes. */
struct Sent {
    explicit Sent(Stream &stream, uint64_t stamp) : number(stream.send_begins(size, stamp))
    {
        stream.fill(number, size, 0, bytes, size);
    }
    uint32_t number;
    uint8_t bytes[size];
};

/* A stream and who receives it. */
struct Line {
    Line() : stream(ledger.at(ledger.open())) { decoder.begin(7, invariant::sent_bytes); }
    void arrive(const Sent &sent, uint32_t count = size) { (void)decoder.feed(ledger, sent.bytes, count); }

    Ledger ledger;
    Stream &stream;
    Decoder decoder;
};

} // namespace

TEST(Ledger, MessagesInPiecesAreComplete)
{
    EXPECT_EQ(violation_of([](void *) {
                  Line line;
                  const Sent sent(line.stream, 1);
                  for (const uint8_t byte : sent.bytes) {
                      (void)line.decoder.feed(line.ledger, &byte, 1);
                  }
                  line.stream.send_returned(sent.number, true, 2);
                  if (line.decoder.bytes() != size || line.stream.accepted() != size) {
                      icn_sim_violation("count", "wrong");
                  }
              }),
              "");
}

TEST(Ledger, AWrongByteIsFound)
{
    EXPECT_EQ(violation_of([](void *) {
                  Line line;
                  Sent sent(line.stream, 1);
                  sent.bytes[size - 1] ^= 1;
                  line.arrive(sent);
              }),
              invariant::sent_bytes);
}

TEST(Ledger, AWrongHeaderIsFound)
{
    EXPECT_EQ(violation_of([](void *) {
                  Line line;
                  Sent sent(line.stream, 1);
                  sent.bytes[5] ^= 1;
                  line.arrive(sent);
              }),
              invariant::sent_bytes);
}

TEST(Ledger, AMessageThatComesTwiceIsFound)
{
    EXPECT_EQ(violation_of([](void *) {
                  Line line;
                  const Sent sent(line.stream, 1);
                  line.arrive(sent);
                  line.arrive(sent);
              }),
              invariant::sent_bytes);
}

TEST(Ledger, AMessageBeforeAnEarlierOneIsFound)
{
    EXPECT_EQ(violation_of([](void *) {
                  Line line;
                  const Sent first(line.stream, 1);
                  line.stream.send_returned(first.number, true, 2);
                  const Sent second(line.stream, 3);
                  line.arrive(second);
              }),
              invariant::sent_bytes);
}

TEST(Ledger, MessagesOfCallsAtTheSameTimeMayComeInAnyOrder)
{
    EXPECT_EQ(violation_of([](void *) {
                  Line line;
                  const Sent first(line.stream, 1);
                  const Sent second(line.stream, 2);
                  line.arrive(second);
                  line.arrive(first);
              }),
              "");
}

TEST(Ledger, AMessageThatWasRefusedAndArrivesIsFound)
{
    EXPECT_EQ(violation_of([](void *) {
                  Line line;
                  const Sent sent(line.stream, 1);
                  line.arrive(sent, 20);
                  line.stream.send_returned(sent.number, false, 2);
              }),
              invariant::sent_bytes);
}

TEST(Ledger, BytesOfAnotherStreamAreFound)
{
    EXPECT_EQ(violation_of([](void *) {
                  Line line;
                  Stream &other = line.ledger.at(line.ledger.open());
                  line.decoder.expect(line.stream.id());
                  const Sent sent(other, 1);
                  line.arrive(sent);
              }),
              invariant::sent_bytes);
}

TEST(Ledger, AStreamAtTwoReceiversIsFound)
{
    EXPECT_EQ(violation_of([](void *) {
                  Line line;
                  Decoder second;
                  second.begin(8, invariant::sent_bytes);
                  const Sent one(line.stream, 1);
                  const Sent two(line.stream, 2);
                  line.arrive(one);
                  (void)second.feed(line.ledger, two.bytes, size);
              }),
              invariant::sent_bytes);
}

TEST(Scheduler, AFiberThatWaitsForEverIsFound)
{
    EXPECT_EQ(violation_of([](void *) { (void)icn_sim_block(&size, "nobody", UINT64_MAX); }), invariant::progress);
}

} // namespace sim_test
