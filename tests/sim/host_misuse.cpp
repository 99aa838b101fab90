/* Mistakes of the host: each gives the error that is documented, and changes nothing. */
#include "host.hpp"
#include "world.hpp"

extern "C" {
#include "os/sim/choice.h"
}

namespace sim_test
{

namespace
{

/* Never a live handle of a session. */
uint64_t bad_handle()
{
    const uint32_t count = world.model.session_count();
    const uint64_t some = count != 0 ? world.model.session(icn_sim_choose(count)).handle : 0;
    switch (icn_sim_choose(5)) {
    case 0:
        return 0;
    case 1:
        return UINT64_MAX;
    case 2:
        /* Of another generation. */
        return some ^ uint64_t { 1 } << 50;
    case 3:
        return world.model.service_count() != 0 ? world.model.service(0).handle : 0;
    default:
        return some ^ uint64_t { 1 } << 56;
    }
}

constexpr Statuses bad = statuses(IOCPNET_E_INVALID_HANDLE);

void use_bad_handle()
{
    const uint64_t handle = bad_handle();
    void *user;
    uint8_t byte = 0;
    switch (icn_sim_choose(8)) {
    case 0:
        check_status("send to none", iocpnet_session_send(handle, &byte, 1), bad);
        break;
    case 1:
        check_status("disconnect none", iocpnet_session_disconnect(handle, nullptr), bad);
        break;
    case 2:
        check_status("get user of none", iocpnet_session_get_user(handle, &user), bad);
        break;
    case 3:
        check_status("pause none", iocpnet_session_pause_receive(handle), bad);
        break;
    case 4:
        check_status("close no listener", iocpnet_listener_close(handle), bad);
        break;
    case 5:
        check_status("destroy a session", iocpnet_service_destroy(handle ^ uint64_t{1} << 58), bad);
        break;
    case 6:
        check_status("address of none", iocpnet_session_local_address(handle, nullptr, 0), bad);
        break;
    default:
        check_status("wake none", iocpnet_service_wake(handle | uint64_t{1} << 60, 0), bad);
        break;
    }
}

/* One that has ended for good: its slot may have another session now. */
void use_stale_handle()
{
    const uint32_t count = world.model.session_count();
    if (count == 0) {
        return;
    }
    Session &session = world.model.session(icn_sim_choose(count));
    if (session.handle == 0 || !session.ended) {
        return;
    }
    switch (icn_sim_choose(3)) {
    case 0:
        send_message(session, header_bytes);
        break;
    case 1:
        ask_addresses(session);
        break;
    default:
        pause_session(session, icn_sim_choose(2) == 1);
        break;
    }
}

void pass_null_and_nonsense()
{
    constexpr Statuses argument = statuses(IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_HANDLE);
    Session *session = random_session();
    Service *service = random_service();
    if (session == nullptr || service == nullptr) {
        return;
    }
    iocpnet_disconnect_options options = {};
    iocpnet_session created = 0;
    switch (icn_sim_choose(7)) {
    case 0:
        check_status("send from NULL", iocpnet_session_send(session->handle, nullptr, 5), argument);
        break;
    case 1:
        check_status("get user to NULL", iocpnet_session_get_user(session->handle, nullptr), argument);
        break;
    case 2:
        check_status("disconnect with a wrong struct", iocpnet_session_disconnect(session->handle, &options),
                     statuses(IOCPNET_E_INVALID_STRUCT_SIZE, IOCPNET_E_INVALID_HANDLE));
        break;
    case 3:
        check_status("connect to nonsense", iocpnet_session_connect(service->handle, "nonsense", nullptr, &created),
                     statuses(IOCPNET_E_INVALID_ADDRESS, IOCPNET_E_INVALID_HANDLE));
        break;
    case 4:
        send_too_much(*session);
        break;
    case 5:
        check_status("wake no dispatcher", iocpnet_service_wake(service->handle, 99), argument);
        break;
    default:
        check_status("listen on NULL", iocpnet_listener_open(service->handle, nullptr, nullptr, nullptr), argument);
        break;
    }
}

/* Two drivers of one dispatcher, or the wrong way to drive it. */
void drive_wrongly()
{
    Service *service = random_service();
    if (service == nullptr || service->batches()) {
        return;
    }
    const int32_t result = iocpnet_service_dispatch(service->handle, 0, 0);
    check_status("second dispatch", result < 0 ? result : IOCPNET_OK,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_STATE, IOCPNET_E_BUSY,
                          IOCPNET_E_CLOSED, IOCPNET_E_NO_MEMORY, IOCPNET_E_SYSTEM));
}

} // namespace

void misuse()
{
    switch (icn_sim_choose(4)) {
    case 0:
        use_bad_handle();
        break;
    case 1:
        use_stale_handle();
        break;
    case 2:
        pass_null_and_nonsense();
        break;
    default:
        drive_wrongly();
        break;
    }
}

} // namespace sim_test
