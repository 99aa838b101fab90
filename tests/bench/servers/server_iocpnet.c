#include "server_iocpnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

enum {
    EVENTS_MAX = 1024,
    /* A session that is further behind is ended, as it could take all memory. */
    QUEUE_BYTES_MAX = 64 * 1024 * 1024
};

typedef struct serving {
    iocpnet_service service;
    const iocpnet_handlers *handlers;
} serving;

void server_must(int32_t status, const char *call)
{
    if (status < 0) {
        fprintf(stderr, "%s: %s\n", call, iocpnet_status_name(status));
        _exit(1);
    }
}

static bool is_driven_by_library(const server_options *options)
{
    return strcmp(options->driving, "library") == 0;
}

static bool is_batches(const server_options *options)
{
    return strcmp(options->delivery, "batches") == 0;
}

static uint32_t port_of(const char *name)
{
    static const char *const NAMES[] = {"auto", "epoll", "io_uring"};

    for (uint32_t port = IOCPNET_PORT_AUTO; port <= IOCPNET_PORT_IO_URING; ++port) {
        if (strcmp(name, NAMES[port]) == 0) {
            return port;
        }
    }
    fprintf(stderr, "no such port: %s\n", name);
    exit(2);
}

static iocpnet_service make_service(const server_options *options)
{
    iocpnet_service_options service_options;
    iocpnet_service service;

    server_must(iocpnet_service_options_init(&service_options, sizeof service_options), "service_options_init");
    service_options.port = port_of(options->port);
    service_options.dispatcher_count = options->threads;
    service_options.receive_buffer_bytes = SERVER_BUFFER_BYTES;
    service_options.spin_us = options->spin_us;
    if (options->mode != SERVER_ECHO) {
        service_options.send_queue_bytes_max = QUEUE_BYTES_MAX;
    }
    if (is_batches(options)) {
        service_options.delivery = IOCPNET_DELIVERY_BATCHES;
    }
    if (!is_driven_by_library(options)) {
        service_options.driving = IOCPNET_DRIVING_HOST;
    }
    server_must(iocpnet_service_create(&service_options, &service), "service_create");
    return service;
}

static uint16_t port_listened(iocpnet_listener listener)
{
    char text[64];

    server_must(iocpnet_listener_address(listener, text, sizeof text), "listener_address");
    return (uint16_t)strtoul(strrchr(text, ':') + 1, NULL, 10);
}

/* Closed listeners let go of their addresses when the service starts: each try has listeners of its own. */
static uint16_t try_to_listen(const server_options *options, iocpnet_service service)
{
    iocpnet_listener listeners[SERVER_ADDRESSES_MAX];
    unsigned port = 0;

    for (uint32_t index = 0; index < options->addresses; ++index) {
        char address[64];
        int32_t status;

        snprintf(address, sizeof address, "127.0.0.%u:%u", index + 1, port);
        status = iocpnet_listener_open(service, address, NULL, &listeners[index]);
        if (status == IOCPNET_E_ADDRESS_IN_USE && index > 0) {
            while (index-- > 0) {
                server_must(iocpnet_listener_close(listeners[index]), "listener_close");
            }
            return 0;
        }
        server_must(status, "listener_open");
        port = port_listened(listeners[index]);
    }
    return (uint16_t)port;
}

static uint16_t listen_on_one_port(const server_options *options, iocpnet_service service)
{
    uint16_t port;

    do {
        port = try_to_listen(options, service);
    } while (port == 0);
    return port;
}

static void register_callbacks(const serving *all)
{
    for (uint32_t kind = 0; kind < IOCPNET_EVENT_KIND_COUNT; ++kind) {
        if (all->handlers->on[kind] != NULL) {
            server_must(iocpnet_service_set_callback(all->service, kind, all->handlers->on[kind], NULL),
                        "service_set_callback");
        }
    }
}

static void poll_events(uint32_t dispatcher, void *user)
{
    const serving *const all = user;
    iocpnet_event *const events = server_allocate(EVENTS_MAX * sizeof *events);

    for (;;) {
        const int32_t count = iocpnet_service_poll(all->service, dispatcher, events, EVENTS_MAX, IOCPNET_INFINITE);

        server_must(count, "service_poll");
        for (int32_t index = 0; index < count; ++index) {
            const iocpnet_callback handler = all->handlers->on[events[index].kind];

            if (handler != NULL) {
                handler(&events[index], NULL);
            }
        }
    }
}

static void dispatch(uint32_t dispatcher, void *user)
{
    const serving *const all = user;

    for (;;) {
        server_must(iocpnet_service_dispatch(all->service, dispatcher, IOCPNET_INFINITE), "service_dispatch");
    }
}

/* On this thread, and others if there are several dispatchers, unless the library has its own. */
static void serve(const server_options *options, serving *all)
{
    if (is_batches(options)) {
        server_run_threads(options, poll_events, all);
    } else if (!is_driven_by_library(options)) {
        server_run_threads(options, dispatch, all);
    }
    for (;;) {
        pause();
    }
}

static const iocpnet_handlers *handlers_of(server_mode mode)
{
    static const iocpnet_handlers *const HANDLERS[] = {[SERVER_ECHO] = &iocpnet_echo_handlers,
                                                       [SERVER_FANOUT] = &iocpnet_fanout_handlers,
                                                       [SERVER_TICK] = &iocpnet_tick_handlers};

    return HANDLERS[mode];
}

int main(int argc, char **argv)
{
    server_options options;
    serving all;

    server_begin(&options, argc, argv);
    all.handlers = handlers_of(options.mode);
    all.service = make_service(&options);
    if (!is_batches(&options)) {
        register_callbacks(&all);
    }
    /* Before anything can come: the library's threads run as soon as the service does. */
    if (all.handlers->start != NULL) {
        all.handlers->start(&options, all.service);
    }
    server_ready(listen_on_one_port(&options, all.service));
    server_must(iocpnet_service_start(all.service), "service_start");
    serve(&options, &all);
}
