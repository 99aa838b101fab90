/* Scenarios of what a service offers beside bytes: framing, groups, timers, jobs, limits of addresses, a trace. */
#include "support/scale_sweep.hpp"

#include <atomic>
#include <thread>

namespace scale_test
{

namespace
{

/* A message: 2 bytes of size, 2 of its number, 6 of payload. */
const std::string message("\x0a\x00\x07\x00hello!", 10);
constexpr uint64_t tick = 5;

void IOCPNET_CALL run_job(const iocpnet_event *event, void *)
{
    iocpnet_session_set_timer(event->session, tick, 1, 0);
}

void frame(Trial &trial, iocpnet_session session, uint32_t kind)
{
    iocpnet_framing framing;
    iocpnet_framing_init(&framing, sizeof framing, kind);
    if (!trial.allow(iocpnet_session_set_framing(session, &framing), {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE})) {
        trial.disconnect(session, IOCPNET_DISCONNECT_ABORT, gave_up, nullptr);
    }
}

/* Half of a message has come when the rest follows. */
void messages_in_halves(Trial &trial)
{
    uint64_t whole = 0;
    trial.on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) {
        frame(trial, event.session, IOCPNET_FRAMING_SIZE_ID);
        trial.send(event.session, "?");
    });
    trial.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        whole += event.size == message.size() ? 1 : 0;
        trial.allow(iocpnet_session_send_message(event.session, event.data, event.size),
                    {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE});
    });
    trial.serve();
    Peer &peer = trial.connect_peer();
    trial.run_until([&] { return peer.ended || !peer.received.empty(); });
    peer.send(message + message.substr(0, 5));
    trial.run_until([&] { return peer.ended || trial.received_bytes() >= message.size(); });
    peer.send(message.substr(5));
    trial.run_until([&] { return peer.ended || trial.received_bytes() >= 2 * message.size(); });
    trial.disconnect(trial.session(0), IOCPNET_DISCONNECT_GRACEFUL, 0, nullptr);
    trial.run_until_idle();
    trial.reach(whole == 2);
}

/* Nothing is taken of the first bytes, all of it with the second. */
void stream_that_is_kept(Trial &trial)
{
    std::atomic<uint64_t> offered{0}; /* written by the dispatcher, read by the test */
    trial.on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) {
        frame(trial, event.session, IOCPNET_FRAMING_STREAM);
        trial.send(event.session, "?");
    });
    trial.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        offered = event.size;
        iocpnet_session_consume(event.session, event.size < 10 ? 0 : event.size);
    });
    trial.serve();
    Peer &peer = trial.connect_peer();
    trial.run_until([&] { return peer.ended || !peer.received.empty(); });
    peer.send("12345");
    trial.run_until([&] { return peer.ended || offered >= 5; });
    peer.send("67890");
    trial.run_until([&] { return peer.ended || offered >= 10; });
    trial.disconnect(trial.session(0), IOCPNET_DISCONNECT_GRACEFUL, 0, nullptr);
    trial.run_until_idle();
    trial.reach(offered == 10);
}

void timers_and_jobs(Trial &trial)
{
    trial.on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) {
        trial.allow(iocpnet_session_set_timer(event.session, tick, 1, 0), {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE});
        trial.allow(iocpnet_session_post(event.session, trial.polls() ? nullptr : run_job, nullptr),
                    {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE});
    });
    trial.serve();
    const bool posted =
        trial.is_serving() &&
        trial.allow(iocpnet_dispatcher_post(trial.service(), 0, trial.polls() ? nullptr : run_job, nullptr));
    const bool set = trial.is_serving() && trial.allow(iocpnet_service_set_timer(trial.service(), 0, tick, 1, 0));
    Peer &peer = trial.connect_peer();
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    trial.run_until([&] { return peer.ended || trial.was_short() || trial.count(IOCPNET_EVENT_TIMER) >= 2; });
    trial.disconnect(trial.session(0), IOCPNET_DISCONNECT_GRACEFUL, 0, nullptr);
    trial.run_until_idle();
    trial.reach(posted && set && trial.count(IOCPNET_EVENT_TIMER) >= 2);
}

void group_of_two(Trial &trial)
{
    trial.options.trace_records = 4;
    trial.options.sessions_per_address_max = 100;
    trial.serve();
    Peer &first = trial.connect_peer();
    Peer &second = trial.connect_peer();
    trial.run_until([&] { return first.ended || second.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 2; });
    iocpnet_group group = 0;
    iocpnet_buffer buffer = 0;
    uint64_t queued = 0;
    if (trial.is_serving() && trial.allow(iocpnet_group_create(trial.service(), &group)) &&
        trial.allow(iocpnet_buffer_create("to all", 6, &buffer))) {
        for (size_t i = 0; i < 2; i++) {
            trial.allow(iocpnet_group_add(group, trial.session(i)), {IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED});
        }
        iocpnet_broadcast_result result = {};
        trial.allow(iocpnet_group_broadcast(group, buffer, 0, &result));
        queued = result.queued;
    }
    /* By the peers: a session that came after the first one had failed ends as well. */
    for (Peer *peer : {&first, &second}) {
        if (!peer->ended) {
            peer->socket.shutdown_send();
        }
    }
    trial.run_until_idle();
    if (buffer != 0) {
        iocpnet_buffer_release(buffer);
    }
    if (group != 0) {
        iocpnet_group_destroy(group);
    }
    trial.reach(queued == 2 && first.received == "to all");
}

/* A session that gets a conditioner of its own, in place of the service's or of none; the first bytes come when it has it. */
void echo_under_conditioner(Trial &trial, bool of_service)
{
    iocpnet_conditioner conditioner;
    iocpnet_conditioner_init(&conditioner, sizeof conditioner);
    conditioner.seed = 3;
    conditioner.fragment_bytes = 5;
    conditioner.delay_us = 1000;
    trial.on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) {
        if (!trial.allow(iocpnet_session_set_conditioner(event.session, &conditioner),
                         {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE})) {
            trial.disconnect(event.session, IOCPNET_DISCONNECT_ABORT, gave_up, nullptr);
        }
    });
    trial.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &event) {
        trial.send(event.session, std::string(static_cast<const char *>(event.data), static_cast<size_t>(event.size)));
    });
    trial.serve();
    const bool set = !of_service || (trial.is_serving() &&
                                     trial.allow(iocpnet_service_set_conditioner(trial.service(), &conditioner)));
    Peer &peer = trial.connect_peer();
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    peer.send(message + message);
    trial.run_until([&] { return peer.ended || trial.was_short() || peer.received.size() == 2 * message.size(); });
    trial.disconnect(trial.session(0), IOCPNET_DISCONNECT_GRACEFUL, 0, nullptr);
    trial.run_until_idle();
    trial.reach(set && peer.received == message + message);
}

void conditioned_echo(Trial &trial)
{
    echo_under_conditioner(trial, true);
}

void conditioned_session(Trial &trial)
{
    echo_under_conditioner(trial, false);
}

/* By a listener of its own: clients of the usual one send no header. */
std::string listen_behind_a_proxy(Trial &trial)
{
    iocpnet_listener_options options;
    iocpnet_listener listener = 0;
    iocpnet_listener_options_init(&options, sizeof options);
    options.proxy_protocol = IOCPNET_PROXY_REQUIRED;
    options.proxy_trusted = "127.0.0.1";
    options.allow = "192.0.2.0/24";
    const bool open =
        trial.is_serving() && trial.allow(iocpnet_listener_open(trial.service(), "127.0.0.1:0", &options, &listener));
    return open ? api_test::session_address(iocpnet_listener_address, listener) : "";
}

uint64_t allocated()
{
    return api_test::live_objects().allocated_bytes;
}

/* Each of the three keys, then the first one again, longer: behind so much that they wait. */
uint64_t send_states(Trial &trial, iocpnet_session session)
{
    uint64_t accepted = 0;
    const std::string first(100, 'f');
    const std::string longer(600, 'l');
    for (uint64_t i = 0; i < 4; i++) {
        const std::string &state = i < 3 ? first : longer;
        accepted += trial.allow(iocpnet_session_send_latest(session, i % 3, state.data(), state.size(), 0),
                                {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE})
                        ? 1
                        : 0;
    }
    return accepted;
}

void states_replace_each_other(Trial &trial, bool inside)
{
    std::atomic<uint64_t> accepted{0};
    trial.on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) {
        if (inside) {
            accepted = send_states(trial, event.session);
        }
    });
    trial.serve();
    Peer &peer = trial.connect_peer(4096);
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    if (!inside) {
        std::thread([&] { accepted = send_states(trial, trial.session(0)); }).join();
    }
    trial.run_until([&] { return peer.ended || accepted < 4 || !peer.received.empty(); });
    trial.disconnect(trial.session(0), IOCPNET_DISCONNECT_GRACEFUL, 0, nullptr);
    trial.run_until_idle();
    trial.reach(accepted == 4 && peer.received.size() >= 800);
}

void states_inside_an_event(Trial &trial)
{
    states_replace_each_other(trial, true);
}

void states_from_another_thread(Trial &trial)
{
    states_replace_each_other(trial, false);
}

/* Half of the header is kept when the rest follows, with the first bytes of the client. */
void header_in_halves(Trial &trial)
{
    trial.serve();
    const std::string address = listen_behind_a_proxy(trial);
    const uint64_t before = allocated();
    Peer &peer = trial.add_peer(address.empty() ? api_test::Socket() : api_test::Socket::connect(address));
    peer.send("PROXY TCP4 192.0.2.1");
    trial.run_until([&] { return peer.ended || trial.was_short() || allocated() >= before + 4096; });
    peer.send(" 127.0.0.1 4000 80\r\nhello");
    trial.run_until([&] { return peer.ended || trial.received_bytes() >= 5; });
    trial.disconnect(trial.session(0), IOCPNET_DISCONNECT_GRACEFUL, 0, nullptr);
    trial.run_until_idle();
    trial.reach(trial.received_bytes() == 5);
}

} // namespace

std::vector<Scenario> feature_scenarios()
{
    return {{"messages_in_halves", messages_in_halves},
            {"stream_that_is_kept", stream_that_is_kept},
            {"timers_and_jobs", timers_and_jobs},
            {"group_of_two", group_of_two},
            {"conditioned_echo", conditioned_echo},
            {"conditioned_session", conditioned_session},
            {"header_in_halves", header_in_halves},
            {"states_inside_an_event", states_inside_an_event},
            {"states_from_another_thread", states_from_another_thread}};
}

} // namespace scale_test
