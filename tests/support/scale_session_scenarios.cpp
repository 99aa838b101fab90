/* Scenarios of single sessions: how they begin, exchange bytes and end. */
#include "support/scale_sweep.hpp"

namespace scale_test
{

using api_test::Socket;

namespace
{

const std::string text(1000, 't');

void echo(Trial &trial)
{
    trial.on(IOCPNET_EVENT_RECEIVED, [&trial](const iocpnet_event &event) {
        trial.send(event.session, {static_cast<const char *>(event.data), static_cast<size_t>(event.size)});
    });
}

/* An accepted session has echoed. */
Peer &connect_and_exchange(Trial &trial)
{
    trial.serve();
    Peer &peer = trial.connect_peer();
    peer.send(text);
    trial.run_until([&] { return peer.ended || peer.received.size() >= text.size(); });
    return peer;
}

void peer_closes(Trial &trial)
{
    echo(trial);
    Peer &peer = connect_and_exchange(trial);
    if (!peer.ended) {
        peer.socket.shutdown_send();
    }
    trial.run_until_idle();
    trial.reach(peer.received == text);
}

void peer_resets(Trial &trial)
{
    echo(trial);
    Peer &peer = connect_and_exchange(trial);
    peer.socket.reset();
    peer.ended = true;
    trial.run_until_idle();
    trial.reach(peer.received == text);
}

/* Memory may be short for the text, which is then left out; never for the close and its code. */
void check_close(Trial &trial, const char *close_text)
{
    const api_test::SessionRecord record = trial.record(trial.session(0));
    const bool requested = record.ended && record.last.fields.close_reason == IOCPNET_CLOSE_REQUESTED &&
                           record.last.fields.close_code != gave_up;
    if (requested && (record.last.fields.close_code != 42 ||
                      (record.last.close_text != close_text && (record.last.has_close_text || !trial.was_short())))) {
        trial.complain("another close text or code: " + record.last.close_text);
    }
    trial.reach(requested);
}

void disconnect_from_outside(Trial &trial)
{
    echo(trial);
    connect_and_exchange(trial);
    trial.disconnect(trial.session(0), IOCPNET_DISCONNECT_GRACEFUL, 42, "enough");
    trial.run_until_idle();
    check_close(trial, "enough");
}

void disconnect_from_inside(Trial &trial)
{
    trial.on(IOCPNET_EVENT_RECEIVED, [&trial](const iocpnet_event &event) {
        trial.disconnect(event.session, IOCPNET_DISCONNECT_ABORT, 42, "in the event");
        trial.disconnect(event.session, IOCPNET_DISCONNECT_ABORT, 43, "once more");
    });
    trial.serve();
    trial.connect_peer().send(text);
    trial.run_until_idle();
    check_close(trial, "in the event");
}

void connect_out(Trial &trial)
{
    Socket server = Socket::listen();
    trial.create();
    trial.start();
    const iocpnet_session session = trial.connect(server.address());
    trial.run_until([&] { return session == 0 || trial.record(session).connected || trial.record(session).ended; });
    Peer &peer = trial.add_peer(trial.record(session).connected ? server.accept() : Socket());
    peer.send(text);
    trial.send(trial.record(session).connected ? session : 0, text);
    trial.run_until([&] {
        return peer.ended ||
               (peer.received.size() >= text.size() && trial.record(session).received_bytes >= text.size());
    });
    trial.disconnect(session, IOCPNET_DISCONNECT_GRACEFUL, 0, nullptr);
    trial.run_until_idle();
    trial.reach(peer.received == text && trial.record(session).received == text);
}

void connect_refused(Trial &trial)
{
    const std::string nobody = Socket::listen().address();
    trial.create();
    trial.start();
    const iocpnet_session session = trial.connect(nobody);
    trial.run_until_ended(session != 0 ? 1 : 0);
    trial.reach(trial.count(IOCPNET_EVENT_CONNECT_FAILED) == 1);
}

void connect_given_up(Trial &trial)
{
    Socket server = Socket::listen();
    trial.create();
    trial.start();
    const iocpnet_session session = trial.connect(server.address());
    trial.disconnect(session, IOCPNET_DISCONNECT_ABORT, 42, "given up");
    trial.run_until_ended(session != 0 ? 1 : 0);
    /* With threads of the library it may have been connected before. */
    trial.reach(trial.count(IOCPNET_EVENT_CONNECT_FAILED) + trial.count(IOCPNET_EVENT_DISCONNECTED) == 1);
}

/* Both ends in one service. */
void connect_to_itself(Trial &trial)
{
    echo(trial);
    trial.on(IOCPNET_EVENT_CONNECTED, [&trial](const iocpnet_event &event) {
        if (event.listener == 0) {
            trial.send(event.session, text);
        }
    });
    trial.on(IOCPNET_EVENT_RECEIVED, [&trial](const iocpnet_event &event) {
        if (event.listener == 0) {
            trial.disconnect(event.session, IOCPNET_DISCONNECT_ABORT, 0, "seen");
        } else {
            trial.send(event.session, text);
        }
    });
    trial.serve();
    const iocpnet_session session = trial.is_serving() ? trial.connect(trial.address()) : 0;
    trial.run_until([&] { return session == 0 || trial.record(session).ended; });
    trial.run_until_idle();
    trial.reach(trial.count(IOCPNET_EVENT_DISCONNECTED) == 2);
}

void pause_and_resume(Trial &trial)
{
    echo(trial);
    trial.on(IOCPNET_EVENT_CONNECTED,
             [&trial](const iocpnet_event &event) { trial.allow(iocpnet_session_pause_receive(event.session)); });
    trial.serve();
    Peer &peer = trial.connect_peer();
    peer.send(text);
    trial.run_until([&] { return peer.ended || trial.count(IOCPNET_EVENT_CONNECTED) == 1; });
    const iocpnet_session session = trial.session(0);
    if (session != 0) {
        trial.allow(iocpnet_session_resume_receive(session), {IOCPNET_E_CLOSED, IOCPNET_E_INVALID_HANDLE});
    }
    trial.run_until([&] { return peer.ended || peer.received.size() >= text.size(); });
    trial.reach(peer.received == text);
}

} // namespace

std::vector<Scenario> session_scenarios()
{
    return {{"peer_closes", peer_closes},
            {"peer_resets", peer_resets},
            {"disconnect_from_outside", disconnect_from_outside},
            {"disconnect_from_inside", disconnect_from_inside},
            {"connect_out", connect_out},
            {"connect_refused", connect_refused},
            {"connect_given_up", connect_given_up},
            {"connect_to_itself", connect_to_itself},
            {"pause_and_resume", pause_and_resume}};
}

} // namespace scale_test
