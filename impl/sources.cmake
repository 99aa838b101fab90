# The library's sources, relative to this folder, in order of the layers. Headers are not listed.
# After a change run impl/cmake/generate_projects.py, which writes the Visual Studio projects from these lists.

set(IOCPNET_SOURCES_COMMON
    base/address.c
    base/check.c
    base/status.c
    util/handle.c
    util/live.c
    util/log.c
    util/memory.c
    util/timer.c
    port/port.c
)

set(IOCPNET_SOURCES_LINUX
    os/linux/clock.c
    os/linux/error.c
    os/linux/reserve.c
    os/linux/sockaddr.c
    os/linux/socket.c
    os/linux/thread.c
    port/port_epoll.c
    port/port_epoll_io.c
    port/port_uring.c
    port/ports_linux.c
    port/uring_buffers.c
    port/uring_complete.c
    port/uring_request.c
    port/uring_ring.c
)

set(IOCPNET_SOURCES_WINDOWS
    os/windows/clock.c
    os/windows/error.c
    os/windows/sockaddr.c
    os/windows/socket.c
    os/windows/thread.c
    port/port_iocp.c
    port/port_iocp_accept.c
    port/port_iocp_error.c
    port/port_iocp_operations.c
    port/ports_windows.c
)
