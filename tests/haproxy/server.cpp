/*
 * A server behind a proxy: greets each session with its own name and the address that the session is from, and echoes.
 *
 *   haproxy_server NAME PORT TRUSTED     PORT: epoll, io_uring or auto. Prints "listens on ADDRESS"
 *
 * Commands on standard input, each answered by a line:
 *   counts    what was accepted, and refused by cause
 *   drain     waits until nobody is left, then stops; the proxy is to send nobody any more. Ends the program
 *   cut       stops at once. Ends the program
 */
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>

#include "iocpnet.h"

namespace
{

constexpr std::chrono::seconds drain_limit{30};
constexpr uint32_t stop_limit_ms = 5000;

[[noreturn]] void fail(const char *what, int32_t status)
{
    std::printf("%s: %s\n", what, iocpnet_status_name(status));
    std::exit(1);
}

void require(const char *what, int32_t status)
{
    if (status != IOCPNET_OK) {
        fail(what, status);
    }
}

void IOCPNET_CALL on_connected(const iocpnet_event *event, void *user)
{
    char remote[64];
    if (iocpnet_session_remote_address(event->session, remote, sizeof remote) > 0) {
        const std::string greeting = std::string(static_cast<const char *>(user)) + " " + remote + "\n";
        iocpnet_session_send(event->session, greeting.data(), greeting.size());
    }
}

void IOCPNET_CALL on_received(const iocpnet_event *event, void *)
{
    iocpnet_session_send(event->session, event->data, event->size);
}

uint32_t port_of(const std::string &name)
{
    if (name == "epoll") {
        return IOCPNET_PORT_EPOLL;
    }
    return name == "io_uring" ? IOCPNET_PORT_IO_URING : IOCPNET_PORT_AUTO;
}

iocpnet_service create(char *name, const std::string &port)
{
    iocpnet_service_options options;
    iocpnet_service service = 0;
    iocpnet_service_options_init(&options, sizeof options);
    options.port = port_of(port);
    options.dispatcher_count = 2;
    require("create", iocpnet_service_create(&options, &service));
    iocpnet_service_set_callback(service, IOCPNET_EVENT_CONNECTED, on_connected, name);
    iocpnet_service_set_callback(service, IOCPNET_EVENT_RECEIVED, on_received, nullptr);
    return service;
}

void listen(iocpnet_service service, const char *trusted)
{
    iocpnet_listener_options options;
    iocpnet_listener listener = 0;
    char address[64];
    iocpnet_listener_options_init(&options, sizeof options);
    options.proxy_protocol = IOCPNET_PROXY_REQUIRED;
    options.proxy_trusted = trusted;
    require("listen", iocpnet_listener_open(service, "127.0.0.1:0", &options, &listener));
    require("start", iocpnet_service_start(service));
    iocpnet_listener_address(listener, address, sizeof address);
    std::printf("listens on %s\n", address);
}

iocpnet_service_statistics statistics(iocpnet_service service)
{
    iocpnet_service_statistics counts;
    iocpnet_service_stats(service, &counts, sizeof counts);
    return counts;
}

void print_counts(iocpnet_service service)
{
    const iocpnet_service_statistics counts = statistics(service);
    std::printf("accepts=%" PRIu64 " refused=%" PRIu64 " by_trust=%" PRIu64 " by_header=%" PRIu64 " late=%" PRIu64 "\n",
                counts.accepts, counts.accepts_refused, counts.accepts_refused_by_trust,
                counts.accepts_refused_by_header, counts.accepts_refused_by_header_timeout);
}

/* Whoever is there finishes; the proxy's own checks come and go. */
void wait_until_nobody_is_left(iocpnet_service service)
{
    const auto end = std::chrono::steady_clock::now() + drain_limit;
    while (statistics(service).sessions_live != 0 && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

void stop(iocpnet_service service, uint32_t drain_ms)
{
    iocpnet_stop_result result = {};
    require("stop", iocpnet_service_stop(service, drain_ms, &result));
    std::printf("drained=%" PRIu64 " aborted=%" PRIu64 " unsent=%" PRIu64 "\n", result.sessions_drained,
                result.sessions_aborted, result.bytes_unsent);
    require("destroy", iocpnet_service_destroy(service));
}

void obey(iocpnet_service service)
{
    for (std::string command; std::getline(std::cin, command);) {
        if (command == "counts") {
            print_counts(service);
            continue;
        }
        if (command == "drain") {
            wait_until_nobody_is_left(service);
        }
        stop(service, command == "drain" ? stop_limit_ms : 0);
        return;
    }
}

} // namespace

int main(int argc, char **argv)
{
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    if (argc != 4) {
        std::printf("usage: haproxy_server NAME PORT TRUSTED\n");
        return 1;
    }
    const iocpnet_service service = create(argv[1], argv[2]);
    listen(service, argv[3]);
    obey(service);
    return 0;
}
