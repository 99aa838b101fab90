#include "port/port_uring.h"

#include <errno.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/error.h"
#include "os/linux/wake.h"
#include "port/uring_port.h"
#include "util/live.h"
#include "util/memory.h"

enum {
    OPEN_RETRIES = 50,
    OPEN_RETRY_NS = 2000000
};

static icn_result open_wake(icn_uring_port *port)
{
    port->wake_descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return port->wake_descriptor >= 0 ? icn_ok() : icn_os_last_result();
}

static void init(icn_uring_port *port)
{
    port->base.functions = &icn_port_uring;
    icn_list_init(&port->parked);
    icn_list_init(&port->cancels);
    icn_list_init(&port->queue);
    port->received = (icn_completion){.more = true, .accepted = ICN_OS_SOCKET_NONE};
}

static icn_result open_parts(icn_uring_port *port, const icn_port_options *options)
{
    icn_result result = icn_uring_ring_open(&port->ring, options->one_thread);

    if (result.status != IOCPNET_OK) {
        return result;
    }
    result = open_wake(port);
    if (result.status != IOCPNET_OK) {
        goto fail;
    }
    result = icn_uring_buffers_open(&port->buffers, &port->ring, options->receive_buffer_bytes);
    if (result.status != IOCPNET_OK) {
        goto fail_wake;
    }
    return icn_ok();

fail_wake:
    close(port->wake_descriptor);
fail:
    icn_uring_ring_close(&port->ring);
    return result;
}

/* The kernel gives the locked memory of a closed ring back a little later: worth a wait when there is none for this one. */
static icn_result open_parts_patiently(icn_uring_port *port, const icn_port_options *options)
{
    const struct timespec moment = {.tv_nsec = OPEN_RETRY_NS};
    icn_result result = open_parts(port, options);

    for (uint32_t i = 0; i < OPEN_RETRIES && result.os_error == ENOMEM; ++i) {
        nanosleep(&moment, NULL);
        result = open_parts(port, options);
    }
    return result;
}

static icn_result uring_open(const icn_port_options *options, icn_port **opened)
{
    icn_uring_port *port = icn_memory_allocate_zeroed(sizeof *port, ICN_MEMORY_PORT);
    icn_result result;

    if (port == NULL) {
        return icn_failure(IOCPNET_E_NO_MEMORY);
    }
    init(port);
    result = open_parts_patiently(port, options);
    if (result.status != IOCPNET_OK) {
        icn_memory_release(port, sizeof *port, ICN_MEMORY_PORT);
        return result;
    }
    icn_live_add(ICN_LIVE_DESCRIPTORS); /* the ring */
    icn_live_add(ICN_LIVE_DESCRIPTORS); /* what wakes it */
    *opened = &port->base;
    return icn_ok();
}

static void uring_close(icn_port *base)
{
    icn_uring_port *port = icn_uring_port_of(base);

    ICN_CHECK(icn_list_is_empty(&port->parked));
    ICN_CHECK(icn_list_is_empty(&port->cancels));
    ICN_CHECK(icn_list_is_empty(&port->queue));
    icn_uring_ring_close(&port->ring);
    icn_live_remove(ICN_LIVE_DESCRIPTORS);
    close(port->wake_descriptor);
    icn_live_remove(ICN_LIVE_DESCRIPTORS);
    icn_uring_buffers_close(&port->buffers);
    icn_memory_release(port, sizeof *port, ICN_MEMORY_PORT);
}

static icn_result uring_attach(icn_port *base, icn_endpoint *endpoint)
{
    (void)base;
    (void)endpoint;
    return icn_ok();
}

static void uring_detach(icn_port *base, icn_endpoint *endpoint)
{
    (void)base;
    icn_os_socket_close(endpoint->socket);
}

/* The port knows of nothing but what is in flight. */
static void uring_move(icn_port *base, icn_endpoint *from, icn_endpoint *to)
{
    (void)base;
    to->ready = from->ready;
}

static void uring_wake(icn_port *base)
{
    icn_uring_port *port = icn_uring_port_of(base);

    icn_os_wake(port->wake_descriptor, &port->woken);
}

/* What others did before their wake is visible to the caller of a run that took it: both sides exchange the flag. */
static bool take_wake(icn_uring_port *port)
{
    return icn_u32_load_relaxed(&port->woken) != 0 && icn_u32_exchange(&port->woken, 0) != 0;
}

static icn_result uring_submit(icn_port *base)
{
    icn_uring_port *port = icn_uring_port_of(base);
    int32_t error;

    icn_uring_write_waiting(port);
    error = icn_uring_ring_submit(&port->ring);
    return error == 0 ? icn_ok() : icn_os_result(error);
}

/* Waits only when nothing is left to do without a completion. Returns an errno value or 0. */
static int32_t enter(icn_uring_port *port, uint32_t wait_ms)
{
    bool is_idle;

    icn_uring_write_waiting(port);
    is_idle = icn_list_is_empty(&port->queue) && icn_list_is_empty(&port->parked) && icn_list_is_empty(&port->cancels);
    return icn_uring_ring_enter(&port->ring, is_idle ? wait_ms : 0);
}

static uint32_t remaining_ms(uint64_t start_ms, uint32_t timeout_ms)
{
    uint64_t passed;

    if (timeout_ms == 0 || timeout_ms == IOCPNET_INFINITE) {
        return timeout_ms;
    }
    passed = icn_os_clock_ms() - start_ms;
    return passed < timeout_ms ? timeout_ms - (uint32_t)passed : 0;
}

/* One system call for a run, as a rule: it submits, and waits for the first completion. */
static icn_result run_until(icn_uring_port *port, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered)
{
    const uint64_t start_ms = timeout_ms != 0 && timeout_ms != IOCPNET_INFINITE ? icn_os_clock_ms() : 0;
    uint32_t wait_ms = timeout_ms;

    do {
        const bool woken = take_wake(port);
        const int32_t error = enter(port, woken ? 0 : wait_ms);

        *delivered = icn_uring_deliver(port, budget);
        if (*delivered > 0 || woken || take_wake(port)) {
            return icn_ok();
        }
        if (error != 0) {
            return icn_os_result(error);
        }
        wait_ms = remaining_ms(start_ms, timeout_ms);
    } while (wait_ms != 0);
    return icn_ok();
}

/* What the last run left, over its budget; what was started since then is submitted all the same. */
static uint32_t deliver_left_over(icn_uring_port *port, uint32_t budget)
{
    if (!icn_uring_ring_has_completion(&port->ring)) {
        return 0;
    }
    (void)uring_submit(&port->base); /* what fails comes again */
    return icn_uring_deliver(port, budget);
}

static icn_result uring_run(icn_port *base, uint32_t timeout_ms, uint32_t budget, uint32_t *delivered)
{
    icn_uring_port *port = icn_uring_port_of(base);
    const int32_t error = icn_uring_ring_enable(&port->ring);

    *delivered = 0;
    if (error != 0) {
        return icn_os_result(error);
    }
    *delivered = deliver_left_over(port, budget);
    return *delivered > 0 ? icn_ok() : run_until(port, timeout_ms, budget, delivered);
}

const icn_port_functions icn_port_uring = {.kind = IOCPNET_PORT_IO_URING,
                                           .auto_for_one_thread = true,
                                           .open = uring_open,
                                           .close = uring_close,
                                           .attach = uring_attach,
                                           .detach = uring_detach,
                                           .move = uring_move,
                                           .accept = icn_uring_accept,
                                           .connect = icn_uring_connect,
                                           .receive = icn_uring_receive,
                                           .send = icn_uring_send,
                                           .sends_now = true,
                                           .cancel = icn_uring_cancel,
                                           .run = uring_run,
                                           .submit = uring_submit,
                                           .wake = uring_wake};
