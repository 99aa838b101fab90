/* Admission: who is let in. Behind a proxy, in the loop of the session; else in that of the listener. */
#include <string.h>

#include "base/check.h"
#include "net/listener.h"
#include "os/clock.h"
#include "util/log.h"

#define LOG_EVERY_MS 1000

static const char *const causes[ICN_REFUSALS] = {
    [ICN_REFUSAL_BY_LIST] = "not allowed",
    [ICN_REFUSAL_BY_SESSIONS] = "too many sessions of its address",
    [ICN_REFUSAL_BY_RATE] = "its address connects too fast",
    [ICN_REFUSAL_BY_FILTER] = "refused by the filter",
    [ICN_REFUSAL_BY_TRUST] = "no proxy that is trusted",
    [ICN_REFUSAL_BY_HEADER] = "no PROXY header",
    [ICN_REFUSAL_BY_HEADER_TIMEOUT] = "no PROXY header in time",
    [ICN_REFUSAL_BY_SERVICE] = "the service has as many sessions as it may",
};

/* True for one thread a second. */
static bool claim_line(icn_listener *listener)
{
    uint64_t now_ms = icn_os_clock_ms();
    uint64_t logged_ms = icn_u64_load(&listener->refusal_logged_ms);
    while (logged_ms == 0 || now_ms >= logged_ms + LOG_EVERY_MS) {
        if (icn_u64_replace(&listener->refusal_logged_ms, &logged_ms, now_ms)) {
            return true;
        }
    }
    return false;
}

/* Who is refused comes again: a line a second tells enough. */
void icn_listener_log_refusal(icn_listener *listener, const icn_address *remote, icn_refusal refusal)
{
    char text[ICN_ADDRESS_TEXT_SIZE];
    ICN_CHECK(causes[refusal] != NULL);
    if (!claim_line(listener)) {
        icn_u64_add(&listener->refusals_not_logged, 1);
        return;
    }
    (void)icn_address_format(remote, text);
    icn_log_write(IOCPNET_LOG_WARNING, "listener", "%s: %s (and %llu refused since the last such line)", text,
                  causes[refusal], (unsigned long long)icn_u64_exchange(&listener->refusals_not_logged, 0));
}

static void describe(const icn_listener *listener, const icn_address *remote, iocpnet_accept_request *request)
{
    bool mapped = icn_address_is_mapped(remote);
    bool ipv4 = mapped || remote->family == ICN_ADDRESS_IPV4;
    *request = (iocpnet_accept_request){.struct_size = sizeof *request,
                                        .family = ipv4 ? 4 : 6,
                                        .service = listener->loop->roster->service,
                                        .listener = listener->handle};
    memcpy(request->remote_ip, remote->ip + (mapped ? 12 : 0), ipv4 ? 4 : 16);
}

static bool ask_filter(const icn_listener *listener, icn_os_socket socket, const icn_address *remote)
{
    char remote_text[ICN_ADDRESS_TEXT_SIZE];
    char local_text[ICN_ADDRESS_TEXT_SIZE] = "";
    iocpnet_accept_request request;
    icn_address local;
    describe(listener, remote, &request);
    (void)icn_address_format(remote, remote_text);
    if (icn_os_socket_local_address(socket, &local).status == IOCPNET_OK) {
        (void)icn_address_format(&local, local_text);
    }
    request.remote = remote_text;
    request.local = local_text;
    return listener->settings.filter(&request, listener->settings.filter_user) != 0;
}

static icn_refusal judge_address(icn_address_table *table, const icn_address *remote, icn_address_place *place)
{
    switch (icn_address_table_admit(table, remote, icn_os_clock_ms(), place)) {
    case ICN_ADDRESS_HAS_TOO_MANY:
        return ICN_REFUSAL_BY_SESSIONS;
    case ICN_ADDRESS_IS_TOO_FAST:
        return ICN_REFUSAL_BY_RATE;
    default:
        return ICN_REFUSAL_NONE;
    }
}

static icn_refusal judge(const icn_listener *listener, icn_os_socket socket, const icn_address *remote,
                         icn_address_place *place)
{
    icn_address_table *table = listener->loop->roster->addresses;
    icn_refusal refusal = ICN_REFUSAL_NONE;
    *place = 0;
    if (!icn_access_list_allows(listener->settings.access, remote)) {
        return ICN_REFUSAL_BY_LIST;
    }
    if (table != NULL) {
        refusal = judge_address(table, remote, place);
    }
    if (refusal == ICN_REFUSAL_NONE && listener->settings.filter != NULL && !ask_filter(listener, socket, remote)) {
        if (*place != 0) {
            icn_address_table_leave(table, *place);
        }
        refusal = ICN_REFUSAL_BY_FILTER;
    }
    return refusal;
}

icn_refusal icn_listener_admit(icn_listener *listener, icn_os_socket socket, const icn_address *remote,
                               icn_address_place *place)
{
    icn_refusal refusal = judge(listener, socket, remote, place);
    if (refusal != ICN_REFUSAL_NONE) {
        icn_listener_log_refusal(listener, remote, refusal);
    }
    return refusal;
}

icn_refusal icn_listener_trust(icn_listener *listener, const icn_address *proxy)
{
    ICN_CHECK(listener->settings.trusted != NULL);
    if (icn_access_list_allows(listener->settings.trusted, proxy)) {
        return ICN_REFUSAL_NONE;
    }
    icn_listener_log_refusal(listener, proxy, ICN_REFUSAL_BY_TRUST);
    return ICN_REFUSAL_BY_TRUST;
}
