#include "host.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
#include "os/sim/network.h"
#include "os/sim/scheduler.h"
#include "util/memory.h"
}

namespace sim_test
{

Session *random_session()
{
    const std::vector<uint32_t> &live = world.model.live();
    if (live.empty()) {
        return nullptr;
    }
    Session &session = world.model.session(live[icn_sim_choose(static_cast<uint32_t>(live.size()))]);
    return session.handle != 0 ? &session : nullptr;
}

Service *random_service()
{
    const uint32_t count = world.model.service_count();
    if (count == 0) {
        return nullptr;
    }
    Service &service = world.model.service(icn_sim_choose(count));
    return service.made ? &service : nullptr;
}

namespace
{

enum class SessionAction {
    send,
    send_again,
    send_burst,
    disconnect,
    pause,
    resume,
    pause_and_resume,
    set_user,
    get_user,
    addresses,
    info,
    send_nothing,
    set_timer,
    cancel_timer,
    post,
    set_framing,
    join_group,
    join_group_again,
    leave_group,
    kinds
};

void send_states(Session &session)
{
    for (uint32_t i = 1 + icn_sim_choose(6); i-- > 0;) {
        const uint32_t key = 1 + icn_sim_choose(3);
        send_state(session, draw_message_size(session), key);
    }
}

void act_rarely_on(Session &session)
{
    switch (icn_sim_choose(3)) {
    case 1:
        condition_session(session);
        break;
    case 2:
        send_states(session);
        break;
    default:
        send_nothing(session);
        break;
    }
}

void act_on(Session &session)
{
    switch (static_cast<SessionAction>(icn_sim_choose(static_cast<uint32_t>(SessionAction::kinds)))) {
    case SessionAction::send:
    case SessionAction::send_again:
        send_message(session, draw_message_size(session));
        break;
    case SessionAction::send_burst:
        for (uint32_t i = 1 + icn_sim_choose(4); i-- > 0;) {
            send_message(session, draw_message_size(session));
        }
        break;
    case SessionAction::disconnect:
        disconnect_session(session);
        break;
    case SessionAction::pause:
        pause_session(session, true);
        break;
    case SessionAction::resume:
        pause_session(session, false);
        break;
    case SessionAction::pause_and_resume:
        pause_session(session, true);
        pause_session(session, false);
        break;
    case SessionAction::set_user:
        set_user(session);
        break;
    case SessionAction::get_user:
        get_user(session);
        break;
    case SessionAction::addresses:
        ask_addresses(session);
        break;
    case SessionAction::info:
        ask_info(session);
        break;
    case SessionAction::set_timer:
        set_timer(session);
        break;
    case SessionAction::cancel_timer:
        cancel_timer(session);
        break;
    case SessionAction::post:
        post_job(session);
        break;
    case SessionAction::set_framing:
        set_framing(session);
        break;
    case SessionAction::join_group:
    case SessionAction::join_group_again:
        join_group(session);
        break;
    case SessionAction::leave_group:
        leave_group(session);
        break;
    default:
        act_rarely_on(session);
        break;
    }
}

enum class ServiceAction {
    connect,
    connect_again,
    listener_open,
    listener_close,
    wake,
    ask,
    start,
    drive,
    set_timer,
    cancel_timer,
    post,
    create_group,
    destroy_group,
    broadcast_to_group,
    count_group,
    kinds
};

void drive_by_chance(Service &service)
{
    const bool drivable = service.batches() || service.driven_by_host();
    if (drivable && !inside_callback()) {
        const uint32_t dispatcher = icn_sim_choose(service.configuration->options.dispatcher_count);
        (void)drive_once(service, dispatcher, icn_sim_choose(2) * 10);
    }
}

void act_on(Service &service)
{
    switch (static_cast<ServiceAction>(icn_sim_choose(static_cast<uint32_t>(ServiceAction::kinds)))) {
    case ServiceAction::connect:
    case ServiceAction::connect_again:
        (void)connect_out(service);
        break;
    case ServiceAction::listener_open:
        open_listener(service);
        break;
    case ServiceAction::listener_close:
        /* Peers can not come without any. */
        if (icn_sim_choose(3) == 1) {
            close_listener(service);
        }
        break;
    case ServiceAction::wake:
        wake_service(service);
        break;
    case ServiceAction::ask:
        if (icn_sim_choose(12) == 1) {
            condition_service(service);
        } else {
            ask_service(service);
        }
        break;
    case ServiceAction::start:
        start_service(service);
        break;
    case ServiceAction::set_timer:
        set_service_timer(service);
        break;
    case ServiceAction::cancel_timer:
        cancel_service_timer(service);
        break;
    case ServiceAction::post:
        post_to_dispatcher(service);
        break;
    case ServiceAction::create_group:
        create_group(service);
        break;
    case ServiceAction::destroy_group:
        destroy_group();
        break;
    case ServiceAction::broadcast_to_group:
        broadcast_to_group();
        break;
    case ServiceAction::count_group:
        count_group();
        break;
    default:
        drive_by_chance(service);
        break;
    }
}

void end_early(Service &service)
{
    static const uint32_t drains[] = {100, 0, 2000};
    if (icn_sim_choose(2) == 0) {
        stop_service(service, drains[icn_sim_choose(3)]);
    } else {
        (void)destroy_service(service);
    }
}

/* Allocations begin to fail, or to succeed again. */
void change_faults()
{
    const FaultConfiguration &faults = world.configuration.faults;
    if (faults.descriptors_max != 0) {
        icn_sim_set_descriptors_max(icn_sim_choose(2) == 0 ? 1024 : 4 + icn_sim_choose(12));
    }
    if (!faults.memory) {
        return;
    }
    if (icn_sim_choose(2) == 0) {
        icn_memory_fail(0, 0);
        return;
    }
    /* One choice a statement: the order within one is the compiler's. */
    const uint32_t first = 1 + icn_sim_choose(32);
    const bool for_ever = faults.memory_for_ever && icn_sim_choose(3) == 1;
    icn_memory_fail(first, for_ever);
}

} // namespace

void act_at_random()
{
    const HostConfiguration &host = world.configuration.host;
    if (icn_sim_chance(host.misuse)) {
        misuse();
        return;
    }
    if (icn_sim_chance(host.end_early)) {
        Service *service = random_service();
        if (service != nullptr) {
            end_early(*service);
        }
        return;
    }
    const uint32_t what = icn_sim_choose(16);
    if (what < 11) {
        Session *session = random_session();
        if (session != nullptr) {
            act_on(*session);
        }
    } else if (what < 14) {
        Service *service = random_service();
        if (service != nullptr) {
            act_on(*service);
        }
    } else if (what == 14) {
        change_faults();
    } else if (world.configuration.faults.log && !inside_callback()) {
        set_log(icn_sim_choose(2) == 1);
    }
}

/* The end of the peer's stream, which was kept back, then closes the session while there is something to send. */
static void answer_and_resume(Session &session)
{
    send_message(session, draw_message_size(session));
    pause_session(session, false);
}

void act_in_callback(Service &, Session *session)
{
    if (session != nullptr && session->paused && icn_sim_choose(3) == 1) {
        answer_and_resume(*session);
    }
    for (uint32_t i = 1 + icn_sim_choose(3); i-- > 0;) {
        if (session != nullptr && icn_sim_choose(4) != 3) {
            act_on(*session);
        } else {
            act_at_random();
        }
    }
}

} // namespace sim_test
