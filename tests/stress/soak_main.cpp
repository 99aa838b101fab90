#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "iocpnet.h"
#include "stress/options.hpp"
#include "stress/slope.hpp"
#include "stress/soak_host.hpp"
#include "stress/soak_load.hpp"
#include "stress/watchdog.hpp"

namespace soak
{

namespace
{

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds sample_interval{100};
constexpr double slope_max = 1024;          /* bytes for 1,000 sessions */
constexpr double noise_bytes = 1024 * 1024; /* what arenas, stacks and provided buffers grow by, once */
/* What three dispatchers keep for re-use: send chunks, a block of events, provided buffers. */
constexpr uint64_t kept_blocks = 3 * (64 + 2 + 256);

uint32_t failures = 0;

void require(bool condition, const char *what)
{
    std::printf("%s: %s\n", condition ? "ok" : "FAILED", what);
    failures += condition ? 0 : 1;
}

iocpnet_live_objects live_objects()
{
    iocpnet_live_objects objects = {};
    iocpnet_count_live_objects(&objects, sizeof objects);
    return objects;
}

bool wait_until(bool (*condition)(const iocpnet_live_objects &, const iocpnet_live_objects &),
                const iocpnet_live_objects &before)
{
    const auto until = Clock::now() + std::chrono::seconds(20);
    while (!condition(live_objects(), before)) {
        if (Clock::now() > until) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

bool is_as_before(const iocpnet_live_objects &now, const iocpnet_live_objects &before)
{
    return now.sessions == 0 && now.operations == before.operations && now.descriptors == before.descriptors &&
           now.listeners == before.listeners && now.threads == before.threads &&
           now.allocations <= before.allocations + kept_blocks;
}

/* Each listener has begun to accept. */
bool is_ready(const iocpnet_live_objects &now, const iocpnet_live_objects &)
{
    return now.listeners == 2 && now.operations == now.listeners;
}

bool is_nothing(const iocpnet_live_objects &now, const iocpnet_live_objects &)
{
    return (now.services | now.listeners | now.sessions | now.operations | now.buffers | now.descriptors |
            now.allocations | now.threads) == 0;
}

void print(const iocpnet_live_objects &objects, double seconds, double sessions, uint64_t bytes, uint64_t errors)
{
    const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("%6.0f s: %.0f sessions, %.1f MB echoed, %llu errors; alive: %llu sessions, %llu operations, "
                "%llu buffers, %llu descriptors, %llu allocations of %.1f KiB; RSS %.1f MiB\n",
                seconds, sessions, static_cast<double>(bytes) / 1e6, number(errors), number(objects.sessions),
                number(objects.operations), number(objects.buffers), number(objects.descriptors),
                number(objects.allocations), static_cast<double>(objects.allocated_bytes) / 1024,
                resident_bytes() / 1048576);
    std::fflush(stdout);
}

class Soak
{
public:
    Soak(uint32_t port, const stress::Options &options)
        : options_(options), callbacks_(port, IOCPNET_DELIVERY_CALLBACKS, 2),
          batches_(port, IOCPNET_DELIVERY_BATCHES, 1)
    {
        callbacks_.leak(options.leak);
    }

    void run(double seconds)
    {
        require(wait_until(is_ready, {}), "the hosts are ready");
        const iocpnet_live_objects before = live_objects();
        Load load({callbacks_.address(), batches_.address()}, 2, options_.seed);
        const auto start = Clock::now();
        double passed = 0;
        double printed = 0;
        while (passed < seconds) {
            std::this_thread::sleep_for(sample_interval);
            callbacks_.connect(batches_.address());
            batches_.connect(callbacks_.address());
            passed = std::chrono::duration<double>(Clock::now() - start).count();
            samples_.add({sessions(), resident_bytes(), static_cast<double>(live_objects().allocated_bytes)});
            if (passed - printed >= std::max(5.0, passed / 20)) {
                printed = passed;
                print(live_objects(), passed, sessions(), load.bytes(), load.errors());
            }
        }
        load.stop();
        require(load.errors() == 0, "every byte came back, and every stream ended in order");
        require(wait_until(is_as_before, before), "the counts are back where they were before the load");
        print(live_objects(), passed, sessions(), load.bytes(), load.errors());
    }

    void check_slopes() const
    {
        const double rss = samples_.slope(&Sample::rss_bytes);
        const double allocated = samples_.slope(&Sample::allocated_bytes);
        std::printf("slope over %.0f sessions, for each 1,000 of them: %+.0f bytes of RSS, %+.0f bytes allocated\n",
                    samples_.span(), rss, allocated);
        const double growth = rss * samples_.span() / 1000;
        require(rss < slope_max || growth < noise_bytes, "memory of the process does not grow");
        const double allocated_growth = allocated * samples_.span() / 1000;
        require(allocated < slope_max || allocated_growth < noise_bytes, "memory of the library does not grow");
    }

private:
    double sessions() const
    {
        return static_cast<double>(callbacks_.statistics().disconnects + batches_.statistics().disconnects);
    }

    const stress::Options &options_;
    Host callbacks_;
    Host batches_;
    Samples samples_;
};

int run(const stress::Options &options)
{
    const std::vector<uint32_t> ports = stress::working_ports(options.port);
    if (ports.empty()) {
        std::fprintf(stderr, "no port to test\n");
        return 2;
    }
    std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
    stress::Watchdog watchdog;
    for (const uint32_t port : ports) {
        const double seconds = options.seconds / static_cast<double>(ports.size());
        std::printf("%s, %.0f seconds\n", stress::port_name(port).c_str(), seconds);
        watchdog.begin("soak", std::chrono::seconds(static_cast<int64_t>(seconds) + 60));
        {
            Soak soak(port, options);
            soak.run(seconds);
            soak.check_slopes();
        }
        require(wait_until(is_nothing, {}), "nothing is left after destroy");
    }
    return failures == 0 ? 0 : 1;
}

} // namespace

} // namespace soak

int main(int count, char **words)
{
    std::string error;
    const auto options = stress::parse_options({words + 1, words + count}, &error);
    if (!options || options->help) {
        std::fprintf(options ? stdout : stderr, "%s\n%s", error.c_str(), stress::usage().c_str());
        return options ? 0 : 2;
    }
    return soak::run(*options);
}
