/*
 * Atomics, the only place that names the compiler's. Loads acquire, stores release, read-modify-writes do both, unless
 * the name says otherwise.
 */
#ifndef ICN_BASE_ATOMIC_H
#define ICN_BASE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)
#include "base/atomic_msvc.h"
#else

#include <stdatomic.h>

typedef struct icn_atomic_u16 {
    _Atomic uint16_t value;
} icn_atomic_u16;

typedef struct icn_atomic_u32 {
    _Atomic uint32_t value;
} icn_atomic_u32;

typedef struct icn_atomic_u64 {
    _Atomic uint64_t value;
} icn_atomic_u64;

typedef struct icn_atomic_pointer {
    _Atomic(void *) value;
} icn_atomic_pointer;

#define ICN_ATOMIC_FUNCTIONS(prefix, atomic_type, plain_type)                                                          \
    static inline plain_type icn_##prefix##_load(const atomic_type *atomic)                                            \
    {                                                                                                                  \
        return atomic_load_explicit(&((atomic_type *)(uintptr_t)atomic)->value, memory_order_acquire);                 \
    }                                                                                                                  \
    static inline plain_type icn_##prefix##_load_relaxed(const atomic_type *atomic)                                    \
    {                                                                                                                  \
        return atomic_load_explicit(&((atomic_type *)(uintptr_t)atomic)->value, memory_order_relaxed);                 \
    }                                                                                                                  \
    static inline void icn_##prefix##_store(atomic_type *atomic, plain_type value)                                     \
    {                                                                                                                  \
        atomic_store_explicit(&atomic->value, value, memory_order_release);                                            \
    }                                                                                                                  \
    static inline void icn_##prefix##_store_relaxed(atomic_type *atomic, plain_type value)                             \
    {                                                                                                                  \
        atomic_store_explicit(&atomic->value, value, memory_order_relaxed);                                            \
    }                                                                                                                  \
    static inline plain_type icn_##prefix##_exchange(atomic_type *atomic, plain_type value)                            \
    {                                                                                                                  \
        return atomic_exchange_explicit(&atomic->value, value, memory_order_seq_cst);                                  \
    }                                                                                                                  \
    /* True when *expected was replaced; else *expected is what was found. May fail without cause. */                  \
    static inline bool icn_##prefix##_replace(atomic_type *atomic, plain_type *expected, plain_type value)             \
    {                                                                                                                  \
        return atomic_compare_exchange_weak_explicit(&atomic->value, expected, value, memory_order_seq_cst,            \
                                                     memory_order_acquire);                                            \
    }

#define ICN_ATOMIC_ARITHMETIC(prefix, atomic_type, plain_type)                                                         \
    /* Both return the value before. */                                                                                \
    static inline plain_type icn_##prefix##_add(atomic_type *atomic, plain_type amount)                                \
    {                                                                                                                  \
        return atomic_fetch_add_explicit(&atomic->value, amount, memory_order_acq_rel);                                \
    }                                                                                                                  \
    static inline plain_type icn_##prefix##_subtract(atomic_type *atomic, plain_type amount)                           \
    {                                                                                                                  \
        return atomic_fetch_sub_explicit(&atomic->value, amount, memory_order_acq_rel);                                \
    }                                                                                                                  \
    /* For counters with one writing thread: others only read. */                                                      \
    static inline void icn_##prefix##_count(atomic_type *atomic, plain_type amount)                                    \
    {                                                                                                                  \
        icn_##prefix##_store_relaxed(atomic, icn_##prefix##_load_relaxed(atomic) + amount);                            \
    }

ICN_ATOMIC_FUNCTIONS(u16, icn_atomic_u16, uint16_t)
ICN_ATOMIC_FUNCTIONS(u32, icn_atomic_u32, uint32_t)
ICN_ATOMIC_FUNCTIONS(u64, icn_atomic_u64, uint64_t)
ICN_ATOMIC_FUNCTIONS(pointer, icn_atomic_pointer, void *)
ICN_ATOMIC_ARITHMETIC(u32, icn_atomic_u32, uint32_t)
ICN_ATOMIC_ARITHMETIC(u64, icn_atomic_u64, uint64_t)

/* Orders a store before a later load of something else ("set the flag, then look"). */
static inline void icn_fence(void)
{
    atomic_thread_fence(memory_order_seq_cst);
}

#endif

#endif
