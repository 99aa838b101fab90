// Command lines: long options with a value or without, --help, and clear words for mistakes.
#ifndef SAMPLE_ARGUMENTS_HPP
#define SAMPLE_ARGUMENTS_HPP

#include <iocpnet.hpp>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace sample
{

// What every sample asks for.
struct service_arguments {
    iocpnet::port port = iocpnet::port::automatic;
    std::uint32_t dispatchers = 1;
    std::string stop_file;
};

class arguments
{
public:
    arguments(std::string program, std::string summary) : program_(std::move(program)), summary_(std::move(summary)) {}

    void add_flag(const char *name, const char *help, bool &target)
    {
        options_.push_back({name, "", help, "", [&target](const std::string &) { return target = true; }});
    }

    void add_text(const char *name, const char *value, const char *help, std::string &target)
    {
        options_.push_back({name, value, help, "some text", [&target](const std::string &text) {
                                target = text;
                                return !text.empty();
                            }});
    }

    template <typename Number>
    void add_number(const char *name, const char *value, const char *help, Number &target, Number least, Number most)
    {
        const std::string expected = "a number from " + std::to_string(least) + " to " + std::to_string(most);
        options_.push_back({name, value, help, expected, [&target, least, most](const std::string &text) {
                                const char *end = text.data() + text.size();
                                const auto [stop, error] = std::from_chars(text.data(), end, target);
                                return error == std::errc() && stop == end && target >= least && target <= most;
                            }});
    }

    // NAME=NUMBER,...: each of them is given to `accept`.
    void add_list(const char *name, const char *value, const char *help, const char *expected,
                  std::function<bool(const std::string &, std::uint64_t)> accept)
    {
        options_.push_back({name, value, help, expected, [accept = std::move(accept)](const std::string &text) {
                                std::istringstream list(text);
                                std::string item;
                                bool is_good = !text.empty();
                                while (is_good && std::getline(list, item, ',')) {
                                    is_good = accept_item(item, accept);
                                }
                                return is_good;
                            }});
    }

    void add_service(service_arguments &target)
    {
        options_.push_back({"--port", "NAME", "completion port: auto, epoll, io_uring or iocp (auto)",
                            "auto, epoll, io_uring or iocp",
                            [&target](const std::string &text) { return find_port(text, target.port); }});
        add_number<std::uint32_t>("--dispatchers", "N", "threads that serve the sessions (1)", target.dispatchers, 1,
                                  IOCPNET_DISPATCHERS_MAX);
        add_text("--stop-file", "FILE", "stop when FILE exists, as after Ctrl-C", target.stop_file);
    }

    // A value means that the program ends now, with that exit code: 0 after --help, 2 after a mistake.
    std::optional<int> parse(int count, char **words) const
    {
        for (int i = 1; i < count; ++i) {
            const std::string name = words[i];
            if (name == "--help") {
                print_help();
                return 0;
            }
            const option *wanted = find(name);
            if (!wanted) {
                return complain("unknown option '" + name + "'");
            }
            if (!wanted->value.empty() && i + 1 == count) {
                return complain(name + " needs a value: " + wanted->expected);
            }
            const std::string value = wanted->value.empty() ? "" : words[++i];
            if (!wanted->accept(value)) {
                return complain(name + " needs " + wanted->expected + ", not '" + value + "'");
            }
        }
        return {};
    }

    int complain(const std::string &mistake) const
    {
        std::fprintf(stderr, "%s: %s\nTry '%s --help'.\n", program_.c_str(), mistake.c_str(), program_.c_str());
        return 2;
    }

private:
    struct option {
        std::string name;
        std::string value; // what --help calls it; empty for a flag
        std::string help;
        std::string expected;
        std::function<bool(const std::string &)> accept;
    };

    static bool find_port(const std::string &text, iocpnet::port &target)
    {
        for (const auto port :
             {iocpnet::port::automatic, iocpnet::port::epoll, iocpnet::port::io_uring, iocpnet::port::iocp}) {
            if (text == iocpnet::name(port)) {
                target = port;
                return true;
            }
        }
        return false;
    }

    static bool accept_item(const std::string &item,
                            const std::function<bool(const std::string &, std::uint64_t)> &accept)
    {
        const std::size_t equals = item.find('=');
        if (equals == std::string::npos) {
            return false;
        }
        std::uint64_t number = 0;
        const char *end = item.data() + item.size();
        const auto [stop, error] = std::from_chars(item.data() + equals + 1, end, number);
        return error == std::errc() && stop == end && accept(item.substr(0, equals), number);
    }

    const option *find(const std::string &name) const
    {
        for (const option &known : options_) {
            if (known.name == name) {
                return &known;
            }
        }
        return nullptr;
    }

    void print_help() const
    {
        std::printf("%s [OPTION...]\n\n%s\n\n", program_.c_str(), summary_.c_str());
        for (const option &known : options_) {
            std::printf("  %-21s %s\n", (known.name + " " + known.value).c_str(), known.help.c_str());
        }
        std::printf("  %-21s %s\n", "--help", "this text");
    }

    std::string program_;
    std::string summary_;
    std::vector<option> options_;
};

} // namespace sample

#endif
