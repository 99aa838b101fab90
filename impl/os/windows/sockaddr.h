/* Addresses in the form of the system. For os/windows and the IOCP port. Any thread. */
#ifndef ICN_OS_WINDOWS_SOCKADDR_H
#define ICN_OS_WINDOWS_SOCKADDR_H

#include <winsock2.h>
#include <ws2tcpip.h>

#include "base/address.h"

/* AF_INET or AF_INET6. */
int icn_os_sockaddr_family(icn_address_family family);

/* Returns the length to give to the system. */
int icn_os_sockaddr_write(const icn_address *address, SOCKADDR_STORAGE *storage);

/* A family that is none of ours gives ICN_ADDRESS_NONE. */
void icn_os_sockaddr_read(const SOCKADDR_STORAGE *storage, icn_address *address);

/* Any address of a family, port 0. Returns the length. */
int icn_os_sockaddr_write_any(icn_address_family family, SOCKADDR_STORAGE *storage);

#endif
