/* Waking whoever waits for an eventfd. Any thread. */
#ifndef ICN_OS_LINUX_WAKE_H
#define ICN_OS_LINUX_WAKE_H

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "base/atomic.h"

/*
 * Sets the flag, which whoever was woken clears, and writes when it was not set. The flag comes first: a run that the write
 * ends finds it. Who finds it set knows that the write is under way. Nobody reads the eventfd, whose counter takes 2^64 - 2
 * wakes before it is full. Should the system refuse all the same, the next wake tries again.
 */
static inline void icn_os_wake(int descriptor, icn_atomic_u32 *woken)
{
    const uint64_t one = 1;
    ssize_t written;

    if (icn_u32_exchange(woken, 1) != 0) {
        return;
    }
    do {
        written = write(descriptor, &one, sizeof one);
    } while (written == -1 && errno == EINTR);
    if (written == -1) {
        icn_u32_store(woken, 0);
    }
}

#endif
