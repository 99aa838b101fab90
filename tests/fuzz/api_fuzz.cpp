/* Calls of the API in any order, inside and outside of callbacks, with handles of all sorts. See world.hpp. */
#include "fuzz/network.hpp"
#include "fuzz/world.hpp"

extern "C" int LLVMFuzzerInitialize(int *, char ***)
{
    fuzz::use_private_network();
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    fuzz::World(input).run();
    return 0;
}
