/* Scenarios of services: how they begin and end. */
#include "support/scale_sweep.hpp"

namespace scale_test
{

namespace
{

const std::string text(1000, 't');

void echo(Trial &trial)
{
    trial.on(IOCPNET_EVENT_RECEIVED, [&trial](const iocpnet_event &event) {
        trial.send(event.session, {static_cast<const char *>(event.data), static_cast<size_t>(event.size)});
    });
}

/* Several peers are served. */
void exchange(Trial &trial, size_t peer_count)
{
    std::vector<Peer *> peers;
    for (size_t i = 0; i < peer_count; i++) {
        peers.push_back(&trial.connect_peer());
        peers.back()->send(text);
    }
    bool all = trial.is_serving();
    for (Peer *peer : peers) {
        trial.run_until([=] { return peer->ended || peer->received.size() >= text.size(); });
        all = all && peer->received == text;
    }
    trial.reach(all);
}

void create_and_destroy(Trial &trial)
{
    trial.create();
    trial.reach(trial.service() != 0);
}

void start_and_destroy(Trial &trial)
{
    trial.create();
    trial.start();
    trial.reach(trial.is_started());
}

void listen_without_start(Trial &trial)
{
    trial.create();
    trial.listen();
    trial.reach(trial.is_listening());
}

/* Whichever it is: a shortage of memory may well lead to the second choice. */
void port_is_chosen(Trial &trial)
{
    trial.options.port = IOCPNET_PORT_AUTO;
    echo(trial);
    trial.serve();
    exchange(trial, 1);
}

void several_dispatchers(Trial &trial)
{
    trial.options.dispatcher_count = 3;
    echo(trial);
    trial.serve();
    exchange(trial, 4);
}

void handle_table_grows(Trial &trial)
{
    echo(trial);
    Trial::fill_handle_table();
    trial.create();
    Trial::fill_handle_table();
    trial.listen();
    trial.start();
    Trial::fill_handle_table();
    exchange(trial, 1);
}

void IOCPNET_CALL count_line(int32_t, const char *, const char *, void *user)
{
    (*static_cast<std::atomic<uint64_t> *>(user))++;
}

/* It stays on until the service has gone, and the log's thread with it. */
void log_is_on(Trial &trial)
{
    static std::atomic<uint64_t> lines{0};
    lines = 0;
    iocpnet_set_log_callback(count_line, IOCPNET_LOG_DEBUG, &lines);
    echo(trial);
    trial.serve();
    exchange(trial, 1);
    trial.stop(0);
    trial.run_until([&] { return lines > 0 || !trial.is_serving(); });
}

void stop_drains(Trial &trial)
{
    const std::string bytes(300000, 'd');
    trial.on(IOCPNET_EVENT_CONNECTED,
             [&trial, bytes](const iocpnet_event &event) { trial.send(event.session, bytes); });
    trial.serve();
    Peer &peer = trial.connect_peer(4096);
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    trial.stop(10000);
    trial.reach(peer.received == bytes);
}

void stop_aborts(Trial &trial)
{
    echo(trial);
    trial.serve();
    exchange(trial, 2);
    const bool reached = trial.count(IOCPNET_EVENT_CONNECTED) == 2;
    trial.stop(0);
    trial.run_until_idle();
    trial.reach(reached);
}

void destroy_inside_a_callback(Trial &trial)
{
    trial.on(IOCPNET_EVENT_RECEIVED, [&trial](const iocpnet_event &event) {
        if (trial.allow(iocpnet_service_destroy(event.service))) {
            trial.forget_service();
        }
    });
    trial.serve();
    Peer &peer = trial.connect_peer();
    peer.send(text);
    trial.run_until([&] { return peer.ended; });
    if (trial.service() == 0 && trial.is_started()) {
        trial.run_until([&] { return trial.count(IOCPNET_EVENT_SERVICE_DESTROYED) == 1; });
        trial.reach(true);
    }
}

} // namespace

std::vector<Scenario> service_scenarios()
{
    return {{"create_and_destroy", create_and_destroy},
            {"start_and_destroy", start_and_destroy},
            {"listen_without_start", listen_without_start},
            {"port_is_chosen", port_is_chosen},
            {"several_dispatchers", several_dispatchers},
            {"handle_table_grows", handle_table_grows},
            {"log_is_on", log_is_on},
            {"stop_drains", stop_drains},
            {"stop_aborts", stop_aborts},
            {"destroy_inside_a_callback", destroy_inside_a_callback, true}};
}

} // namespace scale_test
