/*
 * The simulated host: what it does to the library by its public interface, with the model written along. Every function
 * runs in a fiber, and may be left for others in the middle of each call of the library.
 */
#pragma once

#include <cstdint>

#include "model.hpp"
#include "peers.hpp"

namespace sim_test
{

/* True inside a callback of the library on this fiber. */
bool inside_callback();

/* ---- sessions (host_session.cpp) ---- */
void send_message(Session &session, uint32_t size);
/* A newer one with the same key may replace it. */
void send_state(Session &session, uint32_t size, uint32_t key);
void send_nothing(Session &session);
/* To all sessions of its service but this one. */
void broadcast_to_others(const Session &session);
/* More than any queue holds, with few bytes behind it. */
void send_too_much(Session &session);
void disconnect_session(Session &session);
void pause_session(Session &session, bool pause);
void set_user(Session &session);
void get_user(Session &session);
void ask_addresses(Session &session);
void ask_info(Session &session);
/* False: it failed at once. */
bool connect_out(Service &service);
/* The size of the next message, drawn. */
uint32_t draw_message_size(const Session &session);
/* The value that a session of the model gives to the library as its user pointer. */
void *user_value(const Session &session, uint32_t variant);

/* ---- receiving (host_receive.cpp) ---- */
Framing draw_framing();
/* As the library takes it; NULL: none. `options` has to live as long. */
const iocpnet_framing *options_of(const Framing &framing, iocpnet_framing &options);
/* The session has it from the start. */
void begin_framing(Session &session, const Framing &framing);
void set_framing(Session &session);
/* Writes a RECEIVED down, and checks it; consumes of a stream. */
void note_received(const iocpnet_event &event, Session &session, bool data_known);
/* What its peer sent and no event has told for good when the stream ended, as its framing wants it. */
uint64_t bytes_not_told(const Session &session, const Peer &peer);

/* ---- admission and limits (host_admission.cpp) ---- */
iocpnet_session_limits draw_session_limits();
bool has_limits(const Session &session);
/* The accept filter of a listener, which is `user`. */
int32_t IOCPNET_CALL on_accept(const iocpnet_accept_request *request, void *user);
/* A peer of the listener has become a session. */
void check_admitted(const Listener &listener, const Peer &peer);
/* It sent the header that its listener wants. */
void check_proxied(const Listener &listener, const Peer &peer, const Session &session);
/* Another session of the service was accepted. */
void check_address_limits(const Service &service);
/* What may have ended a session because of its limits. */
Causes causes_of_limits(const Session &session);
/* Milliseconds of the clock before which no deadline can have ended it for this reason. */
uint64_t earliest_by_limits(uint32_t reason, const Session &session);

/* ---- conditioners (host_conditioner.cpp) ---- */
void condition_session(Session &session);
/* All sessions that open from then on. */
void condition_service(Service &service);
/* Now, or at some time. */
bool may_be_conditioned(const Session &session);
bool may_be_reset_by_conditioner(const Session &session);

/* ---- groups (host_group.cpp); random ones, unless named ---- */
void create_group(Service &service);
void destroy_group();
void join_group(Session &session);
void leave_group(Session &session);
void broadcast_to_group();
void count_group();

/* ---- timers and jobs (host_schedule.cpp) ---- */
void set_timer(Session &session);
void cancel_timer(Session &session);
void post_job(Session &session);
void set_service_timer(Service &service);
void cancel_service_timer(Service &service);
void post_to_dispatcher(Service &service);
/* Whom it was posted to ends: all that was accepted has run. */
void check_jobs_ran(const Service &service, uint64_t owner);
/* Write an event of theirs down, and check it. */
void note_timer(const iocpnet_event &event, Service &service, TimerLog &timers);
void note_job(const iocpnet_event &event, const Service &service);

/* ---- services (host_service.cpp) ---- */
/* False: the library had no resources for it. */
bool make_service(uint32_t slot);
void start_service(Service &service);
void stop_service(Service &service, uint32_t drain_ms);
/* False: it failed for want of resources, and has to be tried again. */
bool destroy_service(Service &service);
void open_listener(Service &service);
void close_listener(Service &service);
void wake_service(Service &service);
void ask_service(Service &service);
void set_log(bool on);

/* ---- driving (host_driving.cpp) ---- */
/* One dispatch or poll, with what it brings; false: the service can not be driven any more. */
bool drive_once(Service &service, uint32_t dispatcher, uint32_t timeout_ms);
/* For as long as it can be driven; by one fiber a dispatcher at least. */
void pump(Service &service, uint32_t dispatcher);

/* ---- events (host_event.cpp, host_end.cpp) ---- */
/* Writes an event down and checks it. `data_known`: its pointers may be followed. */
void note_event(const iocpnet_event &event, Service &service, bool data_known);
void note_end(const iocpnet_event &event, Session &session, bool data_known);
/* What the library says about a session that has just ended. */
void learn_totals(Session &session);
/* The host's answer to an event. */
void react(const iocpnet_event &event, Service &service);
/* Until session.lent is NULL again, what its host sends may be the bytes of this event. */
void lend(const iocpnet_event &event, Session &session);
/* The iocpnet_callback of every kind of event; `user` is the service. */
void IOCPNET_CALL on_event(const iocpnet_event *event, void *user);
/* Batches: its last event went with its service. */
void discard_session(Session &session);
/* destroy has returned, or the last callback came. */
void service_is_gone(Service &service);

/* ---- actions (host_actions.cpp) ---- */
void act_at_random();
void act_in_callback(Service &service, Session *session);
/* In the callback of an event of this session: between what that event told and the next one. */
bool is_between_events(const Session &session);
/* NULL: there is none. */
Session *random_session();
Service *random_service();

/* ---- mistakes of the host (host_misuse.cpp) ---- */
void misuse();

/* ---- fibers (host_fibers.cpp) ---- */
/* The first fiber of a run: makes services, waits for the peers, ends everything, checks what is left. */
void run_host(void *);

/* ---- at the end (final_checks.cpp) ---- */
void check_session_totals(Session &session);
void check_everything_ended();

/* ---- statuses (statuses.cpp) ---- */
using Statuses = uint64_t;
constexpr Statuses status_bit(int32_t status)
{
    return Statuses{1} << (status + 32);
}
template <typename... Status>
constexpr Statuses statuses(Status... each)
{
    return (status_bit(each) | ...);
}
/* A status that the function does not document, or that no fault of this run explains, is a violation. */
void check_status(const char *function, int32_t status, Statuses documented);
[[noreturn]] void wrong_status(const char *function, int32_t status, const char *why);

} // namespace sim_test
