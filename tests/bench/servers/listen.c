#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,
    TRIES_MAX = 100
};

typedef struct plan {
    const server_options *options;
    server_loop loop;
    int *sockets; /* of thread 0, then of thread 1, ... */
} plan;

static void enable(int socket, int level, int option)
{
    const int on = 1;

    if (setsockopt(socket, level, option, &on, sizeof on) != 0) {
        server_die("setsockopt");
    }
}

/* A connection has TCP_NODELAY from its listener, without a system call of its own. */
static int make_socket(bool is_shared)
{
    const int made = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (made < 0) {
        server_die("socket");
    }
    enable(made, SOL_SOCKET, SO_REUSEADDR);
    enable(made, IPPROTO_TCP, TCP_NODELAY);
    if (is_shared) {
        enable(made, SOL_SOCKET, SO_REUSEPORT);
    }
    return made;
}

/* Binds to 127.0.0.<1 + index>; `port` 0 takes a free one. False when it is taken. */
static bool bind_to(int socket, uint32_t index, uint16_t *port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK + index)};
    socklen_t size = sizeof address;

    if (bind(socket, (struct sockaddr *)&address, sizeof address) != 0) {
        if (errno != EADDRINUSE) {
            server_die("bind");
        }
        return false;
    }
    if (getsockname(socket, (struct sockaddr *)&address, &size) != 0) {
        server_die("getsockname");
    }
    *port = ntohs(address.sin_port);
    return true;
}

/* The port of them all, or 0 when the first one's was taken at another address. */
static uint16_t try_to_listen(const server_options *options, int *sockets)
{
    const uint32_t count = options->threads * options->addresses;
    uint16_t port = 0;

    for (uint32_t made = 0; made < count; ++made) {
        sockets[made] = make_socket(options->threads > 1);
        if (!bind_to(sockets[made], made % options->addresses, &port)) {
            for (uint32_t index = 0; index <= made; ++index) {
                close(sockets[index]);
            }
            return 0;
        }
        if (listen(sockets[made], BACKLOG) != 0) {
            server_die("listen");
        }
    }
    return port;
}

static uint16_t listen_on_one_port(const server_options *options, int *sockets)
{
    for (int tries = 0; tries < TRIES_MAX; ++tries) {
        const uint16_t port = try_to_listen(options, sockets);

        if (port != 0) {
            return port;
        }
    }
    errno = EADDRINUSE;
    server_die("bind");
}

static void run_loop(uint32_t index, void *user)
{
    const plan *const all = user;

    all->loop(all->options, all->sockets + index * all->options->addresses);
}

int server_main(int argc, char **argv, server_loop loop)
{
    server_options options;
    plan all = {&options, loop, NULL};

    server_begin(&options, argc, argv);
    all.sockets = server_allocate(options.threads * options.addresses * sizeof *all.sockets);
    server_ready(listen_on_one_port(&options, all.sockets));
    server_run_threads(&options, run_loop, &all);
    return 0;
}
