#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "load/churn.hpp"
#include "load/closed.hpp"
#include "load/connection.hpp"
#include "load/failure.hpp"
#include "load/fanout.hpp"
#include "load/open.hpp"
#include "load/options.hpp"
#include "load/tick.hpp"

namespace bench
{

namespace
{

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;
constexpr int exit_limit = 3;

void end_at_limit(int)
{
    static const char text[] = "bench_load: more time than --limit-seconds\n";
    const ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
    _exit(written < 0 ? exit_limit + 1 : exit_limit);
}

void prepare_process(const Options &options)
{
    signal(SIGALRM, end_at_limit);
    alarm(options.limit_seconds);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* nanosecond: waits of the open mode end when they should */
    if (options.cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(static_cast<size_t>(options.cpu), &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0) {
            throw Failure(with_errno("--cpu"));
        }
    }
    allow_descriptors(options.connections);
}

std::unique_ptr<Mode> create_mode(const Options &options)
{
    if (options.mode == "open") {
        return std::make_unique<OpenMode>(options);
    }
    if (options.mode == "churn") {
        return std::make_unique<ChurnMode>(options);
    }
    if (options.mode == "fanout") {
        return std::make_unique<FanoutMode>(options);
    }
    if (options.mode == "tick") {
        return std::make_unique<TickMode>(options);
    }
    return std::make_unique<ClosedMode>(options);
}

void print(const std::string &line)
{
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

void obey(Mode &mode, const std::string &line)
{
    static const std::string verb = "run ";
    char *end = nullptr;
    const unsigned long long ms = line.rfind(verb, 0) == 0 ? std::strtoull(&line[verb.size()], &end, 10) : 0;
    if (ms == 0 || *end != '\0') {
        throw std::invalid_argument("not a command: " + line);
    }
    print(mode.run(ms * ns_per_ms));
}

/* Appends what there is; false at the end of the input. */
bool read_input(std::string &input)
{
    char bytes[256];
    const ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
    input.append(bytes, size > 0 ? static_cast<size_t>(size) : 0);
    return size > 0;
}

void obey_lines(Mode &mode, std::string &input)
{
    for (size_t end = input.find('\n'); end != std::string::npos; end = input.find('\n')) {
        const std::string line = input.substr(0, end);
        input.erase(0, end + 1);
        obey(mode, line);
    }
}

/* Between commands, too, it looks at what the server does. */
void serve_input(Mode &mode)
{
    std::string input;
    bool more = true;
    while (more) {
        pollfd waiting[] = {{STDIN_FILENO, POLLIN, 0}, {mode.descriptor(), POLLIN, 0}};
        poll(waiting, 2, -1);
        mode.take_arrived();
        if (waiting[0].revents != 0) {
            more = read_input(input);
            obey_lines(mode, input);
        }
    }
}

int run(const std::vector<std::string> &words)
{
    try {
        const Options options = parse_options(words);
        prepare_process(options);
        const std::unique_ptr<Mode> mode = create_mode(options);
        mode->connect();
        print("ready");
        serve_input(*mode);
        return 0;
    } catch (const std::invalid_argument &error) {
        std::fprintf(stderr, "bench_load: %s\n%s", error.what(), usage());
        return exit_usage;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "bench_load: %s\n", error.what());
        return exit_failure;
    }
}

} // namespace

} // namespace bench

int main(int count, char **words)
{
    return bench::run({words + 1, words + count});
}
