/* What a test of abuse has around the attack: sessions that mean well, what the log says, and what memory was asked for. */
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/api_fixture.hpp"

namespace abuse_test
{

using namespace api_test;

int64_t since_ms(Clock::time_point begin);
iocpnet_listener_options listener_options();
/* Of messages with a length of 4 bytes in front, at most 64 KiB, which the host gets with it. */
iocpnet_framing length_framing(int32_t adjustment);

/*
 * Peers that echo all the while, each on a thread of its own. What they send is a whole message of `length_framing`, so that
 * they mean well with and without a framing. Their answers have to be right and to come in time.
 */
class GoodPeers
{
public:
    /* Each has been answered once when this returns. */
    GoodPeers(const std::string &address, uint32_t count);
    GoodPeers(const GoodPeers &) = delete;
    GoodPeers &operator=(const GoodPeers &) = delete;
    ~GoodPeers();

    uint64_t echoes() const { return echoes_; }
    /* Each is answered once more. */
    void expect_served();

private:
    void play(Socket &peer);

    std::vector<Socket> peers_;
    std::vector<std::thread> threads_;
    std::atomic<bool> quit_{false};
    std::atomic<bool> failed_{false};
    std::atomic<uint64_t> echoes_{0};
    std::atomic<int64_t> longest_ms_{0};
};

/* Warnings and errors of the library. Before the service, so that it ends after it. */
class Warnings
{
public:
    Warnings();
    Warnings(const Warnings &) = delete;
    Warnings &operator=(const Warnings &) = delete;
    ~Warnings();

    uint64_t count(const std::string &part) const;
    /* A line with this in it came, and no more of them than one a second and source since this object was made. */
    void expect_few(const std::string &part, uint64_t sources = 1) const;

private:
    static void IOCPNET_CALL take(int32_t level, const char *component, const char *text, void *user);

    Clock::time_point begin_ = Clock::now();
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

/* The host's allocator of this process: set once, before the first service. */
struct Memory {
    static void count_all();
    static uint64_t allocations(); /* calls so far */
    static uint64_t live();        /* bytes */
    static uint64_t peak();        /* bytes, since start_peak */
    static void start_peak();
    /* Blocks of this size are not counted: before the first service. */
    static void ignore(uint64_t size);
};

/* What a port takes for all of its sessions, in time: for io_uring buffers of 16 MiB. Each may be filled when a limit is met. */
uint64_t port_bytes_max(uint32_t port);

/* Bytes that were sent as one message of length_framing. */
std::string message(const std::string &body);

class Abuse : public PortTest
{
protected:
    void SetUp() override
    {
        Memory::count_all();
        PortTest::SetUp();
    }
};

} // namespace abuse_test
