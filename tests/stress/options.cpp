#include "stress/options.hpp"

#include <cstdio>
#include <cstdlib>
#include <random>

#include "iocpnet.h"

namespace stress
{

namespace
{

#if defined(_WIN32)
const std::vector<uint32_t> all_ports = {IOCPNET_PORT_IOCP};
#else
const std::vector<uint32_t> all_ports = {IOCPNET_PORT_EPOLL, IOCPNET_PORT_IO_URING};
#endif

bool take_number(const std::string &text, double *number)
{
    char *end = nullptr;
    *number = std::strtod(text.c_str(), &end);
    return !text.empty() && *end == '\0' && *number >= 0;
}

bool take_whole(const std::string &text, uint64_t *number)
{
    char *end = nullptr;
    *number = std::strtoull(text.c_str(), &end, 0);
    return !text.empty() && *end == '\0' && text[0] != '-';
}

bool take(Options &options, const std::string &name, const std::string &value)
{
    uint64_t whole = 0;
    if (name == "--seconds") {
        return take_number(value, &options.seconds);
    }
    if (name == "--seed") {
        return take_whole(value, &options.seed);
    }
    if (name == "--round") {
        const bool taken = take_whole(value, &whole);
        options.round = whole;
        return taken;
    }
    if (name == "--leak") {
        return take_whole(value, &options.leak);
    }
    if (name == "--port") {
        options.port = value;
        return value == "all" || value == "epoll" || value == "io_uring" || value == "iocp";
    }
    return false;
}

uint64_t choose_seed()
{
    const char *given = std::getenv("ICN_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

bool works(uint32_t port)
{
    iocpnet_service service = 0;
    iocpnet_service_options options;
    iocpnet_service_options_init(&options, sizeof options);
    options.port = port;
    const int32_t status = iocpnet_service_create(&options, &service);
    if (status != IOCPNET_OK) {
        std::printf("not tested: %s (%s, system error %d)\n", port_name(port).c_str(), iocpnet_status_name(status),
                    static_cast<int>(iocpnet_last_os_error()));
        return false;
    }
    return iocpnet_service_destroy(service) == IOCPNET_OK;
}

} // namespace

std::string usage()
{
    return "stress [--seconds N] [--seed S] [--round R] [--port all|epoll|io_uring|iocp] [--no-memory-faults]\n"
           "       [--no-descriptor-faults]\n"
           "soak   [--seconds N] [--seed S] [--port all|epoll|io_uring] [--leak BYTES]\n"
           "\n"
           "stress: random hosts and random peers on the real ports, in rounds of about one second. The seed decides "
           "every\n"
           "random choice; what the machine decides is when threads run. Ends with 0 when no rule was broken.\n"
           "soak: long-lived services under a steady load. Ends with 0 when every byte came back, nothing was left "
           "over and\n"
           "memory did not grow with the number of sessions.\n"
           "\n"
           "  --seconds  how long, over all ports (10)\n"
           "  --round    only this round of the seed, again and again: to repeat what failed\n"
           "  --leak     loses so many bytes with each session: the soak has to fail\n";
}

std::optional<Options> parse_options(const std::vector<std::string> &words, std::string *error)
{
    Options options;
    options.seed = choose_seed();
    for (size_t i = 0; i < words.size(); i++) {
        if (words[i] == "--help") {
            options.help = true;
        } else if (words[i] == "--no-memory-faults") {
            options.memory_faults = false;
        } else if (words[i] == "--no-descriptor-faults") {
            options.descriptor_faults = false;
        } else if (i + 1 < words.size() && take(options, words[i], words[i + 1])) {
            i++;
        } else {
            *error = "not understood: " + words[i];
            return std::nullopt;
        }
    }
    return options;
}

std::vector<uint32_t> working_ports(const std::string &name)
{
    std::vector<uint32_t> ports;
    for (const uint32_t port : all_ports) {
        if ((name == "all" || name == port_name(port)) && works(port)) {
            ports.push_back(port);
        }
    }
    return ports;
}

std::string port_name(uint32_t port)
{
    static const char *const names[] = {"auto", "epoll", "io_uring", "iocp"};
    return names[port];
}

} // namespace stress
