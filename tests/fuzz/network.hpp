/* The loopback network of the targets that open sockets. */
#pragma once

namespace fuzz
{

/*
 * Moves the process into a network namespace of its own, with a loopback interface that keeps no closed connection in
 * mind: thousands of connections a second use up no port of the machine. Without the right to do so, nothing happens.
 */
void use_private_network();

} // namespace fuzz
