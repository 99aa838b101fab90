/*
 * Atomics, the only place that names the compiler's. Loads acquire, stores release, read-modify-writes do both, unless
 * the name says otherwise.
 */
#ifndef ICN_BASE_ATOMIC_H
#define ICN_BASE_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/interleave.h"

#if defined(_MSC_VER) && !defined(__clang__)
#include "base/atomic_msvc.h"
#else

/* The built-in functions of gcc and clang on plain fields: unlike C11's types, C++ tests can include them. */
#if defined(__cplusplus)
#define ICN_ALIGNED(bytes) alignas(bytes)
#else
#define ICN_ALIGNED(bytes) _Alignas(bytes)
#endif

typedef struct icn_atomic_u8 {
    uint8_t value;
} icn_atomic_u8;

typedef struct icn_atomic_u16 {
    uint16_t value;
} icn_atomic_u16;

typedef struct icn_atomic_u32 {
    uint32_t value;
} icn_atomic_u32;

typedef struct icn_atomic_u64 {
    ICN_ALIGNED(8) uint64_t value;
} icn_atomic_u64;

typedef struct icn_atomic_pointer {
    void *value;
} icn_atomic_pointer;

#define ICN_ATOMIC_FUNCTIONS(prefix, atomic_type, plain_type)                                                          \
    static inline plain_type icn_##prefix##_load(const atomic_type *atomic)                                            \
    {                                                                                                                  \
        icn_interleave();                                                                                              \
        return __atomic_load_n(&atomic->value, __ATOMIC_ACQUIRE);                                                      \
    }                                                                                                                  \
    static inline plain_type icn_##prefix##_load_relaxed(const atomic_type *atomic)                                    \
    {                                                                                                                  \
        icn_interleave();                                                                                              \
        return __atomic_load_n(&atomic->value, __ATOMIC_RELAXED);                                                      \
    }                                                                                                                  \
    static inline void icn_##prefix##_store(atomic_type *atomic, plain_type value)                                     \
    {                                                                                                                  \
        icn_interleave();                                                                                              \
        __atomic_store_n(&atomic->value, value, __ATOMIC_RELEASE);                                                     \
    }                                                                                                                  \
    static inline void icn_##prefix##_store_relaxed(atomic_type *atomic, plain_type value)                             \
    {                                                                                                                  \
        icn_interleave();                                                                                              \
        __atomic_store_n(&atomic->value, value, __ATOMIC_RELAXED);                                                     \
    }                                                                                                                  \
    static inline plain_type icn_##prefix##_exchange(atomic_type *atomic, plain_type value)                            \
    {                                                                                                                  \
        icn_interleave();                                                                                              \
        return __atomic_exchange_n(&atomic->value, value, __ATOMIC_SEQ_CST);                                           \
    }                                                                                                                  \
    /* True when *expected was replaced; else *expected is what was found. May fail without cause. */                  \
    static inline bool icn_##prefix##_replace(atomic_type *atomic, plain_type *expected, plain_type value)             \
    {                                                                                                                  \
        icn_interleave();                                                                                              \
        return __atomic_compare_exchange_n(&atomic->value, expected, value, true, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE); \
    }

#define ICN_ATOMIC_ARITHMETIC(prefix, atomic_type, plain_type)                                                         \
    /* Both return the value before. */                                                                                \
    static inline plain_type icn_##prefix##_add(atomic_type *atomic, plain_type amount)                                \
    {                                                                                                                  \
        icn_interleave();                                                                                              \
        return __atomic_fetch_add(&atomic->value, amount, __ATOMIC_ACQ_REL);                                           \
    }                                                                                                                  \
    static inline plain_type icn_##prefix##_subtract(atomic_type *atomic, plain_type amount)                           \
    {                                                                                                                  \
        icn_interleave();                                                                                              \
        return __atomic_fetch_sub(&atomic->value, amount, __ATOMIC_ACQ_REL);                                           \
    }

ICN_ATOMIC_FUNCTIONS(u8, icn_atomic_u8, uint8_t)
ICN_ATOMIC_FUNCTIONS(u16, icn_atomic_u16, uint16_t)
ICN_ATOMIC_FUNCTIONS(u32, icn_atomic_u32, uint32_t)
ICN_ATOMIC_FUNCTIONS(u64, icn_atomic_u64, uint64_t)
ICN_ATOMIC_FUNCTIONS(pointer, icn_atomic_pointer, void *)
ICN_ATOMIC_ARITHMETIC(u32, icn_atomic_u32, uint32_t)
ICN_ATOMIC_ARITHMETIC(u64, icn_atomic_u64, uint64_t)

/*
 * For counters with one writing thread: others only read. x86-64 adds to memory by one instruction, whose store another
 * thread sees as a whole; from relaxed atomics the compilers make three.
 */
static inline void icn_u64_count(icn_atomic_u64 *atomic, uint64_t amount)
{
#if defined(__x86_64__)
    icn_interleave();
    __asm__("addq %1, %0" : "+m"(atomic->value) : "er"(amount) : "cc");
#else
    icn_u64_store_relaxed(atomic, icn_u64_load_relaxed(atomic) + amount);
#endif
}

/* Orders a store before a later load of something else ("set the flag, then look"). */
static inline void icn_fence(void)
{
    icn_interleave();
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* The same behind a read-modify-write, which on x86 is a fence by itself: there only the compiler has to be held. */
static inline void icn_fence_after_change(void)
{
#if defined(__x86_64__) || defined(__i386__)
    icn_interleave();
    __asm__ volatile("" ::: "memory");
#else
    icn_fence();
#endif
}

#endif

#endif
