#include "load/options.hpp"

#include <arpa/inet.h>
#include <cstdlib>
#include <limits>
#include <set>
#include <stdexcept>

#include "load/pattern.hpp"

namespace bench
{

namespace
{

constexpr uint32_t tagged_bytes_min = 8;

double number(const std::string &option, const std::string &text, double lowest, double highest)
{
    char *end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= lowest && value <= highest)) {
        throw std::invalid_argument(option + " " + text + ": not a number it can be");
    }
    return value;
}

uint32_t count(const std::string &option, const std::string &text, uint32_t lowest)
{
    return static_cast<uint32_t>(number(option, text, lowest, 1 << 30));
}

void parse_target(const std::string &text, Options &options)
{
    const size_t colon = text.find(':');
    if (colon == std::string::npos || inet_pton(AF_INET, text.substr(0, colon).c_str(), &options.address) != 1) {
        throw std::invalid_argument("--to " + text + ": not ADDRESS:PORT");
    }
    options.port = static_cast<uint16_t>(number("--to", text.substr(colon + 1), 1, 65535));
}

void parse_flag(const std::string &option, Options &options)
{
    if (option == "--spin") {
        options.spin = true;
    } else if (option == "--uniform") {
        options.uniform = true;
    } else {
        throw std::invalid_argument(option + ": unknown, or without its value");
    }
}

bool parse_value(const std::string &option, const std::string &text, Options &options)
{
    if (option == "--to") {
        parse_target(text, options);
    } else if (option == "--server-pid") {
        options.server_pid = static_cast<int>(count(option, text, 1));
    } else if (option == "--cpu") {
        options.cpu = static_cast<int>(number(option, text, 0, 1023));
    } else if (option == "--connections") {
        options.connections = count(option, text, 1);
    } else if (option == "--message-bytes") {
        options.message_bytes = count(option, text, 1);
    } else if (option == "--depth") {
        options.depth = static_cast<uint32_t>(number(option, text, 1, 65536));
    } else if (option == "--active") {
        options.active = count(option, text, 0);
    } else if (option == "--rate") {
        options.rate = number(option, text, 0.1, 1e8);
    } else if (option == "--addresses") {
        options.addresses = static_cast<uint32_t>(number(option, text, 1, 200));
    } else if (option == "--per-source") {
        options.per_source = count(option, text, 1);
    } else if (option == "--seed") {
        options.seed = count(option, text, 0);
    } else if (option == "--stall-seconds") {
        options.stall_seconds = count(option, text, 1);
    } else if (option == "--limit-seconds") {
        options.limit_seconds = count(option, text, 1);
    } else {
        return false;
    }
    return true;
}

void check(const Options &options)
{
    static const std::set<std::string> modes{"closed", "open", "churn", "idle", "fanout", "tick"};
    if (modes.count(options.mode) == 0) {
        throw std::invalid_argument("no mode, or an unknown one: '" + options.mode + "'");
    }
    if (options.port == 0 || options.server_pid == 0) {
        throw std::invalid_argument("--to and --server-pid are needed");
    }
    if (options.active > options.connections) {
        throw std::invalid_argument("--active is more than --connections");
    }
    const bool tagged = options.mode == "fanout" || options.mode == "tick";
    if (tagged && (options.message_bytes < tagged_bytes_min || options.message_bytes > Pattern::window_max)) {
        throw std::invalid_argument("--message-bytes: 8 to 262144 in this mode");
    }
}

} // namespace

Options parse_options(const std::vector<std::string> &words)
{
    Options options;
    for (size_t i = 0; i < words.size(); i++) {
        if (i == 0 && words[i].rfind("--", 0) != 0) {
            options.mode = words[i];
        } else if (i + 1 < words.size() && parse_value(words[i], words[i + 1], options)) {
            i++;
        } else {
            parse_flag(words[i], options);
        }
    }
    check(options);
    return options;
}

const char *usage()
{
    return "bench_load MODE --server-pid P --to ADDRESS:PORT [OPTION...]\n"
           "MODE: closed, open, churn, idle, fanout or tick. Prints `ready`, then obeys lines: `run MS` -> a line of "
           "JSON.\n"
           "  --connections C     1 by default; churn: so many at a time\n"
           "  --message-bytes B   64 by default\n"
           "  --depth D           messages (closed) or rounds (fanout) in flight, 1 by default\n"
           "  --rate R            open: messages a second over all connections\n"
           "  --uniform           open: equal distances, not those of a Poisson process\n"
           "  --spin              open: poll instead of sleeping until a message is due\n"
           "  --active N          idle: so many connections go on echoing\n"
           "  --addresses K       targets on K addresses, from that of --to up\n"
           "  --per-source N      so many connections from one address to a target, 25000 by default: local ports are "
           "few\n"
           "  --cpu N             run on this CPU\n"
           "  --seed S            of schedules and orders, 1 by default\n"
           "  --stall-seconds S   fail when nothing arrives for so long, 10 by default\n"
           "  --limit-seconds S   the whole run's limit, 600 by default\n";
}

} // namespace bench
