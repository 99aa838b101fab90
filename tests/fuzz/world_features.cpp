/* Calls of what sessions have beside their streams: framing, groups, timers, jobs, and listeners with limits. */
#include "fuzz/world.hpp"

namespace fuzz
{

namespace
{

constexpr size_t groups_max = 4;
constexpr size_t listeners_max = 6;
constexpr size_t jobs_max = 64;

/* What is cut keeps its headers, so that the stream is what it was. */
iocpnet_framing framing_of(uint32_t kind)
{
    iocpnet_framing framing;
    FUZZ_REQUIRE(iocpnet_framing_init(&framing, sizeof framing, kind) == IOCPNET_OK);
    framing.flags |= kind == IOCPNET_FRAMING_NONE ? 0 : static_cast<uint32_t>(IOCPNET_FRAMING_KEEP);
    return framing;
}

} // namespace

void World::call_feature()
{
    Service &service = services_[input_.below(static_cast<uint32_t>(services_.size()))];
    switch (input_.below(8)) {
    case 0:
        set_framing();
        break;
    case 1:
        send_message();
        break;
    case 2:
        set_timer(service);
        break;
    case 3:
        post(service);
        break;
    case 4:
        open_guarded_listener(service);
        break;
    case 5:
        create_group(service);
        break;
    case 6:
        change_group();
        break;
    default:
        broadcast();
        break;
    }
}

/* ---- messages ---- */

void World::set_framing()
{
    const Picked picked = pick_session();
    iocpnet_framing framing =
        framing_of(input_.pick<uint32_t>({IOCPNET_FRAMING_LENGTH, IOCPNET_FRAMING_DELIMITER, IOCPNET_FRAMING_NONE}));
    framing.message_bytes_max = input_.pick<uint32_t>({65536, 100, 1, 0});
    framing.length_width = framing.kind == IOCPNET_FRAMING_LENGTH ? input_.pick<uint32_t>({4, 2, 1, 3}) : 4;
    const int32_t status = iocpnet_session_set_framing(picked.handle, input_.below(4) != 0 ? &framing : nullptr);
    expect(status, picked, {IOCPNET_OK, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_CLOSED});
    if (picked.session != nullptr) {
        picked.session->end.cut = true; /* the beginning of a message is lost with the end of a stream */
    } else if (status == IOCPNET_OK) {
        cut_unknown_ = true;
    }
}

void World::send_message()
{
    const Picked picked = pick_session();
    const std::string bytes = input_.bytes(input_.below(64)) + "\n";
    const int32_t status = iocpnet_session_send_message(picked.handle, bytes.data(), bytes.size());
    expect(status, picked,
           {IOCPNET_OK, IOCPNET_E_WOULD_BLOCK, IOCPNET_E_TOO_LARGE, IOCPNET_E_CLOSED, IOCPNET_E_INVALID_STATE,
            IOCPNET_E_INVALID_ARGUMENT});
    if (status == IOCPNET_OK) {
        forget_stream(picked.session);
    }
}

/* What it sends is not known any more; that of one that is not known either: of nobody. */
void World::forget_stream(Session *session)
{
    if (session != nullptr) {
        session->end.unknown = true;
    } else {
        all_unknown_ = true;
    }
}

/* ---- timers and jobs ---- */

void World::set_timer(const Service &service)
{
    const uint64_t id = input_.below(3);
    const uint32_t delay_ms = input_.pick<uint32_t>({0, 1, 1000000});
    const uint32_t period_ms = input_.pick<uint32_t>({0, 0, 1, 4000000000u});
    const bool ends = input_.below(3) == 0;
    if (input_.flag()) {
        const Picked picked = pick_session();
        if (ends) {
            expect(iocpnet_session_cancel_timer(picked.handle, id), picked, {IOCPNET_OK});
        } else {
            expect(iocpnet_session_set_timer(picked.handle, id, delay_ms, period_ms), picked,
                   {IOCPNET_OK, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED});
        }
        return;
    }
    const uint32_t dispatcher = input_.below(3);
    const int32_t status = ends ? iocpnet_service_cancel_timer(service.handle, dispatcher, id)
                                : iocpnet_service_set_timer(service.handle, dispatcher, id, delay_ms, period_ms);
    expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_STATE,
                    IOCPNET_E_CLOSED});
    FUZZ_REQUIRE((status == IOCPNET_E_INVALID_HANDLE) == service.destroyed);
    FUZZ_REQUIRE(service.destroyed || (status == IOCPNET_E_INVALID_ARGUMENT) == (dispatcher >= service.dispatchers));
}

void World::post(const Service &service)
{
    if (jobs_.size() == jobs_max) {
        return;
    }
    jobs_.emplace_back();
    Job &job = jobs_.back();
    job.world = this;
    int32_t status = IOCPNET_OK;
    if (input_.flag()) {
        const Picked picked = pick_session();
        const bool calls_back = picked.session == nullptr ||
                                picked.session->service->delivery == IOCPNET_DELIVERY_CALLBACKS || input_.below(8) == 0;
        status = iocpnet_session_post(picked.handle, calls_back ? posted : nullptr, &job);
        expect(status, picked, {IOCPNET_OK, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED});
        job.service = picked.session != nullptr ? picked.session->service : nullptr;
    } else {
        const bool calls_back = service.delivery == IOCPNET_DELIVERY_CALLBACKS || input_.below(8) == 0;
        status = iocpnet_dispatcher_post(service.handle, input_.below(3), calls_back ? posted : nullptr, &job);
        expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_STATE,
                        IOCPNET_E_CLOSED});
        FUZZ_REQUIRE((status == IOCPNET_E_INVALID_HANDLE) == service.destroyed);
        job.service = &service;
    }
    job.accepted = status == IOCPNET_OK;
}

void IOCPNET_CALL World::posted(const iocpnet_event *event, void *user)
{
    static_cast<Job *>(user)->world->handle(*event, true);
}

/* Once each, unless a batch was lost. */
void World::judge_jobs()
{
    for (const Job &each : jobs_) {
        const bool must_run =
            each.accepted && each.service != nullptr && each.service->delivery == IOCPNET_DELIVERY_CALLBACKS;
        FUZZ_REQUIRE(each.runs <= (each.accepted ? 1u : 0u));
        FUZZ_REQUIRE(!must_run || each.runs == 1);
    }
}

/* ---- listeners with limits: who comes there is not judged ---- */

void World::open_guarded_listener(Service &service)
{
    if (listeners_.size() == listeners_max) {
        return;
    }
    iocpnet_listener_options options;
    FUZZ_REQUIRE(iocpnet_listener_options_init(&options, sizeof options) == IOCPNET_OK);
    const iocpnet_framing framing =
        framing_of(input_.pick<uint32_t>({IOCPNET_FRAMING_LENGTH, IOCPNET_FRAMING_DELIMITER}));
    options.framing = input_.flag() ? &framing : nullptr;
    options.limits.first_bytes_timeout_ms = input_.pick<uint32_t>({0, 1, 1000});
    options.limits.idle_timeout_ms = input_.pick<uint32_t>({0, 1, 1000});
    options.limits.receive_bytes_per_s = input_.pick<uint32_t>({0, 1, 1000});
    options.limits.receive_events_per_s = input_.pick<uint32_t>({0, 1, 100});
    options.limits.receive_policy = input_.below(3);
    options.allow = input_.pick<const char *>({nullptr, "127.0.0.0/8", "10.0.0.1/8", "::/0", ","});
    options.deny = input_.pick<const char *>({nullptr, nullptr, "127.0.0.1", "0.0.0.0/0"});
    options.proxy_protocol = input_.below(3);
    options.proxy_trusted = input_.pick<const char *>({nullptr, "127.0.0.0/8, ::1", "x"});
    Listener opened;
    const int32_t status = iocpnet_listener_open(service.handle, "127.0.0.1:0", &options, &opened.handle);
    expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_ADDRESS,
                    IOCPNET_E_CLOSED});
    FUZZ_REQUIRE((status == IOCPNET_OK) == (opened.handle != 0));
    if (status == IOCPNET_OK) {
        char text[64] = "";
        FUZZ_REQUIRE(iocpnet_listener_address(opened.handle, text, sizeof text) > 0);
        opened.address = text;
        opened.service = &service;
        opened.guarded = true;
        listeners_.push_back(opened);
    }
}

bool World::is_guarded(const std::string &connection) const
{
    for (const Listener &each : listeners_) {
        const std::string end = " " + each.address;
        if (each.guarded && connection.size() > end.size() &&
            connection.compare(connection.size() - end.size(), end.size(), end) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- groups ---- */

void World::create_group(Service &service)
{
    if (groups_.size() == groups_max) {
        return;
    }
    Group made;
    made.service = &service;
    const int32_t status = iocpnet_group_create(service.handle, &made.handle);
    expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED});
    FUZZ_REQUIRE((status == IOCPNET_OK) == (made.handle != 0));
    if (status == IOCPNET_OK) {
        groups_.push_back(made);
    }
}

void World::change_group()
{
    if (groups_.empty()) {
        return;
    }
    Group &group = groups_[input_.below(static_cast<uint32_t>(groups_.size()))];
    const Picked picked = pick_session();
    uint64_t count = 0;
    int32_t status = IOCPNET_OK;
    switch (input_.below(8)) {
    case 0:
        status = iocpnet_group_destroy(group.handle);
        group.destroyed = group.destroyed || status == IOCPNET_OK;
        expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE});
        break;
    case 1:
    case 2:
        expect(iocpnet_group_remove(group.handle, picked.handle), {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE});
        break;
    case 3:
        status = iocpnet_group_count(group.handle, &count);
        expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE});
        FUZZ_REQUIRE((status == IOCPNET_E_INVALID_HANDLE) == (group.destroyed || group.service->destroyed) ||
                     group.service->destroying);
        FUZZ_REQUIRE(count <= sessions_.size() + peers_.size());
        break;
    default:
        status = iocpnet_group_add(group.handle, picked.handle);
        expect(status, {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_STATE,
                        IOCPNET_E_CLOSED});
        FUZZ_REQUIRE(status != IOCPNET_OK || picked.session == nullptr || picked.session->service == group.service);
        break;
    }
}

void World::broadcast()
{
    iocpnet_buffer buffer = 0;
    iocpnet_broadcast_result result = {};
    const std::string bytes = input_.bytes(input_.below(200));
    expect(iocpnet_buffer_create(bytes.data(), bytes.size(), &buffer), {IOCPNET_OK});
    if (buffer == 0 || groups_.empty()) {
        expect(iocpnet_buffer_release(buffer), {buffer != 0 ? IOCPNET_OK : IOCPNET_E_INVALID_HANDLE});
        return;
    }
    const Group &group = groups_[input_.below(static_cast<uint32_t>(groups_.size()))];
    const Picked picked = pick_session();
    const uint32_t flags = input_.pick<uint32_t>({0, 0, IOCPNET_BROADCAST_DISCONNECT_FULL});
    const int32_t status =
        input_.flag() ? iocpnet_group_broadcast(group.handle, buffer, flags, &result)
                      : iocpnet_group_broadcast_except(group.handle, buffer, &picked.handle, 1, flags, &result);
    expect(status,
           {IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_TOO_LARGE, IOCPNET_E_INVALID_STATE, IOCPNET_E_CLOSED});
    expect(iocpnet_buffer_release(buffer), {IOCPNET_OK});
    if (status == IOCPNET_OK && result.queued != 0) {
        all_unknown_ = true;
    }
}

} // namespace fuzz
