/* Addresses in the form of the system. For os/linux and the ports of Linux. Any thread. */
#ifndef ICN_OS_LINUX_SOCKADDR_H
#define ICN_OS_LINUX_SOCKADDR_H

#include <sys/socket.h>

#include "base/address.h"

/* Returns the length to give to the system. */
socklen_t icn_os_sockaddr_write(const icn_address *address, struct sockaddr_storage *storage);

/* A family that is none of ours gives ICN_ADDRESS_NONE. */
void icn_os_sockaddr_read(const struct sockaddr_storage *storage, icn_address *address);

#endif
