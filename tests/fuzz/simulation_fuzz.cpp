/* The simulated world: its choices are the input. Whatever is chosen, no invariant is violated. */
#include "fuzz/input.hpp"
#include "sim/simulation.hpp"

namespace
{

/* The end of the choices ends the interesting part; what follows is the world that comes to rest. */
constexpr uint64_t steps_max = 400000;

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sim_test::RunLimits limits;
    limits.steps_max = steps_max;
    const sim_test::RunResult run = sim_test::run_simulation(sim_test::Choices::from_bytes(data, size), limits);
    if (run.core.violated) {
        std::fprintf(stderr, "violated: %s: %s\n", run.core.invariant, run.core.text);
    }
    FUZZ_REQUIRE(!run.core.violated);
    return 0;
}
