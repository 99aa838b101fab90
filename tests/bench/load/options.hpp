#ifndef BENCH_LOAD_OPTIONS_HPP
#define BENCH_LOAD_OPTIONS_HPP

#include <cstdint>
#include <string>
#include <vector>

#include <netinet/in.h>

namespace bench
{

struct Options {
    std::string mode;
    int server_pid = 0;
    in_addr address{};
    uint16_t port = 0;
    int cpu = -1;
    uint32_t connections = 1;
    uint32_t message_bytes = 64;
    uint32_t depth = 1;
    uint32_t active = 0;
    double rate = 1000;
    bool uniform = false;
    bool spin = false;
    uint32_t addresses = 1;
    uint32_t per_source = 25000;
    uint64_t seed = 1;
    uint32_t stall_seconds = 10;
    uint32_t limit_seconds = 600;
};

/* Throws std::invalid_argument with what is wrong. */
Options parse_options(const std::vector<std::string> &words);

const char *usage();

} // namespace bench

#endif
