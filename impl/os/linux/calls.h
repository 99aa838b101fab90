/*
 * Receiving and sending, as the C library does but without its cancellation points: a process with threads pays for them
 * at each call, and a host that cancels a thread must not cut a dispatcher in two.
 * Return the bytes or -1 with errno. The tests, which replace calls, and other processors go through the C library.
 */
#ifndef ICN_OS_LINUX_CALLS_H
#define ICN_OS_LINUX_CALLS_H

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

#if defined(__x86_64__) && defined(__LP64__) && !defined(ICN_TEST_HOOKS)

#include <sys/syscall.h>

/* System V ABI, A.2.1: arguments in rdi, rsi, rdx, r10, r8, r9; rcx and r11 are lost; -4095 to -1 is an error. The sixth, the
 * length of an address, is not looked at when the fifth, the address, is NULL. */
static inline ssize_t icn_linux_transfer(long number, int socket, const void *data, size_t size, int flags)
{
    register long fourth __asm__("r10") = flags;
    register long fifth __asm__("r8") = 0;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"((long)socket), "S"(data), "d"(size), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    if (__builtin_expect(result < 0, 0)) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

static inline ssize_t icn_linux_receive(int socket, void *data, size_t size, int flags)
{
    return icn_linux_transfer(SYS_recvfrom, socket, data, size, flags);
}

static inline ssize_t icn_linux_send(int socket, const void *data, size_t size, int flags)
{
    return icn_linux_transfer(SYS_sendto, socket, data, size, flags);
}

#else

static inline ssize_t icn_linux_receive(int socket, void *data, size_t size, int flags)
{
    return recv(socket, data, size, flags);
}

static inline ssize_t icn_linux_send(int socket, const void *data, size_t size, int flags)
{
    return send(socket, data, size, flags);
}

#endif

#endif
