/*
 * Faults of the requests in an io_uring: what stands in for the library's system calls tells of the rings here. A request
 * that is to fail is made one that does nothing before the kernel sees it, and its completion gets the error. Linux only.
 */
#pragma once

#include <cstdint>

#include <linux/io_uring.h>
#include <sys/types.h>

namespace fault_test
{

void ring_set_up(int descriptor, const io_uring_params *params);
/* Any mapping; those of rings are remembered. */
void ring_mapped(int descriptor, off_t offset, void *memory);
/* Before and after io_uring_enter, on the thread that calls it. */
void ring_submits(int descriptor, uint32_t count);
void ring_entered(int descriptor);

} // namespace fault_test
