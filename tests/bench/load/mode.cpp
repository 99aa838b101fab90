#include "load/mode.hpp"

#include "load/failure.hpp"

namespace bench
{

Mode::Mode(const Options &chosen) : options(chosen), server(chosen.server_pid)
{
}

void Mode::connect()
{
    loop.run_timer(true);
    join();
    loop.run_timer(false);
}

std::string Mode::run(uint64_t duration_ns)
{
    loop.run_timer(true);
    figures = Figures();
    const uint64_t start = now_ns();
    const uint64_t server_cpu = server.cpu_ns();
    const uint64_t load_cpu = read_clock(CLOCK_PROCESS_CPUTIME_ID);
    slice(start + duration_ns);
    figures.server_cpu_ns = server.cpu_ns() - server_cpu;
    figures.load_cpu_ns = read_clock(CLOCK_PROCESS_CPUTIME_ID) - load_cpu;
    figures.elapsed_ns = now_ns() - start;
    loop.run_timer(false);
    judge();
    return figures.json(options, more());
}

uint32_t Mode::wait(uint64_t timeout_ns)
{
    uint32_t count = 0;
    uint32_t handled = 0;
    const epoll_event *const events = loop.wait(timeout_ns, count);
    for (uint32_t i = 0; i < count; i++) {
        if (events[i].data.u32 == Loop::timer_index) {
            loop.take_timer();
            continue;
        }
        on_event(events[i].data.u32, events[i].events);
        handled++;
    }
    return handled;
}

void Mode::wait_until_time(uint64_t end_ns)
{
    while (now_ns() < end_ns) {
        wait(Loop::forever);
    }
}

void Mode::check_stall(uint32_t silent_waits, const char *what) const
{
    if (silent_waits * Loop::timer_ns >= options.stall_seconds * ns_per_second) {
        throw Failure("nothing came from the server for " + std::to_string(options.stall_seconds) +
                      " s, while waiting for " + what);
    }
}

} // namespace bench
