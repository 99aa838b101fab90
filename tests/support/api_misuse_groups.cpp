/* The table of misuse: buffers, groups, timers, jobs and conditioners. */
#include "support/api_misuse.hpp"

namespace api_test
{

namespace
{

const std::set<int32_t> argument = {IOCPNET_E_INVALID_ARGUMENT};

char byte[16];

void IOCPNET_CALL nothing(const iocpnet_event *, void *)
{
}

} // namespace

void add_buffer(Table &table, const World &world)
{
    const World *w = &world;
    const std::set<int32_t> handle = {IOCPNET_E_INVALID_HANDLE};
    table["iocpnet_buffer_create"].wrong = {
        {"NULL", [] { return iocpnet_buffer_create(byte, 1, nullptr); }, argument},
        {"NULL data", [] { return iocpnet_buffer_create(nullptr, 1, &outputs.handle); }, argument},
        {"above the limit",
         [] { return iocpnet_buffer_create(byte, IOCPNET_BUFFER_BYTES_MAX + 1, &outputs.handle); },
         {IOCPNET_E_TOO_LARGE}},
        {"highest size",
         [] { return iocpnet_buffer_create(byte, UINT64_MAX, &outputs.handle); },
         {IOCPNET_E_TOO_LARGE}}};
    table["iocpnet_buffer_retain"] = {Kind::buffer, iocpnet_buffer_retain, {}};
    table["iocpnet_buffer_release"] = {Kind::buffer, iocpnet_buffer_release, {}};
    table["iocpnet_session_send_buffer"] = {
        Kind::session,
        [=](uint64_t h) { return iocpnet_session_send_buffer(h, w->buffer); },
        {{"no buffer", [=] { return iocpnet_session_send_buffer(w->session, 0); }, handle},
         {"a session for the buffer", [=] { return iocpnet_session_send_buffer(w->session, w->session); }, handle}}};
    const auto broadcast = [=](const iocpnet_session *sessions, uint32_t count, uint32_t flags) {
        return [=] {
            return iocpnet_service_broadcast(w->service, w->buffer, sessions, count, flags, &outputs.broadcast);
        };
    };
    static const std::vector<iocpnet_session> many(IOCPNET_BROADCAST_EXCEPT_MAX + 1);
    constexpr uint32_t except = IOCPNET_BROADCAST_EXCEPT;
    table["iocpnet_service_broadcast"] = {
        Kind::service,
        [=](uint64_t h) { return iocpnet_service_broadcast(h, w->buffer, nullptr, 0, except, &outputs.broadcast); },
        {{"no buffer", [=] { return iocpnet_service_broadcast(w->service, 0, nullptr, 0, except, &outputs.broadcast); },
          handle},
         {"not started",
          [=] { return iocpnet_service_broadcast(w->fresh, w->buffer, nullptr, 0, except, &outputs.broadcast); },
          {IOCPNET_E_INVALID_STATE}},
         {"NULL sessions", broadcast(nullptr, 1, 0), argument},
         {"NULL sessions of the highest count", broadcast(nullptr, UINT32_MAX, 0), argument},
         {"too many excepted", broadcast(many.data(), IOCPNET_BROADCAST_EXCEPT_MAX + 1, except), argument},
         {"undefined flag", broadcast(nullptr, 0, 4), argument},
         {"all flags", broadcast(nullptr, 0, UINT32_MAX), argument}}};
}

void add_group(Table &table, const World &world)
{
    const World *w = &world;
    const std::set<int32_t> handle = {IOCPNET_E_INVALID_HANDLE};
    static uint64_t members;
    table["iocpnet_group_create"] = {Kind::service,
                                     [](uint64_t h) { return iocpnet_group_create(h, &outputs.handle); },
                                     {{"NULL", [=] { return iocpnet_group_create(w->service, nullptr); }, argument}}};
    table["iocpnet_group_destroy"] = {Kind::group, iocpnet_group_destroy, {}};
    table["iocpnet_group_add"] = {
        Kind::group,
        [=](uint64_t h) { return iocpnet_group_add(h, w->session); },
        {{"no session", [=] { return iocpnet_group_add(w->group, 0); }, handle},
         {"a buffer for the session", [=] { return iocpnet_group_add(w->group, w->buffer); }, handle}}};
    table["iocpnet_group_remove"] = {
        Kind::group,
        [=](uint64_t h) { return iocpnet_group_remove(h, w->session); },
        {{"no session", [=] { return iocpnet_group_remove(w->group, 0); }, handle},
         {"a group for the session", [=] { return iocpnet_group_remove(w->group, w->group); }, handle}}};
    table["iocpnet_group_count"] = {Kind::group,
                                    [](uint64_t h) { return iocpnet_group_count(h, &members); },
                                    {{"NULL", [=] { return iocpnet_group_count(w->group, nullptr); }, argument}}};
    const auto broadcast = [=](iocpnet_buffer buffer, uint32_t flags) {
        return [=] { return iocpnet_group_broadcast(w->group, buffer, flags, &outputs.broadcast); };
    };
    table["iocpnet_group_broadcast"] = {
        Kind::group,
        [=](uint64_t h) { return iocpnet_group_broadcast(h, w->buffer, 0, &outputs.broadcast); },
        {{"no buffer", broadcast(0, 0), handle},
         {"a group for the buffer", broadcast(w->group, 0), handle},
         {"EXCEPT", broadcast(w->buffer, IOCPNET_BROADCAST_EXCEPT), argument},
         {"all flags", broadcast(w->buffer, UINT32_MAX), argument}}};
    static const std::vector<iocpnet_session> many(IOCPNET_BROADCAST_EXCEPT_MAX + 1);
    const auto except = [=](const iocpnet_session *sessions, uint32_t count) {
        return
            [=] { return iocpnet_group_broadcast_except(w->group, w->buffer, sessions, count, 0, &outputs.broadcast); };
    };
    table["iocpnet_group_broadcast_except"] = {
        Kind::group,
        [=](uint64_t h) { return iocpnet_group_broadcast_except(h, w->buffer, nullptr, 0, 0, &outputs.broadcast); },
        {{"NULL sessions", except(nullptr, 1), argument},
         {"too many", except(many.data(), IOCPNET_BROADCAST_EXCEPT_MAX + 1), argument},
         {"highest count", except(many.data(), UINT32_MAX), argument}}};
}

void add_schedule(Table &table, const World &world)
{
    const World *w = &world;
    const std::set<int32_t> state = {IOCPNET_E_INVALID_STATE};
    table["iocpnet_session_set_timer"] = {
        Kind::session, [](uint64_t h) { return iocpnet_session_set_timer(h, 1, UINT32_MAX, UINT32_MAX); }, {}};
    table["iocpnet_session_cancel_timer"] = {
        Kind::session, [](uint64_t h) { return iocpnet_session_cancel_timer(h, 1); }, {}};
    table["iocpnet_service_set_timer"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_service_set_timer(h, 0, 1, UINT32_MAX, 0); },
        {{"not started", [=] { return iocpnet_service_set_timer(w->fresh, 0, 1, 0, 0); }, state},
         {"dispatcher above", [=] { return iocpnet_service_set_timer(w->service, 1, 1, 0, 0); }, argument},
         {"highest dispatcher", [=] { return iocpnet_service_set_timer(w->service, UINT32_MAX, 1, 0, 0); }, argument}}};
    table["iocpnet_service_cancel_timer"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_service_cancel_timer(h, 0, 1); },
        {{"dispatcher above", [=] { return iocpnet_service_cancel_timer(w->service, 1, 1); }, argument},
         {"highest dispatcher", [=] { return iocpnet_service_cancel_timer(w->service, UINT32_MAX, 1); }, argument}}};
    table["iocpnet_session_post"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_post(h, nothing, nullptr); },
        {{"NULL", [=] { return iocpnet_session_post(w->session, nullptr, nullptr); }, argument}}};
    table["iocpnet_dispatcher_post"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_dispatcher_post(h, 0, nothing, nullptr); },
        {{"NULL", [=] { return iocpnet_dispatcher_post(w->service, 0, nullptr, nullptr); }, argument},
         {"a function with batches", [=] { return iocpnet_dispatcher_post(w->polled, 0, nothing, nullptr); }, argument},
         {"not started", [=] { return iocpnet_dispatcher_post(w->fresh, 0, nothing, nullptr); }, state},
         {"dispatcher above", [=] { return iocpnet_dispatcher_post(w->service, 1, nothing, nullptr); }, argument},
         {"highest dispatcher", [=] { return iocpnet_dispatcher_post(w->service, UINT32_MAX, nothing, nullptr); },
          argument}}};
}

void add_conditioner(Table &table, const World &world)
{
    using Conditioner = iocpnet_conditioner;
    const World *w = &world;
    table["iocpnet_conditioner_init"].wrong = {
        {"NULL", [] { return iocpnet_conditioner_init(nullptr, sizeof(Conditioner)); }, argument}};
    table["iocpnet_service_set_conditioner"] = {
        Kind::service, [](uint64_t h) { return iocpnet_service_set_conditioner(h, nullptr); }, {}};
    table["iocpnet_session_set_conditioner"] = {
        Kind::session, [](uint64_t h) { return iocpnet_session_set_conditioner(h, nullptr); }, {}};
    const auto add = [&](const char *what, const std::function<void(Conditioner &)> &change) {
        const auto changed = [=] {
            Conditioner conditioner;
            iocpnet_conditioner_init(&conditioner, sizeof conditioner);
            change(conditioner);
            return conditioner;
        };
        const auto of_service = [=] {
            const Conditioner conditioner = changed();
            return iocpnet_service_set_conditioner(w->service, &conditioner);
        };
        const auto of_session = [=] {
            const Conditioner conditioner = changed();
            return iocpnet_session_set_conditioner(w->session, &conditioner);
        };
        table["iocpnet_service_set_conditioner"].wrong.push_back({what, of_service, argument});
        table["iocpnet_session_set_conditioner"].wrong.push_back({what, of_session, argument});
    };
    add("no direction", [](Conditioner &c) { c.directions = 0; });
    add("a third direction", [](Conditioner &c) { c.directions = 7; });
    add("delay", [](Conditioner &c) { c.delay_us = IOCPNET_CONDITION_US_MAX + 1; });
    add("jitter", [](Conditioner &c) { c.jitter_us = UINT32_MAX; });
    add("stall", [](Conditioner &c) { c.stall_us = UINT32_MAX; });
    add("chance of a stall", [](Conditioner &c) { c.stall_ppm = 1000001; });
    add("coalescing", [](Conditioner &c) { c.coalesce_us = UINT32_MAX; });
    add("chance of a reset", [](Conditioner &c) { c.reset_ppm = UINT32_MAX; });
    add("rate", [](Conditioner &c) { c.bytes_per_second = (UINT64_C(1) << 40) + 1; });
    add("nothing held", [](Conditioner &c) { c.held_bytes_max = 0; });
    add("too much held", [](Conditioner &c) { c.held_bytes_max = (UINT32_C(1) << 30) + 1; });
}

} // namespace api_test
