/* Exported: listeners. */
#include <stddef.h>

#include "api_framing.h"
#include "api_options.h"
#include "api_support.h"
#include "base/address.h"
#include "net/listener.h"
#include "os/socket.h"
#include "service/service.h"
#include "util/handle.h"

#define ACCEPT_COUNT_MAX 1024

static const iocpnet_listener_options default_options = {
    .struct_size = sizeof(iocpnet_listener_options),
    .accept_count = 16,
    .dispatcher = IOCPNET_DISPATCHER_ANY,
    .no_delay = 1,
};

int32_t IOCPNET_CALL iocpnet_listener_options_init(iocpnet_listener_options *options, uint32_t size)
{
    iocpnet_listener_options defaults = default_options;
    return icn_api_status(icn_api_init(options, size, &defaults, sizeof defaults));
}

/* Who may be believed is the host's to say. */
static bool proxy_is_valid(const iocpnet_listener_options *options)
{
    const bool required = options->proxy_protocol == IOCPNET_PROXY_REQUIRED;
    return options->proxy_protocol <= IOCPNET_PROXY_REQUIRED && required == (options->proxy_trusted != NULL) &&
           options->reserved_proxy == 0 && options->reserved_proxy_pointer == NULL;
}

static bool are_valid(const iocpnet_listener_options *options)
{
    return options->accept_count >= 1 && options->accept_count <= ACCEPT_COUNT_MAX && options->ipv6_only <= 1 &&
           options->no_delay <= 1 && options->backlog <= INT32_MAX && options->reserved[0] == 0 &&
           options->reserved[1] == 0 && options->reserved_pointer == NULL && options->reuse_port <= 1 &&
           options->reserved_number == 0 && icn_api_socket_options_are_valid(&options->socket) &&
           icn_api_limits_are_valid(&options->limits) && proxy_is_valid(options);
}

/* The socket listens, and its address is known, before the listener is made. */
static icn_result open_socket(const icn_address *wanted, const iocpnet_listener_options *options, icn_os_socket *opened,
                              icn_address *bound)
{
    icn_os_listen_options listen_options = {.backlog = options->backlog,
                                            .ipv6_only = options->ipv6_only != 0,
                                            .no_delay = options->no_delay != 0,
                                            .reuse_port = options->reuse_port != 0};
    (void)icn_api_socket_options(&options->socket, &listen_options.socket);
    icn_result result = icn_os_socket_listen(wanted, &listen_options, opened);
    if (result.status != IOCPNET_OK) {
        return result;
    }
    result = icn_os_socket_local_address(*opened, bound);
    if (result.status != IOCPNET_OK) {
        icn_os_socket_close(*opened);
    }
    return result;
}

static int32_t create_lists(const iocpnet_listener_options *options, icn_listener_settings *settings)
{
    int32_t status = icn_access_list_create(options->allow, options->deny, &settings->access);
    if (status == IOCPNET_OK) {
        status = icn_access_list_create(options->proxy_trusted, NULL, &settings->trusted);
    }
    return status;
}

static icn_result open_listener(icn_service *service, const icn_address *wanted,
                                const iocpnet_listener_options *options, const icn_framing *framing,
                                iocpnet_listener *listener)
{
    icn_loop *loop = icn_roster_choose_loop(&service->roster, options->dispatcher);
    if (loop == NULL) {
        return icn_failure(IOCPNET_E_INVALID_ARGUMENT);
    }
    if (icn_service_state(service) >= IOCPNET_SERVICE_STOPPING) {
        return icn_failure(IOCPNET_E_CLOSED);
    }
    icn_os_socket socket;
    icn_address bound;
    icn_result result = open_socket(wanted, options, &socket, &bound);
    if (result.status != IOCPNET_OK) {
        return result;
    }
    icn_listener_settings settings = {.accept_count = options->accept_count,
                                      .no_delay = options->no_delay != 0,
                                      .filter = options->accept_filter,
                                      .filter_user = options->accept_filter_user,
                                      .framing = *framing};
    icn_api_guard_options(&options->socket, &options->limits, &settings.guard);
    (void)icn_api_socket_options(&options->socket, &settings.socket);
    result.status = create_lists(options, &settings);
    if (result.status == IOCPNET_OK) {
        result.status = icn_listener_open(loop, socket, &bound, &settings, listener);
    }
    if (result.status != IOCPNET_OK) {
        icn_access_list_destroy(settings.access);
        icn_access_list_destroy(settings.trusted);
        icn_os_socket_close(socket);
    }
    return result;
}

int32_t IOCPNET_CALL iocpnet_listener_open(iocpnet_service service, const char *address,
                                           const iocpnet_listener_options *options, iocpnet_listener *listener)
{
    icn_service *pinned = icn_handle_pin(service, ICN_HANDLE_SERVICE);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    iocpnet_listener_options complete = default_options;
    icn_address wanted;
    icn_framing framing;
    icn_result result = icn_failure(icn_api_read(options, &complete, sizeof complete));
    if (result.status == IOCPNET_OK && (address == NULL || listener == NULL || !are_valid(&complete))) {
        result = icn_failure(IOCPNET_E_INVALID_ARGUMENT);
    }
    if (result.status == IOCPNET_OK) {
        result = icn_failure(icn_api_read_framing(complete.framing, &framing));
    }
    if (result.status == IOCPNET_OK) {
        result = icn_failure(icn_address_parse(address, &wanted));
    }
    if (result.status == IOCPNET_OK) {
        result = open_listener(pinned, &wanted, &complete, &framing, listener);
    }
    icn_handle_unpin(service);
    return icn_api_return(result);
}

int32_t IOCPNET_CALL iocpnet_listener_close(iocpnet_listener listener)
{
    icn_listener *pinned = icn_handle_pin(listener, ICN_HANDLE_LISTENER);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    bool first = icn_listener_close(pinned);
    icn_handle_unpin(listener);
    return icn_api_status(first ? IOCPNET_OK : IOCPNET_E_INVALID_HANDLE);
}

int32_t IOCPNET_CALL iocpnet_listener_address(iocpnet_listener listener, char *text, uint32_t capacity)
{
    icn_listener *pinned = icn_handle_pin(listener, ICN_HANDLE_LISTENER);
    if (pinned == NULL) {
        return icn_api_status(IOCPNET_E_INVALID_HANDLE);
    }
    int32_t result = IOCPNET_E_INVALID_ARGUMENT;
    if (text != NULL || capacity == 0) {
        char formatted[ICN_ADDRESS_TEXT_SIZE];
        size_t length = icn_address_format(&pinned->address, formatted);
        result = icn_api_write_text(text, capacity, formatted, (uint32_t)length);
    }
    icn_handle_unpin(listener);
    return icn_api_status(result);
}
