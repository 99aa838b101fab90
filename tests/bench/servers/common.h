/*
 * What the server programs of the bench share: command line, listeners, threads and ticks.
 *
 *   server_X echo|fanout|tick [--cpu N] [--message-bytes B] [--rate HZ] [--threads N] [--addresses K]
 *   server_iocpnet also: [--port epoll|io_uring|auto] [--delivery callbacks|batches] [--driving host|library]
 *                        [--spin-us N], server_epoll also [--careful 1|2]
 *
 * Prints "ready PORT" when it listens; ends with 0 at the end of standard input.
 */
#ifndef BENCH_SERVERS_COMMON_H
#define BENCH_SERVERS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    SERVER_DESCRIPTORS_MAX = 20000,
    SERVER_ADDRESSES_MAX = 64,
    SERVER_THREADS_MAX = 64,
    /* What one receive takes at most, where the library lets the server choose. */
    SERVER_BUFFER_BYTES = 256 * 1024
};

typedef enum server_mode {
    SERVER_ECHO,   /* every byte back */
    SERVER_FANOUT, /* each message of message_bytes goes to all sessions, its sender included */
    SERVER_TICK    /* a thread sends an update of message_bytes to all sessions; what comes is dropped */
} server_mode;

typedef struct server_options {
    server_mode mode;
    int cpu; /* -1: not pinned */
    uint32_t message_bytes;
    uint32_t rate_hz;
    uint32_t threads; /* echo only */
    uint32_t addresses;
    /* server_epoll only */
    uint32_t careful;
    /* server_iocpnet only */
    const char *port;
    const char *delivery;
    const char *driving;
    uint32_t spin_us;
} server_options;

/* Serves `listeners`, one for each address, until the process ends. Runs on a thread of its own. */
typedef void (*server_loop)(const server_options *options, const int *listeners);

/*
 * Reads the command line, pins the process, raises its limit of descriptors, and ends it at the end of standard input.
 * Before any thread is made.
 */
void server_begin(server_options *options, int argc, char **argv);

/* Prints the ready line. */
void server_ready(uint16_t port);

/* All of main for servers over sockets: each thread has its loop, and listeners that no other thread has. */
int server_main(int argc, char **argv, server_loop loop);

/* Runs `loop` on options->threads threads, of which the calling one is the last. */
void server_run_threads(const server_options *options, void (*loop)(uint32_t index, void *user), void *user);

/*
 * Starts the thread of the host: `tick` gets an update rate_hz times a second, borrowed until it returns. The first 8
 * bytes are the time of the tick, CLOCK_MONOTONIC in nanoseconds; each further byte is the low byte of its offset.
 */
void server_start_ticks(const server_options *options, void (*tick)(const uint8_t *update, void *user), void *user);

/* Says which call failed, with errno, and ends the process. */
#ifdef __cplusplus
[[noreturn]]
#else
_Noreturn
#endif
void server_die(const char *call);

/* Memory, or the end of the process. */
void *server_allocate(size_t size);

#ifdef __cplusplus
}
#endif

#endif
