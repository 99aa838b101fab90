#include <fcntl.h>
#include <stddef.h>
#include <sys/socket.h>

#include "os/socket.h"

void icn_os_reserve_open(icn_os_socket *reserve)
{
    *reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void icn_os_reserve_close(icn_os_socket *reserve)
{
    if (*reserve != ICN_OS_SOCKET_NONE) {
        icn_os_socket_close(*reserve);
        *reserve = ICN_OS_SOCKET_NONE;
    }
}

bool icn_os_reserve_shed(icn_os_socket *reserve, icn_os_socket listener)
{
    int shed;

    icn_os_reserve_close(reserve);
    shed = accept4((int)listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (shed != -1) {
        icn_os_socket_set_reset_on_close(shed);
        icn_os_socket_close(shed);
    }
    icn_os_reserve_open(reserve);
    return shed != -1;
}
