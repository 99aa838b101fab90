#include "stress/soak_load.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace soak
{

namespace
{

constexpr size_t long_connections = 50; /* of each thread */
constexpr int patience_ms = 20000;

std::string random_bytes(stress::Random &random, size_t size)
{
    std::string bytes(size, '\0');
    for (size_t i = 0; i < size; i += 8) {
        const uint64_t word = random.any();
        std::memcpy(&bytes[i], &word, std::min<size_t>(8, size - i));
    }
    return bytes;
}

} // namespace

Load::Load(const std::vector<std::string> &addresses, uint32_t threads, uint64_t seed) : addresses_(addresses)
{
    for (uint32_t i = 0; i < threads; i++) {
        threads_.emplace_back([this, seed, i] { run(stress::Random(stress::derive(seed, 1, i))); });
    }
}

void Load::stop()
{
    stopped_ = true;
    for (std::thread &thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

void Load::fail(const char *what)
{
    const int error = errno;
    errors_++;
    std::fprintf(stderr, "error: %s (last error of the system: %s)\n", what, std::strerror(error));
}

void Load::exchange(stress::Wire &wire, const std::string &sent)
{
    using Result = stress::Wire::Result;
    std::array<char, 16384> buffer;
    size_t out = 0;
    size_t in = 0;
    while (in < sent.size()) {
        size_t moved = 0;
        if (out < sent.size() && wire.send(sent.data() + out, sent.size() - out, &moved) == Result::broken) {
            return fail("a send, before all came back");
        }
        out += moved;
        const Result result = wire.receive(buffer.data(), buffer.size(), &moved);
        if (result == Result::end || result == Result::broken) {
            return fail(result == Result::end ? "an end, before all came back" : "a receive, before all came back");
        }
        if (moved > sent.size() - in || std::memcmp(buffer.data(), sent.data() + in, moved) != 0) {
            return fail("other bytes came back");
        }
        in += moved;
        if (moved == 0 && !wire.wait(true, out < sent.size(), patience_ms)) {
            return fail("nothing comes back");
        }
    }
    bytes_ += in;
}

void Load::expect_end(stress::Wire &wire)
{
    char nothing = 0;
    size_t received = 0;
    if (!wire.wait(true, false, patience_ms)) {
        return fail("the stream does not end");
    }
    if (wire.receive(&nothing, 1, &received) != stress::Wire::Result::end) {
        fail(received != 0 ? "a byte too many came back" : "the stream ends with an error");
    }
}

/* A short connection: most talk and leave in order, some say nothing, some reset in the middle. */
void Load::visit(stress::Random &random)
{
    stress::Wire wire = stress::Wire::connect(addresses_[random.below(addresses_.size())]);
    if (!wire.is_open()) {
        return fail("a short connection does not connect");
    }
    const uint32_t way = random.below(10);
    const std::string bytes = random_bytes(random, random.chance(95) ? random.below(4000) : random.below(300000));
    if (way < 8) {
        exchange(wire, bytes);
        wire.shutdown_send();
        expect_end(wire);
    } else if (way == 8) {
        size_t sent = 0;
        wire.send(bytes.data(), bytes.size(), &sent);
        wire.reset();
    }
}

/* One of the long connections talks; now and then one is replaced. */
void Load::keep_long(stress::Random &random, std::vector<stress::Wire> &wires)
{
    stress::Wire &wire = wires[random.below(wires.size())];
    if (!wire.is_open() || random.chance(1)) {
        wire = stress::Wire::connect(addresses_[random.below(addresses_.size())]);
    }
    if (!wire.is_open()) {
        return fail("a long connection does not connect");
    }
    exchange(wire, random_bytes(random, random.below(2000)));
}

void Load::run(stress::Random random)
{
    std::vector<stress::Wire> wires(long_connections);
    while (!stopped_) {
        visit(random);
        keep_long(random, wires);
    }
}

} // namespace soak
