/* All memory of the library comes from here: counted by tag, from the host's allocator or malloc. Any thread. */
#ifndef ICN_UTIL_MEMORY_H
#define ICN_UTIL_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "iocpnet.h"

typedef enum icn_memory_tag {
    ICN_MEMORY_HANDLES, /* kept for the life of the process; not in the live counts */
    ICN_MEMORY_SERVICE,
    ICN_MEMORY_PORT,
    ICN_MEMORY_LISTENER,
    ICN_MEMORY_SESSION,
    ICN_MEMORY_SEND_BUFFER,
    ICN_MEMORY_EVENT_BUFFER,
    ICN_MEMORY_RECEIVE_BUFFER,
    ICN_MEMORY_TEXT,
    ICN_MEMORY_GROUP,
    ICN_MEMORY_SCHEDULE, /* timers and jobs of the host */
    ICN_MEMORY_TAG_COUNT
} icn_memory_tag;

/* `size`: not 0. Aligned as malloc's, to 16 bytes on 64-bit systems. Not cleared (debug builds fill it with a pattern).
 * NULL when there is none. */
void *icn_memory_allocate(size_t size, icn_memory_tag tag);
/* Cleared. */
void *icn_memory_allocate_zeroed(size_t size, icn_memory_tag tag);
/* `size` and `tag` as allocated; checked in debug builds, which also poison the block. NULL is ignored. */
void icn_memory_release(void *memory, size_t size, icn_memory_tag tag);

/* What was in memory that is kept for re-use is not to be read any more: debug builds poison it as if it were released. */
void icn_memory_spoil(void *memory, size_t size);

/* Live blocks and bytes of one tag. */
uint64_t icn_memory_blocks(icn_memory_tag tag);
uint64_t icn_memory_bytes(icn_memory_tag tag);

/* iocpnet_set_allocator: IOCPNET_E_INVALID_STATE when it was set before or anything was ever allocated. */
int32_t icn_memory_set_allocator(const iocpnet_allocator *allocator);

#if defined(ICN_TEST_HOOKS)
/* The allocation number `first` from now (1: the next one) fails, and with `for_ever` all after it. 0: none does. */
void icn_memory_fail(uint64_t first, int for_ever);
/* Allocations asked for since icn_memory_fail was last called. */
uint64_t icn_memory_attempts(void);
#endif

#endif
