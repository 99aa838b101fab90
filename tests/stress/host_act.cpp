/* The random things that a host does, inside events and outside of them. */
#include <algorithm>

#include "stress/check.hpp"
#include "stress/host.hpp"
#include "stress/watchdog.hpp"

namespace stress
{

namespace
{

char user_values[64];

/* More sessions or listeners than this wait for a slow dispatcher only: wine's server has a descriptor for each. */
constexpr uint64_t sessions_busy = 2000;
constexpr uint64_t listeners_busy = 100;

bool is_user_value(const void *user)
{
    return user == nullptr || (user >= user_values && user < user_values + sizeof user_values);
}

} // namespace

void Host::act(Random &random, uint32_t actor)
{
    actors_++;
    if (!quiet_) {
        const std::shared_ptr<Talk> talk = pick_talk(random);
        if (random.chance(15)) {
            act_on_service(random);
        } else if (talk != nullptr) {
            act_on_talk(random, *talk, actor_writer + actor);
        }
    }
    actors_--;
}

/* What is done inside an event, beside the recording of it. */
void Host::react(Random &random, Talk &talk, const iocpnet_event &event)
{
    if (!is_user_value(event.user)) {
        violate("a user value that nobody set: " + talk.describe());
    }
    if (event.kind == IOCPNET_EVENT_CONNECTED) {
        world_.tally.sessions++;
    } else if (event.kind == IOCPNET_EVENT_CONNECT_FAILED) {
        world_.tally.connects_failed++;
    } else if (event.kind == IOCPNET_EVENT_RECEIVED) {
        world_.tally.bytes += event.size;
    }
    if (quiet_) {
        return;
    }
    if (destroy_inside_ && random.chance(20)) {
        static_cast<void>(destroy());
        return;
    }
    if (random.chance(40)) {
        act_on_talk(random, talk, event.dispatcher);
    }
    if (random.chance(3)) {
        act_on_service(random);
    }
}

void Host::act_on_talk(Random &random, Talk &talk, uint32_t writer)
{
    const NoCallbacks none;
    const uint32_t what = random.below(100);
    int32_t status = IOCPNET_OK;
    if (what < 55) {
        send(random, talk, writer);
    } else if (what < 62) {
        status = iocpnet_session_pause_receive(talk.session());
    } else if (what < 82) {
        status = iocpnet_session_resume_receive(talk.session());
    } else if (what < 88) {
        disconnect(random, talk);
    } else if (what < 92) {
        status = iocpnet_session_set_user(talk.session(), &user_values[random.below(sizeof user_values)]);
    } else {
        ask(random, talk);
    }
    world_.expect("pause, resume or set_user", status, {IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED});
}

void Host::send(Random &random, Talk &talk, uint32_t writer)
{
    int32_t status = IOCPNET_OK;
    for (uint32_t i = random.chance(10) ? 30 : 1; i > 0 && status == IOCPNET_OK; i--) {
        status = talk.send(random, writer, options_.send_queue_bytes_max);
    }
    world_.expect("send", status,
                  {IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED, IOCPNET_E_WOULD_BLOCK, IOCPNET_E_TOO_LARGE,
                   talk.is_outbound() ? IOCPNET_E_INVALID_STATE : IOCPNET_OK});
}

void Host::disconnect(Random &random, Talk &talk)
{
    iocpnet_disconnect_options options;
    iocpnet_disconnect_options_init(&options, sizeof options);
    options.mode = random.below(2);
    options.timeout_ms = random.chance(30) ? random.between(1, 100) : 0;
    options.code = random.below(1000);
    const std::string text = close_text(options.code);
    options.text = options.code != 0 && random.chance(50) ? text.c_str() : nullptr;
    const bool plain = random.chance(30);
    talk.note_disconnect(plain || options.mode == IOCPNET_DISCONNECT_GRACEFUL);
    world_.expect("disconnect", iocpnet_session_disconnect(talk.session(), plain ? nullptr : &options),
                  {IOCPNET_E_INVALID_HANDLE});
}

void Host::ask(Random &random, Talk &talk)
{
    char text[64];
    void *user = nullptr;
    iocpnet_session_details details = {};
    int32_t status = IOCPNET_OK;
    switch (random.below(4)) {
    case 0:
        status = iocpnet_session_local_address(talk.session(), text, sizeof text);
        break;
    case 1:
        status = iocpnet_session_remote_address(talk.session(), text, sizeof text);
        break;
    case 2:
        status = iocpnet_session_get_user(talk.session(), &user);
        break;
    default:
        status = iocpnet_session_info(talk.session(), &details, sizeof details);
        break;
    }
    world_.expect("a question about a session", std::min<int32_t>(status, IOCPNET_OK),
                  {IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE, IOCPNET_E_SYSTEM});
    if (!is_user_value(user) || details.send_queue_bytes > options_.send_queue_bytes_max) {
        violate("a wrong answer about a session: " + talk.name());
    }
}

void Host::connect(Random &random)
{
    const std::string address = world_.pick_target(random);
    iocpnet_service_statistics statistics = {};
    iocpnet_service_stats(service_, &statistics, sizeof statistics);
    if (address.empty() || statistics.sessions_live > sessions_busy) {
        return;
    }
    iocpnet_session session = 0;
    iocpnet_connect_options options;
    iocpnet_connect_options_init(&options, sizeof options);
    options.timeout_ms = random.chance(70) ? 5000 : random.below(100);
    options.dispatcher = random.chance(50) ? random.below(options_.dispatcher_count) : options.dispatcher;
    options.user = &user_values[random.below(sizeof user_values)];
    const int32_t status = iocpnet_session_connect(service_, address.c_str(), &options, &session);
    world_.expect("connect", status,
                  {IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED, IOCPNET_E_LIMIT_REACHED});
    if (status == IOCPNET_OK) {
        connects_made_++;
        static_cast<void>(talk_of(session, true));
    }
}

void Host::close_listener(Random &random)
{
    iocpnet_listener listener = 0;
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (listeners_.size() < 2) {
            return;
        }
        std::swap(listeners_[random.below(listeners_.size())], listeners_.back());
        listener = listeners_.back();
        listeners_.pop_back();
    }
    world_.expect("listener_close", iocpnet_listener_close(listener), {IOCPNET_E_INVALID_HANDLE});
}

void Host::act_on_service(Random &random)
{
    const NoCallbacks none;
    iocpnet_service_statistics statistics;
    iocpnet_live_objects objects = {};
    int32_t status = IOCPNET_OK;
    switch (random.below(10)) {
    case 0:
        status = iocpnet_count_live_objects(&objects, sizeof objects);
        if (objects.listeners < listeners_busy) {
            open_listener(random);
        }
        break;
    case 1:
        close_listener(random);
        break;
    case 2:
        status = iocpnet_service_stats(service_, &statistics, sizeof statistics);
        break;
    case 3:
        status = iocpnet_service_wake(service_, random.below(options_.dispatcher_count));
        break;
    case 4:
        status = iocpnet_count_live_objects(&objects, sizeof objects);
        break;
    default:
        connect(random);
        break;
    }
    world_.expect("a call on a service", status, {IOCPNET_E_INVALID_HANDLE});
}

} // namespace stress
