/* The C++ wrapper in code without exceptions and RTTI, in one program with code that has them. */
#pragma once

#include <cstdint>

namespace api_test
{

/* Runs an echo server on a port of the library while `use` runs with its address; the first failure, or IOCPNET_OK. */
int32_t echo_without_exceptions(uint32_t port, void (*use)(const char *address, void *user), void *user);

/* Takes the value of a failure, which is an empty listener, and gives the status of a call with it. */
int32_t use_value_of_failure();

} // namespace api_test
