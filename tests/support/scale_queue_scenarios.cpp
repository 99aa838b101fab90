/* Scenarios of queues that fill up: sends, and events that the host does not fetch. */
#include <atomic>
#include <memory>
#include <thread>

#include "support/scale_sweep.hpp"

namespace scale_test
{

namespace
{

constexpr size_t piece_size = 40000;

/* What was accepted has come, unless the session was lost: then a part of it, from its beginning. */
void check_received(Trial &trial, const Peer &peer)
{
    const std::string accepted = trial.accepted();
    if (accepted.compare(0, peer.received.size(), peer.received) != 0) {
        trial.complain("the peer received other bytes than were sent");
    }
    if (peer.received != accepted && !trial.was_short()) {
        trial.complain("bytes are missing");
    }
    trial.reach(!accepted.empty() && peer.received == accepted);
}

void await_everything(Trial &trial, Peer &peer)
{
    trial.run_until([&] { return peer.ended || peer.received.size() >= trial.accepted().size(); });
    check_received(trial, peer);
}

/* Large and small pieces, until the queue is full. */
void fill(Trial &trial, iocpnet_session session)
{
    for (size_t i = 0; i < 40; i++) {
        trial.send_and_note(session, std::string(i % 3 == 0 ? piece_size : 100, static_cast<char>('a' + i % 26)));
    }
}

void sends_queue_up_inside_events(Trial &trial)
{
    trial.options.send_queue_bytes_max = 300000;
    trial.options.send_queue_bytes_low = 100000;
    trial.on(IOCPNET_EVENT_CONNECTED, [&trial](const iocpnet_event &event) { fill(trial, event.session); });
    trial.on(IOCPNET_EVENT_WRITABLE,
             [&trial](const iocpnet_event &event) { trial.send_and_note(event.session, "more"); });
    trial.serve();
    Peer &peer = trial.connect_peer(4096);
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    await_everything(trial, peer);
}

void sends_queue_up_from_another_thread(Trial &trial)
{
    trial.serve();
    Peer &peer = trial.connect_peer(4096);
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    const iocpnet_session session = trial.session(0);
    std::thread([&] { fill(trial, session); }).join();
    await_everything(trial, peer);
}

void pieces_are_gathered(Trial &trial)
{
    constexpr size_t count = 20;
    constexpr size_t bytes = count * piece_size;
    trial.on(IOCPNET_EVENT_CONNECTED, [&trial](const iocpnet_event &event) {
        const std::string piece(piece_size, 'p');
        iocpnet_iovec pieces[count] = {};
        for (iocpnet_iovec &each : pieces) {
            each.size = piece.size();
            each.data = piece.data();
        }
        if (!trial.allow(iocpnet_session_sendv(event.session, pieces, count), {IOCPNET_E_CLOSED})) {
            trial.disconnect(event.session, IOCPNET_DISCONNECT_ABORT, gave_up, nullptr);
        }
    });
    trial.serve();
    Peer &peer = trial.connect_peer();
    trial.run_until([&] { return peer.ended || peer.received.size() >= bytes; });
    trial.reach(peer.received == std::string(bytes, 'p'));
}

/* After sends that failed for want of memory the queue has all of its room. */
void refused_sends_take_no_room(Trial &trial)
{
    constexpr size_t most = 100000;
    trial.options.send_queue_bytes_max = most;
    trial.options.send_queue_bytes_low = 0;
    trial.on(IOCPNET_EVENT_CONNECTED,
             [&trial](const iocpnet_event &event) { trial.send_and_note(event.session, "inside"); });
    trial.serve();
    Peer &peer = trial.connect_peer();
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    const iocpnet_session session = trial.session(0);
    trial.send_and_note(session, "outside");
    trial.run_until([&] { return peer.ended || peer.received.size() == trial.accepted().size(); });
    trial.run_until([&] { return peer.ended || api_test::session_details(session).send_queue_bytes == 0; });
    const std::string bytes(most, 'm');
    if (session != 0) {
        trial.allow(iocpnet_session_send(session, bytes.data(), most), {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE});
    }
    trial.reach(session != 0);
}

/* More than the budget has room for, to all sessions at once: those that are refused are told when there is room. */
void sends_wait_for_the_budget(Trial &trial)
{
    constexpr uint64_t sessions = 6;
    /* The handler's too: it may run when the scenario has returned because of the shortage. */
    struct Outcome {
        std::atomic<uint64_t> refused{0};
        std::atomic<bool> tried{false};
    };
    const auto outcome = std::make_shared<Outcome>();
    trial.options.memory_budget_bytes = 8192;
    trial.options.send_queue_bytes_max = 2048;
    trial.options.send_queue_bytes_low = 1024;
    trial.on(IOCPNET_EVENT_RECEIVED, [&trial, outcome](const iocpnet_event &) {
        const std::string bytes(2000, 'b');
        for (uint64_t i = 0; i < sessions && trial.session(i) != 0; i++) {
            const int32_t status = iocpnet_session_send(trial.session(i), bytes.data(), bytes.size());
            if (status == IOCPNET_E_WOULD_BLOCK) {
                outcome->refused++;
            } else {
                trial.allow(status, {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE});
            }
        }
        outcome->tried = true;
    });
    trial.serve();
    Peer &peer = trial.connect_peer();
    for (uint64_t i = 1; i < sessions; i++) {
        trial.connect_peer();
    }
    trial.run_until([&] { return trial.was_short() || trial.count(IOCPNET_EVENT_CONNECTED) == sessions; });
    peer.send("x");
    trial.run_until([&] {
        return trial.was_short() || peer.ended ||
               (outcome->tried && trial.count(IOCPNET_EVENT_WRITABLE) >= outcome->refused);
    });
    trial.reach(outcome->tried);
}

/* The queue is small, and only one event is fetched at a time. */
void events_queue_up(Trial &trial)
{
    trial.options.event_queue_bytes_max = 10000;
    trial.options.receive_buffer_bytes = 4096;
    trial.capacity = 1;
    trial.serve();
    Peer &peer = trial.connect_peer();
    const std::string bytes(400000, 'q');
    size_t sent = 0;
    trial.run_until([&] {
        sent += peer.ended ? 0 : peer.socket.send_some(std::string_view(bytes).substr(sent));
        return peer.ended || trial.received_bytes() == bytes.size();
    });
    trial.reach(trial.received_bytes() == bytes.size());
}

/* All that is in the queue goes with the service. */
void events_are_never_fetched(Trial &trial)
{
    trial.options.event_queue_bytes_max = 10000;
    trial.serve();
    Peer &peer = trial.connect_peer();
    peer.send(std::string(20000, 'q'));
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    peer.send(std::string(20000, 'r'));
    trial.reach(trial.count(IOCPNET_EVENT_CONNECTED) == 1);
}

/* Two of them: to a list, and to all. */
void buffers_are_broadcast(Trial &trial)
{
    const std::string bytes(5000, 'b');
    trial.serve();
    Peer &peer = trial.connect_peer();
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    const iocpnet_session session = trial.session(0);
    iocpnet_buffer buffer = 0;
    iocpnet_broadcast_result result = {};
    if (session != 0 && trial.allow(iocpnet_buffer_create(bytes.data(), bytes.size(), &buffer))) {
        trial.allow(iocpnet_service_broadcast(trial.service(), buffer, &session, 1, 0, &result));
        trial.allow(iocpnet_service_broadcast(trial.service(), buffer, nullptr, 0, IOCPNET_BROADCAST_EXCEPT, nullptr));
        trial.allow(iocpnet_buffer_release(buffer));
    }
    /* Whoever has no memory for the second misses it. */
    trial.run_until([&] {
        return peer.ended || peer.received.size() == 2 * bytes.size() ||
               (trial.was_short() && peer.received.size() >= result.queued * bytes.size());
    });
    trial.reach(peer.received == std::string(2 * bytes.size(), 'b'));
}

/* What is sent back from where it was received has to be copied: first another thread sends, then the callback again. */
void replies_wait_for_other_sends(Trial &trial)
{
    trial.on(IOCPNET_EVENT_RECEIVED, [&trial](const iocpnet_event &event) {
        const iocpnet_session session = event.session;
        const std::string received(static_cast<const char *>(event.data), static_cast<size_t>(event.size));
        if (!trial.allow(iocpnet_session_send(session, event.data, event.size), {IOCPNET_E_CLOSED})) {
            trial.disconnect(session, IOCPNET_DISCONNECT_ABORT, gave_up, nullptr);
        }
        if (received == "x") {
            std::thread([&] { trial.send(session, "other"); }).join();
        }
        trial.send(session, "behind");
    });
    trial.serve();
    Peer &peer = trial.connect_peer();
    /* The second needs a larger chunk than the first has left behind. */
    const std::string large(300, 'y');
    const std::string expected[] = {"xotherbehind", "xotherbehind" + large + "behind"};
    for (size_t i = 0; i < 2; i++) {
        peer.send(i == 0 ? "x" : large);
        trial.run_until([&] { return peer.ended || peer.received.size() >= expected[i].size(); });
    }
    trial.reach(peer.received == expected[1]);
}

} // namespace

std::vector<Scenario> queue_scenarios()
{
    return {{"sends_queue_up_inside_events", sends_queue_up_inside_events},
            {"sends_queue_up_from_another_thread", sends_queue_up_from_another_thread},
            {"pieces_are_gathered", pieces_are_gathered},
            {"refused_sends_take_no_room", refused_sends_take_no_room},
            {"sends_wait_for_the_budget", sends_wait_for_the_budget},
            {"buffers_are_broadcast", buffers_are_broadcast},
            {"replies_wait_for_other_sends", replies_wait_for_other_sends},
            {"events_queue_up", events_queue_up, false, true},
            {"events_are_never_fetched", events_are_never_fetched, false, true}};
}

} // namespace scale_test
