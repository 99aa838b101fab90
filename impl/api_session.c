/* Exported: sessions. */
#include <stddef.h>
#include <string.h>

#include "api_connect.h"
#include "api_framing.h"
#include "api_options.h"
#include "api_support.h"
#include "base/address.h"
#include "base/attributes.h"
#include "base/utf8.h"
#include "net/group.h"
#include "net/proxied.h"
#include "net/session.h"
#include "os/socket.h"
#include "service/service.h"
#include "util/handle.h"
#include "util/memory.h"

/* More than any queue may hold, so that a sum of sizes never overflows. */
#define SEND_SIZE_MAX (UINT64_C(1) << 32)

static const iocpnet_connect_options default_connect = {
    .struct_size = sizeof(iocpnet_connect_options),
    .timeout_ms = 10000,
    .dispatcher = IOCPNET_DISPATCHER_ANY,
    .no_delay = 1,
    .attempt_delay_ms = 250,
    .reconnect = {.delay_max_ms = 30000, .factor_percent = 200, .jitter_percent = 50, .lasted_ms = 10000},
};

static const iocpnet_disconnect_options default_disconnect = {
    .struct_size = sizeof(iocpnet_disconnect_options),
    .mode = IOCPNET_DISCONNECT_GRACEFUL,
};

int32_t IOCPNET_CALL iocpnet_connect_options_init(iocpnet_connect_options *options, uint32_t size)
{
    iocpnet_connect_options defaults = default_connect;
    return icn_api_status(icn_api_init(options, size, &defaults, sizeof defaults));
}

int32_t IOCPNET_CALL iocpnet_disconnect_options_init(iocpnet_disconnect_options *options, uint32_t size)
{
    iocpnet_disconnect_options defaults = default_disconnect;
    return icn_api_status(icn_api_init(options, size, &defaults, sizeof defaults));
}

static bool connect_is_valid(const iocpnet_connect_options *options)
{
    return options->no_delay <= 1 && options->reserved[0] == 0 && options->reserved[1] == 0 &&
           icn_api_socket_options_are_valid(&options->socket) && icn_api_limits_are_valid(&options->limits) &&
           options->reserved_pointer == NULL && options->reserved_number == 0 &&
           icn_api_reconnect_is_valid(&options->reconnect);
}

static int32_t check_connectable(const icn_service *service)
{
    uint32_t state = icn_service_state(service);
    if (state == IOCPNET_SERVICE_CREATED) {
        return IOCPNET_E_INVALID_STATE;
    }
    return state == IOCPNET_SERVICE_RUNNING ? IOCPNET_OK : IOCPNET_E_CLOSED;
}

/* Before it connects. */
static icn_result prepare_socket(icn_os_socket socket, const icn_address *local, const iocpnet_connect_options *options)
{
    icn_os_socket_options wanted;
    icn_result result = icn_ok();
    if (icn_api_socket_options(&options->socket, &wanted)) {
        result = icn_os_socket_set_options(socket, &wanted);
    }
    if (result.status == IOCPNET_OK && options->local_address != NULL) {
        result = icn_os_socket_bind(socket, local);
    }
    return result;
}

static icn_result open_socket(const icn_address *remote, const iocpnet_connect_options *options, icn_os_socket *opened)
{
    icn_address local;
    icn_result result = icn_ok();
    if (options->local_address != NULL) {
        result.status = icn_address_parse(options->local_address, &local);
        if (result.status != IOCPNET_OK || local.family != remote->family) {
            return icn_failure(IOCPNET_E_INVALID_ADDRESS);
        }
    }
    result = icn_os_socket_open((icn_address_family)remote->family, opened);
    if (result.status != IOCPNET_OK) {
        return result;
    }
    result = prepare_socket(*opened, &local, options);
    if (result.status != IOCPNET_OK) {
        icn_os_socket_close(*opened);
    }
    return result;
}

static icn_result begin_connect(icn_loop *loop, const icn_address *remote, const iocpnet_connect_options *options,
                                const icn_framing *framing, iocpnet_session *session)
{
    icn_os_socket socket;
    icn_result result = open_socket(remote, options, &socket);
    if (result.status != IOCPNET_OK) {
        return result;
    }
    icn_guard_options guard;
    icn_api_guard_options(&options->socket, &options->limits, &guard);
    const icn_session_options session_options = {.remote = remote,
                                                 .connect_timeout_ms = options->timeout_ms,
                                                 .no_delay = options->no_delay != 0,
                                                 .user = options->user,
                                                 .framing = framing->kind != IOCPNET_FRAMING_NONE ? framing : NULL,
                                                 .guard = icn_guard_is_needed(&guard) ? &guard : NULL};
    icn_session *created;
    result.status = icn_session_create(loop, socket, &session_options, &created);
    if (result.status != IOCPNET_OK) {
        icn_os_socket_close(socket);
        return result;
    }
    /* The handle first: an event of the session may come before this function returns. */
    *session = created->handle;
    icn_session_hand_over(created);
    return result;
}

/* What is wrong with the arguments comes before what is wrong with the service. */
static int32_t choose_loop(icn_service *service, const iocpnet_connect_options *options, icn_loop **loop)
{
    *loop = icn_roster_choose_loop(&service->roster, options->dispatcher);
    return *loop != NULL ? check_connectable(service) : IOCPNET_E_INVALID_ARGUMENT;
}

/* `remote`: what `address` says; NULL: it has a name. */
static icn_result connect_by_plan(icn_service *service, const char *address, const icn_address *remote,
                                  const iocpnet_connect_options *options, const icn_framing *framing,
                                  iocpnet_session *session)
{
    icn_connect_plan plan;
    icn_loop *loop;
    int32_t status = icn_api_read_plan(address, remote, options, framing, &plan);
    if (status == IOCPNET_OK) {
        status = choose_loop(service, options, &loop);
    }
    return status == IOCPNET_OK ? icn_connector_begin(loop, &plan, options->user, session) : icn_failure(status);
}

static icn_result connect_to(icn_service *service, const char *address, const iocpnet_connect_options *options,
                             iocpnet_session *session)
{
    icn_address remote;
    icn_framing framing;
    icn_loop *loop;
    int32_t status = icn_api_read_framing(options->framing, &framing);
    if (status != IOCPNET_OK) {
        return icn_failure(status);
    }
    if (icn_address_parse(address, &remote) != IOCPNET_OK) {
        return connect_by_plan(service, address, NULL, options, &framing, session);
    }
    if (remote.port == 0) {
        return icn_failure(IOCPNET_E_INVALID_ADDRESS);
    }
    if (options->reconnect.initial_delay_ms != 0) {
        return connect_by_plan(service, address, &remote, options, &framing, session);
    }
    status = choose_loop(service, options, &loop);
    return status == IOCPNET_OK ? begin_connect(loop, &remote, options, &framing, session) : icn_failure(status);
}

int32_t IOCPNET_CALL iocpnet_session_connect(iocpnet_service service, const char *address,
                                             const iocpnet_connect_options *options, iocpnet_session *session)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    iocpnet_connect_options complete = default_connect;
    icn_result result = icn_failure(icn_api_read(options, &complete, sizeof complete));
    if (result.status == IOCPNET_OK && (address == NULL || session == NULL || !connect_is_valid(&complete))) {
        result = icn_failure(IOCPNET_E_INVALID_ARGUMENT);
    }
    if (result.status == IOCPNET_OK) {
        result = connect_to(pinned, address, &complete, session);
    }
    icn_handle_unpin(service);
    return icn_api_return(result);
}

static int32_t send_copy(icn_session *session, const void *data, uint64_t size)
{
    const iocpnet_iovec piece = {.size = size, .data = data};
    return data != NULL || size == 0 ? icn_session_send(session, &piece, 1, size) : IOCPNET_E_INVALID_ARGUMENT;
}

static ICN_APART int32_t send_pinned(iocpnet_session session, const void *data, uint64_t size)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = send_copy(pinned, data, size);
    icn_handle_unpin(session);
    return icn_api_status(status);
}

static ICN_APART int32_t give_back_and_send(icn_gate *borrowed, iocpnet_session session, const void *data,
                                            uint64_t size)
{
    icn_gate_give_back(borrowed, icn_thread_self());
    return send_pinned(session, data, size);
}

/* `left`: the gate that this thread left last. */
static ICN_APART int32_t send_between_polls(icn_gate *left, iocpnet_session session, const void *data, uint64_t size)
{
    const uint64_t self = icn_thread_self();
    if (!icn_gate_borrow(left, self)) {
        return send_pinned(session, data, size);
    }
    if (!icn_session_answer(left->loop, session, data, size)) {
        return give_back_and_send(left, session, data, size);
    }
    icn_gate_give_back(left, self);
    return IOCPNET_OK;
}

static inline int32_t send_outside(iocpnet_session session, const void *data, uint64_t size)
{
    icn_gate *left = icn_thread_gate();
    return left != NULL ? send_between_polls(left, session, data, size) : send_pinned(session, data, size);
}

int32_t IOCPNET_CALL iocpnet_session_send(iocpnet_session session, const void *data, uint64_t size)
{
    icn_loop *loop = icn_thread_loop();
    if (loop == NULL) {
        return send_outside(session, data, size);
    }
    if (icn_session_reply(loop, session, data, size)) {
        return IOCPNET_OK;
    }
    icn_session *served = icn_loop_served(loop, session);
    return served != NULL ? icn_api_status(send_copy(served, data, size)) : send_pinned(session, data, size);
}

static int32_t sum_pieces(const iocpnet_iovec *pieces, uint32_t count, uint64_t *bytes)
{
    *bytes = 0;
    if (count > IOCPNET_IOVEC_MAX || (pieces == NULL && count != 0)) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (pieces[i].data == NULL && pieces[i].size != 0) {
            return IOCPNET_E_INVALID_ARGUMENT;
        }
        *bytes += pieces[i].size < SEND_SIZE_MAX ? pieces[i].size : SEND_SIZE_MAX;
    }
    return IOCPNET_OK;
}

int32_t IOCPNET_CALL iocpnet_session_sendv(iocpnet_session session, const iocpnet_iovec *pieces, uint32_t count)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    uint64_t bytes;
    int32_t status = sum_pieces(pieces, count, &bytes);
    if (status == IOCPNET_OK) {
        status = icn_session_send(pinned, pieces, count, bytes);
    }
    icn_handle_unpin(session);
    return icn_api_status(status);
}

static int32_t check_disconnect(const iocpnet_disconnect_options *options, size_t *text_length)
{
    *text_length = 0;
    if (options->mode > IOCPNET_DISCONNECT_ABORT || options->reserved != 0 || options->reserved_pointer != NULL) {
        return IOCPNET_E_INVALID_ARGUMENT;
    }
    return options->text != NULL ? icn_utf8_prefix(options->text, IOCPNET_CLOSE_TEXT_MAX, text_length) : IOCPNET_OK;
}

static void disconnect(icn_session *session, const iocpnet_disconnect_options *options, size_t text_length)
{
    const icn_close close = {.code = options->code,
                             .note = icn_close_note_create(options->code, options->text, text_length),
                             .timeout_ms =
                                 options->timeout_ms != 0 ? options->timeout_ms : icn_session_close_timeout_ms(session),
                             .reason = IOCPNET_CLOSE_REQUESTED,
                             .origin = IOCPNET_ORIGIN_LOCAL,
                             .abort = options->mode == IOCPNET_DISCONNECT_ABORT};
    icn_session_disconnect(session, &close);
}

int32_t IOCPNET_CALL iocpnet_session_disconnect(iocpnet_session session, const iocpnet_disconnect_options *options)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    iocpnet_disconnect_options complete = default_disconnect;
    size_t text_length = 0;
    int32_t status = icn_api_read(options, &complete, sizeof complete);
    if (status == IOCPNET_OK) {
        status = check_disconnect(&complete, &text_length);
    }
    if (status == IOCPNET_OK) {
        disconnect(pinned, &complete, text_length);
    }
    icn_handle_unpin(session);
    return icn_api_status(status);
}

static int32_t set_pause(iocpnet_session session, bool pause)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = icn_session_set_pause(pinned, pause);
    icn_handle_unpin(session);
    return icn_api_status(status);
}

int32_t IOCPNET_CALL iocpnet_session_pause_receive(iocpnet_session session)
{
    return set_pause(session, true);
}

int32_t IOCPNET_CALL iocpnet_session_resume_receive(iocpnet_session session)
{
    return set_pause(session, false);
}

int32_t IOCPNET_CALL iocpnet_session_set_user(iocpnet_session session, void *user)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_pointer_store(&pinned->user, user);
    icn_handle_unpin(session);
    return IOCPNET_OK;
}

int32_t IOCPNET_CALL iocpnet_session_get_user(iocpnet_session session, void **user)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = IOCPNET_E_INVALID_ARGUMENT;
    if (user != NULL) {
        *user = icn_pointer_load(&pinned->user);
        status = IOCPNET_OK;
    }
    icn_handle_unpin(session);
    return icn_api_status(status);
}

static int32_t write_address(const icn_address *address, char *text, uint32_t capacity)
{
    char formatted[ICN_ADDRESS_TEXT_SIZE];
    size_t length = icn_address_format(address, formatted);
    return icn_api_write_text(text, capacity, formatted, (uint32_t)length);
}

/* The mutex keeps the owner from closing the socket, and the system from giving its number to another one. */
static icn_result read_local_address(icn_session *session, icn_address *address)
{
    icn_mutex *mutex = &session->loop->socket_mutex;
    icn_result result = icn_failure(IOCPNET_E_CLOSED);
    icn_mutex_lock(mutex);
    icn_session_state state = icn_session_state_now(session);
    if (state < ICN_SESSION_OPEN) {
        result = icn_failure(IOCPNET_E_INVALID_STATE);
    } else if (state != ICN_SESSION_ENDED && icn_session_has_remote(session)) {
        result = icn_os_socket_local_address(session->endpoint.socket, address);
    }
    icn_mutex_unlock(mutex);
    return result;
}

int32_t IOCPNET_CALL iocpnet_session_local_address(iocpnet_session session, char *text, uint32_t capacity)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    icn_result result = icn_failure(IOCPNET_E_INVALID_ARGUMENT);
    icn_address address;
    if (text != NULL || capacity == 0) {
        result = read_local_address(pinned, &address);
    }
    if (result.status == IOCPNET_OK) {
        result.status = write_address(&address, text, capacity);
    }
    icn_handle_unpin(session);
    return icn_api_return(result);
}

int32_t IOCPNET_CALL iocpnet_session_remote_address(iocpnet_session session, char *text, uint32_t capacity)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t result = IOCPNET_E_INVALID_ARGUMENT;
    if (text != NULL || capacity == 0) {
        icn_address remote;
        result = IOCPNET_E_INVALID_STATE;
        if (icn_session_has_remote(pinned) && icn_proxied_is_known(pinned)) {
            icn_session_remote(pinned, &remote);
            result = write_address(&remote, text, capacity);
        }
    }
    icn_handle_unpin(session);
    return icn_api_status(result);
}

static uint32_t public_state(const icn_session *session)
{
    icn_session_state state = icn_session_state_now(session);
    if (state == ICN_SESSION_ENDED) {
        return IOCPNET_SESSION_CLOSED;
    }
    if (state > ICN_SESSION_OPEN || icn_session_is_closing(session)) {
        return IOCPNET_SESSION_CLOSING;
    }
    return state == ICN_SESSION_OPEN ? IOCPNET_SESSION_OPEN : IOCPNET_SESSION_CONNECTING;
}

static void describe(const icn_session *session, iocpnet_session_details *details)
{
    *details = (iocpnet_session_details){
        .state = public_state(session),
        .dispatcher = session->loop->index,
        .service = session->loop->roster->service,
        .listener = session->listener,
        .bytes_received = icn_u64_load_relaxed(&session->bytes_received),
        .bytes_sent = icn_u64_load_relaxed(&session->bytes_sent),
        .send_queue_bytes = icn_u32_load_relaxed(&session->send_queue.bytes),
        .receive_paused = icn_u8_load(&session->pause_requested),
        .age_ms = icn_session_age_ms(session),
        .group_count = icn_groups_of(session),
        .writable_owed = icn_session_is_owed_writable(session),
    };
}

int32_t IOCPNET_CALL iocpnet_session_info(iocpnet_session session, iocpnet_session_details *details, uint32_t size)
{
    icn_session *pinned = icn_handle_pin(session, ICN_HANDLE_SESSION);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t status = icn_api_check_output(details, size);
    if (status == IOCPNET_OK) {
        iocpnet_session_details now;
        describe(pinned, &now);
        icn_api_write(details, size, &now, sizeof now);
    }
    icn_handle_unpin(session);
    return icn_api_status(status);
}
