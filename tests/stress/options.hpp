/* The command line of the stress tool and of the soak. */
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stress
{

struct Options {
    double seconds = 10;
    uint64_t seed = 0;
    std::optional<uint64_t> round; /* this one only, again and again */
    std::string port = "all";
    bool memory_faults = true;
    bool descriptor_faults = true;
    uint64_t leak = 0; /* bytes that the soak loses with each session, on purpose */
    bool help = false;
};

/* Fails with a message for whoever typed it. Without --seed the seed is random, or ICN_TEST_SEED. */
std::optional<Options> parse_options(const std::vector<std::string> &words, std::string *error);

std::string usage();

/* The ports (IOCPNET_PORT_*) that a name stands for and that work here; says on standard output which do not, and why. */
std::vector<uint32_t> working_ports(const std::string &name);
std::string port_name(uint32_t port);

} // namespace stress
