/* From pieces to the buffers of a gathered send. */
#ifndef ICN_OS_WINDOWS_GATHER_H
#define ICN_OS_WINDOWS_GATHER_H

#include <winsock2.h>

#include "os/socket.h"

/* Returns how many buffers were filled, 1 to ICN_OS_PIECES_MAX. A piece that is too long for one buffer is cut, and ends the
 * list. */
DWORD icn_os_gather(const iocpnet_iovec *pieces, uint32_t count, WSABUF *buffers);

#endif
