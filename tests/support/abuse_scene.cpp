#include "support/abuse_scene.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace abuse_test
{

namespace
{

/* Far more than an answer takes on a busy machine, far less than starving. */
constexpr int64_t longest_wait_ms = 10000;

std::atomic<uint64_t> allocations{0};
std::atomic<uint64_t> live{0};
std::atomic<uint64_t> peak{0};

std::atomic<uint64_t> ignored{0};

void *IOCPNET_CALL allocate(uint64_t size, void *user)
{
    static_cast<void>(user);
    if (size == ignored) {
        return std::malloc(static_cast<size_t>(size));
    }
    allocations++;
    const uint64_t now = live += size;
    uint64_t highest = peak;
    while (highest < now && !peak.compare_exchange_weak(highest, now)) {
    }
    return std::malloc(static_cast<size_t>(size));
}

void IOCPNET_CALL release(void *memory, uint64_t size, void *user)
{
    static_cast<void>(user);
    live -= memory != nullptr && size != ignored ? size : 0;
    std::free(memory);
}

bool set_allocator()
{
    iocpnet_allocator allocator;
    iocpnet_allocator_init(&allocator, sizeof allocator);
    allocator.allocate = allocate;
    allocator.release = release;
    return iocpnet_set_allocator(&allocator) == IOCPNET_OK;
}

} // namespace

int64_t since_ms(Clock::time_point begin)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count();
}

iocpnet_listener_options listener_options()
{
    iocpnet_listener_options options;
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&options, sizeof options));
    return options;
}

iocpnet_framing length_framing(int32_t adjustment)
{
    iocpnet_framing framing;
    EXPECT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_LENGTH));
    framing.flags = IOCPNET_FRAMING_KEEP;
    framing.length_adjustment = adjustment;
    framing.message_bytes_max = 65536;
    return framing;
}

uint64_t port_bytes_max(uint32_t port)
{
    return port == IOCPNET_PORT_IO_URING ? 17 * 1024 * 1024 : 1024 * 1024;
}

std::string message(const std::string &body)
{
    std::string bytes;
    for (uint32_t shift = 0; shift < 32; shift += 8) {
        bytes += static_cast<char>(body.size() >> shift & 255);
    }
    return bytes + body;
}

GoodPeers::GoodPeers(const std::string &address, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        peers_.push_back(Socket::connect(address));
        EXPECT_TRUE(peers_.back().is_open());
    }
    for (Socket &peer : peers_) {
        threads_.emplace_back([this, &peer] { play(peer); });
    }
    expect_served();
}

void GoodPeers::play(Socket &peer)
{
    while (!quit_ && !failed_) {
        const uint64_t number = echoes_;
        const std::string bytes = message("all is well " + std::to_string(number));
        const auto begin = Clock::now();
        if (!peer.send(bytes) || peer.receive(bytes.size()) != bytes) {
            failed_ = true;
            return;
        }
        int64_t longest = longest_ms_;
        const int64_t took = since_ms(begin);
        while (longest < took && !longest_ms_.compare_exchange_weak(longest, took)) {
        }
        echoes_++;
        pause_briefly();
    }
}

void GoodPeers::expect_served()
{
    /* So many that each of them has had an answer that it asked for after this. */
    const uint64_t before = echoes_;
    EXPECT_TRUE(wait_until([&] { return failed_ || echoes_ >= before + 4 * peers_.size(); }));
    EXPECT_FALSE(failed_) << "one that means well was harmed";
}

GoodPeers::~GoodPeers()
{
    quit_ = true;
    for (std::thread &thread : threads_) {
        thread.join();
    }
    EXPECT_FALSE(failed_) << "one that means well was harmed";
    EXPECT_LE(longest_ms_, longest_wait_ms);
    std::printf("figures: %llu echoes of those who mean well, the longest took %lld ms\n",
                static_cast<unsigned long long>(echoes_), static_cast<long long>(longest_ms_));
}

Warnings::Warnings()
{
    EXPECT_EQ(IOCPNET_OK, iocpnet_set_log_callback(take, IOCPNET_LOG_WARNING, this));
}

Warnings::~Warnings()
{
    EXPECT_EQ(IOCPNET_OK, iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr));
}

void IOCPNET_CALL Warnings::take(int32_t level, const char *component, const char *text, void *user)
{
    static_cast<void>(level);
    auto *warnings = static_cast<Warnings *>(user);
    const std::lock_guard<std::mutex> lock(warnings->mutex_);
    warnings->lines_.push_back(std::string(component) + ": " + text);
}

uint64_t Warnings::count(const std::string &part) const
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<uint64_t>(std::count_if(
        lines_.begin(), lines_.end(), [&](const std::string &line) { return line.find(part) != std::string::npos; }));
}

void Warnings::expect_few(const std::string &part, uint64_t sources) const
{
    EXPECT_TRUE(wait_until([&] { return count(part) != 0; })) << "nothing was logged of: " << part;
    /* The one at once, and one for each second that has passed. */
    EXPECT_LE(count(part), sources * (1 + static_cast<uint64_t>(since_ms(begin_)) / 1000)) << part;
}

void Memory::count_all()
{
    static const bool done = set_allocator();
    ASSERT_TRUE(done);
}

uint64_t Memory::allocations()
{
    return ::abuse_test::allocations;
}

uint64_t Memory::live()
{
    return ::abuse_test::live;
}

uint64_t Memory::peak()
{
    return ::abuse_test::peak;
}

void Memory::ignore(uint64_t size)
{
    ignored = size;
}

void Memory::start_peak()
{
    ::abuse_test::peak = ::abuse_test::live.load();
}

} // namespace abuse_test
