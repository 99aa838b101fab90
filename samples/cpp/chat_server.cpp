// A chat server: rooms, private messages, limits, a status page, and an end that everybody hears of. chat/README.md
// describes the protocol.
#include "address_file.hpp"
#include "arguments.hpp"
#include "chat/figures.hpp"
#include "chat/server.hpp"
#include "chat/status_page.hpp"
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
    std::string listen = "[::]:7000";
    std::string page = "127.0.0.1:7080";
    std::string address_file;
    std::uint32_t idle_s = 600;
    std::uint32_t messages_per_s = 10;
    std::uint32_t drain_ms = 5000;
};

constexpr std::uint32_t hello_timeout_ms = 10000;

iocpnet::service_options make_service_options(const options &options)
{
    iocpnet::service_options made;
    made.port = options.service.port;
    made.dispatchers = options.service.dispatchers;
    made.send_policy = iocpnet::send_policy::disconnect; // who does not read what it is sent has to go
    return made;
}

// What a stranger may do is bounded before the chat sees a message of it.
iocpnet::listener_options make_listener_options(const options &options)
{
    iocpnet::listener_options made;
    made.framing = iocpnet::framing::size_id().with_message_bytes_max(chat::request_bytes_max);
    made.limits.first_bytes_timeout_ms = hello_timeout_ms;
    made.limits.idle_timeout_ms = options.idle_s * 1000;
    // Beyond that a peer is held back, whatever it sends: so much are all messages that it may send at once.
    made.limits.receive_bytes_per_s = std::uint64_t{2} * options.messages_per_s * chat::request_bytes_max;
    return made;
}

void print_start(const iocpnet::service &service, const char *address, const std::string &page)
{
    const auto details = service.info().value();
    std::printf("listening on %s, completion port %s, page at http://%s/; Ctrl-C stops\n", address,
                iocpnet::name(static_cast<iocpnet::port>(details.port)), page.c_str());
    std::fflush(stdout);
}

void print_end(const chat::server &server, const iocpnet::stop_result &stopped)
{
    const chat::server::counts counts = server.count();
    std::printf(
        "stopped: %llu sessions drained, %llu aborted; %llu lines said, %llu whispered, %llu messages refused\n",
        static_cast<unsigned long long>(stopped.sessions_drained),
        static_cast<unsigned long long>(stopped.sessions_aborted), static_cast<unsigned long long>(counts.said),
        static_cast<unsigned long long>(counts.whispered), static_cast<unsigned long long>(counts.refused));
}

// Ends with true unless something went wrong that no peer can cause.
bool serve(iocpnet::service &service, const chat::server &server, const options &options)
{
    const sample::stop_request stop(options.service.stop_file); // first: nobody is told of Ctrl-C before it works
    auto listener = service.listen(options.listen, make_listener_options(options)).value();
    service.start().value();
    chat::status_page page([&] { return chat::html_figures(server, service); },
                           [&] { return chat::metrics(server, service); });
    const std::string page_address = page.open(options.page);
    const auto address = listener.address().value();
    print_start(service, address.c_str(), page_address);
    if (!sample::write_address("chat_server", options.address_file, address.c_str())) {
        return false;
    }
    while (!stop.seen()) {
        sample::pause_main_thread();
    }
    listener.close(); // nobody comes any more who would not hear the rest
    chat::server::say_goodbye(service);
    print_end(server, service.stop(options.drain_ms).value());
    return service.statistics().value().disconnects_by_reason[IOCPNET_CLOSE_ERROR] == 0;
}

bool run(const options &options)
{
    bool is_good = false;
    {
        const double rate = options.messages_per_s;
        chat::server server({rate, 2 * rate});
        iocpnet::service service(make_service_options(options)); // goes first: its handlers use the server
        server.attach(service);
        options.conditions.apply(service);
        is_good = serve(service, server, options);
    }
    return sample::print_alive() && is_good;
}

} // namespace

int main(int count, char **words)
{
    options options;
    sample::arguments arguments("chat_server", "Rooms, names and private messages for chat_client, until Ctrl-C.");
    arguments.add_text("--listen", "ADDRESS", "where to listen; port 0 takes a free one ([::]:7000)", options.listen);
    arguments.add_text("--page", "ADDRESS", "where the status page is (127.0.0.1:7080)", options.page);
    arguments.add_text("--address-file", "FILE", "write the address that it listens on to FILE", options.address_file);
    arguments.add_number<std::uint32_t>("--idle-s", "S", "who says nothing for so long is disconnected; 0: never (600)",
                                        options.idle_s, 0, 1000000);
    arguments.add_number<std::uint32_t>("--messages-per-s", "N", "that each may send; twice as many at once (10)",
                                        options.messages_per_s, 1, 1000000);
    arguments.add_number<std::uint32_t>("--drain-ms", "MS", "time for sessions to end when it stops (5000)",
                                        options.drain_ms, 0, 600000);
    options.conditions.add_to(arguments);
    arguments.add_service(options.service);
    if (const auto exit_code = arguments.parse(count, words)) {
        return *exit_code;
    }
    sample::raise_descriptor_limit();
    try {
        return run(options) ? 0 : 1;
    } catch (const iocpnet::error &error) {
        std::fprintf(stderr, "chat_server: %s or %s: %s (%s, system error %d)\n", options.listen.c_str(),
                     options.page.c_str(), error.what(), error.cause().name(), error.cause().os_error());
        return 1;
    }
}
