// An echo server: sends back every byte that it receives. A session whose peer does not read is held back, so that
// memory stays bounded and no byte is lost.
#include "address_file.hpp"
#include "arguments.hpp"
#include "histogram.hpp"
#include "platform.hpp"
#include "report.hpp"
#include "stop.hpp"

#include <iocpnet.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace
{

struct options {
    sample::service_arguments service;
    std::string listen = "[::]:7000";
    std::string address_file;
    std::uint32_t drain_ms = 2000;
};

class echo_server
{
public:
    explicit echo_server(std::uint32_t dispatchers) : echo_times_(dispatchers) {}

    // Its handlers run on the dispatchers, never two at a time for one session.
    void attach(iocpnet::service &service)
    {
        service.on_connected([](iocpnet::session session) { session.set_user(new peer_state); }).value();
        service.on_received([this](const iocpnet::event &event) { received(event); }).value();
        service.on_sent([this](const iocpnet::event &event) { sent(event); }).value();
        service.on_writable([](const iocpnet::event &event) { writable(event); }).value();
        service.on_disconnected([](const iocpnet::event &event) { delete event.user<peer_state>(); }).value();
    }

    sample::traffic totals(const iocpnet::service &service) const
    {
        const auto statistics = service.statistics().value();
        sample::traffic totals;
        totals.sessions = statistics.sessions_live;
        totals.messages = statistics.sends;
        totals.bytes = statistics.bytes_sent;
        for (const sample::histogram &times : echo_times_) {
            times.add_to(totals.times);
        }
        return totals;
    }

private:
    static constexpr std::size_t held_piece = 65536;

    // What belongs to a session: its user value from connected to disconnected.
    struct peer_state {
        std::vector<std::byte> held; // received, but not yet accepted by send
        std::size_t held_from = 0;   // the first byte in it that is still to be sent
        bool is_timed = false;
        sample::clock::time_point received_at; // if it is timed: the oldest bytes that are not sent yet
    };

    void received(const iocpnet::event &event)
    {
        auto &peer = *event.user<peer_state>();
        if (!peer.is_timed) {
            peer.is_timed = true;
            peer.received_at = sample::clock::now();
        }
        if (peer.held.empty()) {
            const auto status = event.session().send(event.data());
            if (status.code() != IOCPNET_E_WOULD_BLOCK) {
                return; // sent, or the session is closing
            }
            event.session().pause_receive();
        }
        // What was on its way when receiving was paused may still come.
        peer.held.insert(peer.held.end(), event.data().begin(), event.data().end());
    }

    static void writable(const iocpnet::event &event)
    {
        auto &peer = *event.user<peer_state>();
        if (send_held(event.session(), peer)) {
            event.session().resume_receive();
        }
    }

    // In pieces, for all of it may be more than the send queue can take. False if it is full again: writable follows.
    static bool send_held(iocpnet::session session, peer_state &peer)
    {
        while (peer.held_from < peer.held.size()) {
            const std::size_t size = std::min(peer.held.size() - peer.held_from, held_piece);
            if (!session.send({peer.held.data() + peer.held_from, size})) {
                return false;
            }
            peer.held_from += size;
        }
        peer.held.clear();
        peer.held_from = 0;
        return true;
    }

    void sent(const iocpnet::event &event)
    {
        auto &peer = *event.user<peer_state>();
        if (peer.is_timed) {
            peer.is_timed = false;
            echo_times_[event.dispatcher()].record(sample::nanoseconds_between(peer.received_at, sample::clock::now()));
        }
    }

    std::vector<sample::histogram> echo_times_; // one for each dispatcher, which alone writes it
};

void print_start(const iocpnet::service &service, const char *address)
{
    const auto details = service.info().value();
    std::printf("listening on %s, completion port %s, %u dispatcher%s; Ctrl-C stops\n", address,
                iocpnet::name(static_cast<iocpnet::port>(details.port)), details.dispatcher_count,
                details.dispatcher_count == 1 ? "" : "s");
    std::fflush(stdout);
}

void print_end(const iocpnet::stop_result &stopped)
{
    std::printf("stopped: %llu sessions drained, %llu aborted, %llu bytes unsent\n",
                static_cast<unsigned long long>(stopped.sessions_drained),
                static_cast<unsigned long long>(stopped.sessions_aborted),
                static_cast<unsigned long long>(stopped.bytes_unsent));
}

// Ends with true unless something went wrong that no peer can cause.
bool serve(iocpnet::service &service, const echo_server &server, const options &options)
{
    const sample::stop_request stop(options.service.stop_file); // first: nobody is told of Ctrl-C before it works
    const auto listener = service.listen(options.listen).value();
    service.start().value();
    const auto address = listener.address().value();
    print_start(service, address.c_str());
    if (!sample::write_address("echo_server", options.address_file, address.c_str())) {
        return false;
    }

    const auto started_at = sample::clock::now();
    sample::live_line line;
    while (!stop.seen()) {
        line.update([&] { return server.totals(service); });
        sample::pause_main_thread();
    }
    line.end();

    const double seconds = sample::seconds_since(started_at);
    print_end(service.stop(options.drain_ms).value());
    const auto statistics = service.statistics().value();
    sample::print_summary(server.totals(service), seconds, statistics);
    return statistics.disconnects_by_reason[IOCPNET_CLOSE_ERROR] == 0;
}

bool run(const options &options)
{
    bool is_good = false;
    {
        echo_server server(options.service.dispatchers);
        iocpnet::service service(
            iocpnet::service_options().with_port(options.service.port).with_dispatchers(options.service.dispatchers));
        server.attach(service);
        is_good = serve(service, server, options);
    }
    return sample::print_alive() && is_good;
}

} // namespace

int main(int count, char **words)
{
    options options;
    sample::arguments arguments("echo_server", "Sends back every byte that it receives, until Ctrl-C.");
    arguments.add_text("--listen", "ADDRESS", "where to listen; port 0 takes a free one ([::]:7000)", options.listen);
    arguments.add_text("--address-file", "FILE", "write the address that it listens on to FILE", options.address_file);
    arguments.add_number<std::uint32_t>("--drain-ms", "MS", "time for sessions to end when it stops (2000)",
                                        options.drain_ms, 0, 600000);
    arguments.add_service(options.service);
    if (const auto exit_code = arguments.parse(count, words)) {
        return *exit_code;
    }
    sample::raise_descriptor_limit();
    try {
        return run(options) ? 0 : 1;
    } catch (const iocpnet::error &error) {
        if (error.cause().code() == IOCPNET_E_INVALID_ADDRESS) {
            return arguments.complain("'" + options.listen + "' is not an address, such as [::]:7000 or 127.0.0.1:0");
        }
        std::fprintf(stderr, "echo_server: %s: %s (%s, system error %d)\n", options.listen.c_str(), error.what(),
                     error.cause().name(), error.cause().os_error());
        return 1;
    }
}
