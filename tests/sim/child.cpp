#include "child.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <csignal>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "invariants.hpp"
#include "simulation.hpp"

extern "C" {
#include "os/sim/choice.h"
}

namespace sim_test
{

namespace
{

/* Of one run; it takes milliseconds. */
constexpr unsigned seconds_max = 60;

uint64_t mixed(uint64_t seed, uint64_t hash)
{
    uint64_t value = hash ^ (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
    value = (value ^ value >> 31) * UINT64_C(0xD6E8FEB86659FD93);
    return value ^ value >> 32;
}

void run_one(const Series &series, uint64_t seed, SeriesResult &result)
{
    RunLimits limits;
    limits.steps_max = series.steps_max;
    limits.trace = series.trace;
    result.seed = seed;
    /* A run that hangs outside of the simulated clock ends with a signal. */
    alarm(seconds_max);
    const Choices choices =
        series.bytes != nullptr ? Choices::from_bytes(series.bytes, series.size) : Choices::from_seed(seed);
    const RunResult run = run_simulation(choices, limits);
    result.runs++;
    result.life_cycles += run.life_cycles;
    result.steps += run.core.steps;
    result.preemptions += run.core.preemptions;
    result.hash += mixed(seed, run.core.hash);
    if (run.core.violated) {
        result.violation_steps = run.core.steps;
        std::memcpy(result.invariant, run.core.invariant, sizeof result.invariant);
        std::memcpy(result.text, run.core.text, sizeof result.text);
        result.violated = true;
    }
}

[[noreturn]] void run_series(const Series &series, SeriesResult &result)
{
    if (series.record != nullptr) {
        icn_sim_choices_record(series.record, series.record_capacity);
    }
    for (uint64_t i = 0; i < series.count && !result.violated; i++) {
        run_one(series, series.first_seed + i, result);
    }
    std::fflush(nullptr);
    _exit(0);
}

} // namespace

void *shared_memory(size_t size)
{
    void *memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        std::perror("mmap");
        std::exit(2);
    }
    return memory;
}

void free_shared_memory(void *memory, size_t size)
{
    (void)munmap(memory, size);
}

Child::Child(const Series &series) : shared_(static_cast<SeriesResult *>(shared_memory(sizeof(SeriesResult))))
{
    std::fflush(nullptr);
    process_ = fork();
    if (process_ == 0) {
        run_series(series, *shared_);
    }
    if (process_ < 0) {
        std::perror("fork");
        std::exit(2);
    }
}

Child::~Child()
{
    free_shared_memory(shared_, sizeof(SeriesResult));
}

const SeriesResult &Child::ended(int status)
{
    if (!shared_->violated && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
        shared_->violated = true;
        std::snprintf(shared_->invariant, sizeof shared_->invariant, "%s", invariant::crash);
        if (WIFSIGNALED(status)) {
            std::snprintf(shared_->text, sizeof shared_->text, "signal %d (%s)", WTERMSIG(status),
                          strsignal(WTERMSIG(status)));
        } else {
            std::snprintf(shared_->text, sizeof shared_->text, "exit code %d", WEXITSTATUS(status));
        }
    }
    return *shared_;
}

SeriesResult run_child(const Series &series)
{
    Child child(series);
    int status = 0;
    int process;
    do {
        process = waitpid(-1, &status, 0);
    } while (process > 0 && !child.is(process));
    return child.ended(status);
}

} // namespace sim_test
