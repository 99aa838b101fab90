/* Runs in processes of their own, so that a violation or a crash ends nothing but one of them. */
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace sim_test
{

/* What a series of runs came to. */
struct SeriesResult {
    uint64_t runs;
    uint64_t life_cycles;
    uint64_t steps;
    uint64_t preemptions;
    uint64_t hash; /* of all runs, in whatever order */
    bool violated;
    uint64_t seed; /* of the violation */
    uint64_t violation_steps;
    char invariant[64];
    char text[256];
};

struct Series {
    uint64_t first_seed = 0;
    uint64_t count = 1;
    const uint8_t *bytes = nullptr; /* one run from these instead */
    size_t size = 0;
    uint64_t steps_max = 400000;
    bool trace = false;
    uint8_t *record = nullptr; /* shared with the child: the choices of the run go there */
    size_t record_capacity = 0;
};

/* A process that makes a series, and ends with its first violation. */
class Child
{
public:
    explicit Child(const Series &series);
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;
    ~Child();

    bool is(int process) const { return process == process_; }
    /* After the process has ended with this status. */
    const SeriesResult &ended(int status);

private:
    int process_;
    SeriesResult *shared_;
};

/* Makes a series in a child, and waits for it. */
SeriesResult run_child(const Series &series);

/* Memory that children share with their parent. */
void *shared_memory(size_t size);
void free_shared_memory(void *memory, size_t size);

} // namespace sim_test
