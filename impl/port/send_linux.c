#include "port/send_linux.h"

#include <errno.h>

#include "os/error.h"
#include "port/operation.h"

bool icn_linux_try_send(icn_list *queue, icn_operation *operation, const iocpnet_iovec *pieces, uint32_t count)
{
    const int64_t size = icn_os_socket_send(icn_operation_endpoint(operation)->socket, pieces, count);

    if (size >= 0) {
        icn_operation_queue(queue, operation, icn_ok(), (uint32_t)size);
    } else if (errno == EINTR) {
        icn_operation_queue(queue, operation, icn_ok(), 0);
    } else if (errno != EAGAIN) {
        icn_operation_queue(queue, operation, icn_os_last_result(), 0);
    } else {
        return false;
    }
    return true;
}
