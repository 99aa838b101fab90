#ifndef BENCH_LOAD_CONNECTION_HPP
#define BENCH_LOAD_CONNECTION_HPP

#include <cstdint>

#include "load/options.hpp"

namespace bench
{

/* More at a time could be too many for a listener's queue; each that is dropped there costs a second. */
constexpr uint32_t connecting_max = 64;

/* A socket on its way to the server, in no loop yet. Its close is a reset, which leaves no port behind. */
int open_connection(const Options &options, uint32_t index);

/* Descriptors for all connections; throws when the system does not allow as many. */
void allow_descriptors(uint32_t connections);

/* One receive: the bytes taken, 0 when there are none. Throws when the connection is lost. */
uint32_t receive_some(int descriptor, uint32_t index, char *buffer, uint32_t size);

/* One send: the bytes taken, 0 when there is no room. Throws when the connection is lost. */
uint32_t send_some(int descriptor, uint32_t index, const char *bytes, uint64_t size);

} // namespace bench

#endif
