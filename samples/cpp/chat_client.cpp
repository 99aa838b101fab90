// A client of chat_server: for a person at a terminal, or, with --clients, a crowd that checks the server.
#include "arguments.hpp"
#include "chat/crowd.hpp"
#include "chat/talk.hpp"
#include "conditions.hpp"
#include "platform.hpp"
#include "report.hpp"
#include "stop.hpp"

#include <iocpnet.hpp>

#include <cstdint>
#include <cstdio>
#include <string>

namespace
{

struct options {
    sample::service_arguments service;
    sample::conditions conditions;
    chat::crowd_options crowd; // no clients: a person talks
    std::string room = "lobby";
    std::uint32_t seconds = 10;
    std::uint32_t wait_s = 30;
};

constexpr std::uint32_t drain_ms = 5000;

iocpnet::service_options make_service_options(const options &options)
{
    return iocpnet::service_options().with_port(options.service.port).with_dispatchers(options.service.dispatchers);
}

// Waits, with a line per second, until something is so; at most some seconds. False if it did not come to that.
template <typename Condition>
bool wait_for(const chat::crowd &crowd, const sample::stop_request &stop, double seconds, Condition condition)
{
    const auto started_at = sample::clock::now();
    sample::live_line line;
    while (!condition()) {
        if (stop.seen() || crowd.has_failed() || sample::seconds_since(started_at) >= seconds) {
            return false;
        }
        line.update([&] { return crowd.totals(); });
        sample::pause_main_thread();
    }
    return true;
}

void run_crowd(chat::crowd &crowd, const options &options)
{
    const sample::stop_request stop(options.service.stop_file);
    const bool is_there = wait_for(crowd, stop, options.wait_s, [&] {
        crowd.gather();
        return crowd.has_gathered();
    });
    if (is_there) {
        crowd.start();
        wait_for(crowd, stop, options.seconds, [] { return false; });
    }
    crowd.finish();
    wait_for(crowd, stop, options.wait_s, [&] { return crowd.has_finished(); });
    crowd.end();
}

bool check(const options &options)
{
    chat::crowd crowd(options.crowd, options.service.dispatchers);
    iocpnet::service service(make_service_options(options)); // goes first: its handlers use the crowd
    crowd.attach(service);
    options.conditions.apply(service);
    service.start().value();
    const auto started_at = sample::clock::now();
    run_crowd(crowd, options);
    const double seconds = sample::seconds_since(started_at);
    service.stop(drain_ms).value();
    sample::print_summary(crowd.totals(), seconds, service.statistics().value());
    return crowd.print_verdict();
}

bool talk(const options &options)
{
    chat::talk talk(options.crowd.name, options.room);
    iocpnet::service service(make_service_options(options)); // goes first: its handlers use the talk
    talk.attach(service);
    options.conditions.apply(service);
    service.start().value();
    iocpnet::connect_options how;
    how.framing = iocpnet::framing::size_id();
    const bool is_good = talk.run(service.connect(options.crowd.connect, how).value());
    service.stop(drain_ms).value();
    return is_good;
}

bool run(const options &options)
{
    if (options.crowd.clients == 0) {
        return talk(options);
    }
    const bool is_good = check(options);
    return sample::print_alive() && is_good;
}

} // namespace

int main(int count, char **words)
{
    options options;
    chat::crowd_options &crowd = options.crowd;
    sample::arguments arguments(
        "chat_client", "Talks to a chat_server. With --clients many talk in rooms, and check that each line comes "
                       "to each of them once, in order and unaltered.");
    arguments.add_text("--connect", "ADDRESS", "the server (127.0.0.1:7000)", crowd.connect);
    arguments.add_text("--name", "NAME", "your name, or what those of a crowd begin with (guest)", crowd.name);
    arguments.add_text("--room", "NAME", "the first room (lobby)", options.room);
    arguments.add_number<std::uint32_t>("--clients", "N", "a crowd of N clients; 0: you alone (0)", crowd.clients, 0,
                                        100000);
    arguments.add_number<std::uint32_t>("--room-size", "N", "clients in a room (50)", crowd.room_size, 1, 100000);
    arguments.add_number<std::uint32_t>("--seconds", "S", "how long the crowd talks (10)", options.seconds, 1, 1000000);
    arguments.add_number<std::uint32_t>("--interval-ms", "MS", "between two lines of a client (1000)",
                                        crowd.interval_ms, 1, 1000000);
    arguments.add_number<std::uint32_t>("--line-bytes", "BYTES", "in a line (64)", crowd.line_bytes, 24,
                                        chat::text_bytes_max);
    arguments.add_number<std::uint32_t>("--wait-s", "S", "for all to come in, and for the last lines (30)",
                                        options.wait_s, 1, 1000000);
    options.conditions.add_to(arguments);
    arguments.add_service(options.service);
    if (const auto exit_code = arguments.parse(count, words)) {
        return *exit_code;
    }
    if (crowd.clients % crowd.room_size != 0) {
        return arguments.complain("--clients must be a multiple of --room-size: no room stays half empty");
    }
    sample::raise_descriptor_limit();
    try {
        return run(options) ? 0 : 1;
    } catch (const iocpnet::error &error) {
        std::fprintf(stderr, "chat_client: %s: %s (%s, system error %d)\n", crowd.connect.c_str(), error.what(),
                     error.cause().name(), error.cause().os_error());
        return 1;
    }
}
