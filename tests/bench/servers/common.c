#include "common.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    NANOSECONDS = 1000000000,
    STAMP_BYTES = 8
};

void server_die(const char *call)
{
    fprintf(stderr, "%s: %s\n", call, strerror(errno));
    _exit(1);
}

void *server_allocate(size_t size)
{
    void *memory = malloc(size);

    if (memory == NULL) {
        server_die("malloc");
    }
    return memory;
}

static _Noreturn void refuse(const char *text)
{
    fprintf(stderr,
            "%s\nusage: server_X echo|fanout|tick [--cpu N] [--message-bytes B] [--rate HZ] [--threads N] "
            "[--addresses K]\n       server_epoll also: [--careful 1|2]\n       server_iocpnet also: [--port "
            "epoll|io_uring|auto] "
            "[--delivery callbacks|batches] [--driving host|library] [--spin-us N]\n",
            text);
    exit(2);
}

static uint32_t number(const char *text, uint32_t least, uint32_t most)
{
    char *end;
    const unsigned long value = strtoul(text, &end, 10);

    if (end == text || *end != '\0' || value < least || value > most) {
        refuse(text);
    }
    return (uint32_t)value;
}

static server_mode mode_of(const char *text)
{
    static const char *const NAMES[] = {"echo", "fanout", "tick"};

    for (unsigned mode = 0; mode < sizeof NAMES / sizeof NAMES[0]; ++mode) {
        if (strcmp(text, NAMES[mode]) == 0) {
            return (server_mode)mode;
        }
    }
    refuse(text);
}

static void read_option(server_options *options, const char *name, const char *value)
{
    if (strcmp(name, "--cpu") == 0) {
        options->cpu = (int)number(value, 0, CPU_SETSIZE - 1);
    } else if (strcmp(name, "--message-bytes") == 0) {
        options->message_bytes = number(value, STAMP_BYTES, SERVER_BUFFER_BYTES);
    } else if (strcmp(name, "--rate") == 0) {
        options->rate_hz = number(value, 1, 1000000);
    } else if (strcmp(name, "--threads") == 0) {
        options->threads = number(value, 1, SERVER_THREADS_MAX);
    } else if (strcmp(name, "--addresses") == 0) {
        options->addresses = number(value, 1, SERVER_ADDRESSES_MAX);
    } else if (strcmp(name, "--careful") == 0) {
        options->careful = number(value, 0, 2);
    } else if (strcmp(name, "--port") == 0) {
        options->port = value;
    } else if (strcmp(name, "--delivery") == 0) {
        options->delivery = value;
    } else if (strcmp(name, "--driving") == 0) {
        options->driving = value;
    } else if (strcmp(name, "--spin-us") == 0) {
        options->spin_us = number(value, 0, 1000000);
    } else {
        refuse(name);
    }
}

/* Before any thread is made, so that each inherits it. */
static void pin(int cpu)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET((size_t)cpu, &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) {
        server_die("sched_setaffinity");
    }
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        server_die("getrlimit");
    }
    limit.rlim_cur = limit.rlim_max < SERVER_DESCRIPTORS_MAX ? limit.rlim_max : SERVER_DESCRIPTORS_MAX;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        server_die("setrlimit");
    }
}

static void end(int unused)
{
    (void)unused;
    _exit(0);
}

static _Noreturn void await_end_of_input(pid_t parent)
{
    char text[64];
    ssize_t got;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close_range(STDIN_FILENO + 1, ~0U, 0);
    do {
        got = read(STDIN_FILENO, text, sizeof text);
    } while (getppid() == parent && (got > 0 || (got < 0 && errno == EINTR)));
    if (getppid() == parent) {
        kill(parent, SIGTERM);
    }
    _exit(0);
}

/*
 * A process, not a thread: with a second thread each system call would take a reference to its file, and each that can
 * be cancelled would be prepared for that, which is 2 % of a small echo.
 */
static void watch_input(void)
{
    const pid_t parent = getpid();
    pid_t child;

    signal(SIGTERM, end);
    child = fork();
    if (child < 0) {
        server_die("fork");
    }
    if (child == 0) {
        await_end_of_input(parent);
    }
}

void server_begin(server_options *options, int argc, char **argv)
{
    *options = (server_options){.cpu = -1,
                                .message_bytes = 64,
                                .rate_hz = 20,
                                .threads = 1,
                                .addresses = 1,
                                .port = "epoll",
                                .delivery = "callbacks",
                                .driving = "host"};
    if (argc < 2) {
        refuse("no mode");
    }
    options->mode = mode_of(argv[1]);
    for (int index = 2; index < argc; index += 2) {
        read_option(options, argv[index], index + 1 < argc ? argv[index + 1] : "");
    }
    if (options->threads > 1 && options->mode != SERVER_ECHO) {
        refuse("--threads is for echo");
    }
    if (options->cpu >= 0 && options->threads == 1) {
        pin(options->cpu);
    }
    raise_descriptor_limit();
    signal(SIGPIPE, SIG_IGN);
    watch_input();
}

static void start_thread(void *(*run)(void *), void *argument)
{
    pthread_t thread;
    const int error = pthread_create(&thread, NULL, run, argument);

    if (error != 0) {
        errno = error;
        server_die("pthread_create");
    }
    pthread_detach(thread);
}

void server_ready(uint16_t port)
{
    printf("ready %u\n", (unsigned)port);
    fflush(stdout);
}

typedef struct loop_thread {
    void (*loop)(uint32_t index, void *user);
    void *user;
    uint32_t index;
} loop_thread;

static void *run_loop(void *argument)
{
    const loop_thread thread = *(loop_thread *)argument;

    free(argument);
    thread.loop(thread.index, thread.user);
    return NULL;
}

void server_run_threads(const server_options *options, void (*loop)(uint32_t index, void *user), void *user)
{
    const uint32_t last = options->threads - 1;

    for (uint32_t index = 0; index < last; ++index) {
        loop_thread *thread = server_allocate(sizeof *thread);

        *thread = (loop_thread){loop, user, index};
        start_thread(run_loop, thread);
    }
    loop(last, user);
}

typedef struct ticker {
    const server_options *options;
    void (*tick)(const uint8_t *update, void *user);
    void *user;
} ticker;

static uint8_t *make_update(uint32_t bytes)
{
    uint8_t *update = server_allocate(bytes);

    for (uint32_t offset = 0; offset < bytes; ++offset) {
        update[offset] = (uint8_t)offset;
    }
    return update;
}

/* A tick that comes late does not shift those after it. */
static void *run_ticks(void *argument)
{
    const ticker *const ticks = argument;
    const int64_t period = NANOSECONDS / ticks->options->rate_hz;
    uint8_t *const update = make_update(ticks->options->message_bytes);
    struct timespec due;

    clock_gettime(CLOCK_MONOTONIC, &due);
    for (;;) {
        const int64_t next = due.tv_nsec + period;
        struct timespec now;
        uint64_t stamp;

        due.tv_sec += next / NANOSECONDS;
        due.tv_nsec = next % NANOSECONDS;
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) == EINTR) {
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        stamp = (uint64_t)now.tv_sec * NANOSECONDS + (uint64_t)now.tv_nsec;
        memcpy(update, &stamp, sizeof stamp);
        ticks->tick(update, ticks->user);
    }
    return NULL;
}

void server_start_ticks(const server_options *options, void (*tick)(const uint8_t *update, void *user), void *user)
{
    ticker *ticks = server_allocate(sizeof *ticks);

    *ticks = (ticker){options, tick, user};
    start_thread(run_ticks, ticks);
}
