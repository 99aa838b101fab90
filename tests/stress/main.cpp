#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "stress/check.hpp"
#include "stress/options.hpp"
#include "stress/peer.hpp"
#include "stress/random.hpp"
#include "stress/round.hpp"
#include "stress/watchdog.hpp"
#include "stress/wire.hpp"
#include "stress/world.hpp"

namespace stress
{

namespace
{

using Clock = std::chrono::steady_clock;

void print(const Figures &figures, double seconds)
{
    const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf("%4.0f s: %llu rounds, %llu services, %llu sessions, %llu failed connects, %llu peers, %llu events, "
                "%.1f MB, %llu pairs compared, %llu faults, %llu violations\n",
                seconds, number(figures.rounds), number(figures.hosts), number(figures.sessions),
                number(figures.connects_failed), number(figures.peers), number(figures.events),
                static_cast<double>(figures.bytes) / 1e6, number(figures.pairs), number(figures.faults),
                number(violation_count()));
    std::fflush(stdout);
}

std::string repeat_command(const Options &options, uint64_t round)
{
    return "tests/run stress --seconds 60 --port " + options.port + " --seed " + std::to_string(options.seed) +
           " --round " + std::to_string(round) + (options.memory_faults ? "" : " --no-memory-faults") +
           (options.descriptor_faults ? "" : " --no-descriptor-faults");
}

/* Each port alone, and then all of them in one process, round by round. */
std::vector<uint32_t> ports_of_round(const std::vector<uint32_t> &ports, uint64_t round)
{
    const uint64_t turn = round % (ports.size() + 1);
    return turn == ports.size() ? ports : std::vector<uint32_t>{ports[turn]};
}

int run(const Options &options)
{
    const std::vector<uint32_t> ports = working_ports(options.port);
    if (ports.empty()) {
        std::fprintf(stderr, "no port to test\n");
        return 2;
    }
    std::printf("seed %llu, %.0f seconds\n", static_cast<unsigned long long>(options.seed), options.seconds);
    if (Wire::is_on_wine()) {
        std::printf("not tested: how streams end, where a reset looks like an end under wine; peers that are killed\n");
    }
    Watchdog watchdog;
    Figures figures;
    const auto start = Clock::now();
    double printed = 0;
    double passed = 0;
    for (uint64_t i = 0; passed < options.seconds && violation_count() == 0; i++) {
        const uint64_t round = options.round.value_or(i);
        set_repeat_command(repeat_command(options, round));
        run_round({derive(options.seed, part_round, round), ports_of_round(ports, round), options.memory_faults,
                   options.descriptor_faults},
                  watchdog, figures);
        passed = std::chrono::duration<double>(Clock::now() - start).count();
        if (passed - printed >= std::max(5.0, passed / 20)) {
            print(figures, passed);
            printed = passed;
        }
    }
    print(figures, passed);
    return violation_count() == 0 ? 0 : 1;
}

} // namespace

} // namespace stress

int main(int count, char **words)
{
    const char *address = std::getenv("ICN_TEST_ROLE");
    if (address != nullptr) {
        return stress::play_victim(address);
    }
    std::string error;
    const auto options = stress::parse_options({words + 1, words + count}, &error);
    if (!options || options->help) {
        std::fprintf(options ? stdout : stderr, "%s\n%s", error.c_str(), stress::usage().c_str());
        return options ? 0 : 2;
    }
    return stress::run(*options);
}
