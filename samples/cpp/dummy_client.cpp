// A client service that makes load for an echo server: many sessions, each of which sends messages and checks every
// byte that comes back.
#include "arguments.hpp"
#include "load.hpp"
#include "platform.hpp"
#include "report.hpp"
#include "stop.hpp"

#include <iocpnet.hpp>

#include <algorithm>
#include <cstdio>
#include <string>

namespace
{

// For the last echoes to come back, and then for sessions that have not ended by themselves.
constexpr double echo_wait_seconds = 5;
constexpr std::uint32_t drain_ms = 1000;

struct options {
    sample::service_arguments service;
    sample::load_options load;
    std::uint32_t seconds = 10;
};

void run_load(sample::load &load, const options &options)
{
    const auto started_at = sample::clock::now();
    const sample::stop_request stop(options.service.stop_file);
    sample::live_line line;
    const auto is_time = [&] { return options.seconds != 0 && sample::seconds_since(started_at) >= options.seconds; };
    while (!load.has_ended() && !stop.seen() && !is_time()) {
        load.connect_more();
        line.update([&] { return load.totals(); });
        sample::pause_main_thread();
    }

    load.finish();
    const auto finished_at = sample::clock::now();
    while (!load.has_ended() && sample::seconds_since(finished_at) < echo_wait_seconds) {
        line.update([&] { return load.totals(); });
        sample::pause_main_thread();
    }
}

bool run(const options &options)
{
    bool is_good = false;
    {
        sample::load load(options.load, options.service.dispatchers);
        iocpnet::service service(iocpnet::service_options()
                                     .with_port(options.service.port)
                                     .with_dispatchers(options.service.dispatchers)
                                     .with_send_queue_bytes_max(std::max(options.load.size, std::uint32_t{1} << 20)));
        load.attach(service);
        service.start().value();
        std::printf("connecting %u sessions to %s, %u bytes a message, completion port %s; Ctrl-C stops\n",
                    options.load.sessions, options.load.connect.c_str(), options.load.size,
                    iocpnet::name(static_cast<iocpnet::port>(service.info().value().port)));
        std::fflush(stdout);

        const auto started_at = sample::clock::now();
        run_load(load, options);
        const double seconds = sample::seconds_since(started_at);
        service.stop(drain_ms).value();
        sample::print_summary(load.totals(), seconds, service.statistics().value());
        is_good = load.print_verdict();
    }
    return sample::print_alive() && is_good;
}

} // namespace

int main(int count, char **words)
{
    options options;
    sample::load_options &load = options.load;
    sample::arguments arguments("dummy_client", "Opens sessions to an echo server, sends messages on each of them, and "
                                                "checks every byte that comes back.");
    arguments.add_text("--connect", "ADDRESS", "the echo server (127.0.0.1:7000)", load.connect);
    arguments.add_number<std::uint32_t>("--sessions", "N", "sessions to open (100)", load.sessions, 1, 1000000);
    arguments.add_number<std::uint32_t>("--size", "BYTES", "bytes in a message (100)", load.size, 1, 16 << 20);
    arguments.add_number<std::uint32_t>("--seconds", "S", "how long to send; 0: until Ctrl-C (10)", options.seconds, 0,
                                        1000000);
    arguments.add_number<std::uint64_t>("--messages", "N", "messages to send on each session; 0: no limit (0)",
                                        load.messages, 0, UINT64_MAX);
    arguments.add_number<std::uint32_t>("--depth", "N", "messages of a session on their way at once (1)", load.depth, 1,
                                        65536);
    arguments.add_flag("--reconnect", "connect a session again when it is lost or refused", load.reconnect);
    arguments.add_service(options.service);
    if (const auto exit_code = arguments.parse(count, words)) {
        return *exit_code;
    }
    sample::raise_descriptor_limit();
    try {
        return run(options) ? 0 : 1;
    } catch (const iocpnet::error &error) {
        if (error.cause().code() == IOCPNET_E_INVALID_ADDRESS) {
            return arguments.complain("'" + load.connect + "' is not an address, such as 127.0.0.1:7000 or [::1]:7000");
        }
        std::fprintf(stderr, "dummy_client: %s: %s (%s, system error %d)\n", load.connect.c_str(), error.what(),
                     error.cause().name(), error.cause().os_error());
        return 1;
    }
}
