#include <atomic>
#include <thread>
#include <vector>

#include "iocpnet.h"
#include "support/unit_support.hpp"

extern "C" {
#include "util/trace_ring.h"
}

namespace unit_test
{

namespace
{

class Ring
{
public:
    explicit Ring(uint32_t capacity) { EXPECT_TRUE(icn_trace_ring_init(&ring_, capacity)); }
    Ring(const Ring &) = delete;
    Ring &operator=(const Ring &) = delete;
    ~Ring() { icn_trace_ring_fini(&ring_); }

    /* All fields say the same, so that a torn record shows. */
    void write(uint64_t number)
    {
        iocpnet_trace_record record = {};
        record.time_us = number;
        record.session = number;
        record.size = number;
        record.kind = static_cast<uint32_t>(number);
        record.close_reason = static_cast<uint32_t>(number);
        icn_trace_ring_write(&ring_, &record);
    }

    std::vector<uint64_t> read(uint32_t capacity)
    {
        std::vector<iocpnet_trace_record> records(capacity);
        records.resize(icn_trace_ring_read(&ring_, records.data(), capacity));
        std::vector<uint64_t> numbers;
        for (const iocpnet_trace_record &record : records) {
            EXPECT_EQ(record.number, record.time_us);
            EXPECT_EQ(record.number, record.session);
            EXPECT_EQ(record.number, record.size);
            EXPECT_EQ(static_cast<uint32_t>(record.number), record.kind);
            EXPECT_EQ(static_cast<uint32_t>(record.number), record.close_reason);
            EXPECT_EQ(0u, record.reserved);
            numbers.push_back(record.number);
        }
        return numbers;
    }

private:
    icn_trace_ring ring_ = {};
};

TEST(TraceRing, WithoutCapacityItKeepsNothing)
{
    Ring ring(0);
    EXPECT_TRUE(ring.read(4).empty());
}

TEST(TraceRing, KeepsWhatFitsTheOldestFirst)
{
    Ring ring(3);
    ring.write(0);
    ring.write(1);
    EXPECT_EQ((std::vector<uint64_t>{0, 1}), ring.read(8));
    ring.write(2);
    EXPECT_EQ((std::vector<uint64_t>{0, 1, 2}), ring.read(8));
    ring.write(3);
    EXPECT_EQ((std::vector<uint64_t>{1, 2, 3}), ring.read(8));
}

TEST(TraceRing, KeepsTheLastOneWhenThereIsRoomForOne)
{
    Ring ring(1);
    for (uint64_t number = 0; number < 5; number++) {
        ring.write(number);
        EXPECT_EQ((std::vector<uint64_t>{number}), ring.read(8));
    }
}

TEST(TraceRing, ReaderWithLittleRoomGetsTheNewest)
{
    Ring ring(8);
    for (uint64_t number = 0; number < 20; number++) {
        ring.write(number);
    }
    EXPECT_EQ((std::vector<uint64_t>{18, 19}), ring.read(2));
}

/* The writer goes round a small ring until it was read often enough: every read is of whole records that follow each other. */
TEST(TraceRing, ReaderNeverSeesARecordThatIsBeingOverwritten)
{
    constexpr int reads = 20000;
    Ring ring(7);
    std::atomic<bool> done{false};
    uint64_t written = 0;
    std::thread writer([&] {
        while (!done) {
            ring.write(written++);
        }
    });
    for (int read = 0; read < reads; read++) {
        const std::vector<uint64_t> seen = ring.read(7);
        for (size_t i = 1; i < seen.size(); i++) {
            EXPECT_EQ(seen[i - 1] + 1, seen[i]);
        }
    }
    done = true;
    writer.join();
    ring.write(written);
    EXPECT_EQ(written, ring.read(7).back());
}

} // namespace

} // namespace unit_test
