/* The server over Asio: a read, then a write that is tried at once and goes on in the background. */
#ifndef BENCH_SERVERS_SERVER_ASIO_HPP
#define BENCH_SERVERS_SERVER_ASIO_HPP

#include <asio.hpp>

#include "common.h"

namespace bench
{

void serve_echo(asio::ip::tcp::socket socket);

} // namespace bench

#endif
