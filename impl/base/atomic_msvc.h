/*
 * The functions of base/atomic.h for Microsoft's compiler, which has C11 atomics only behind a switch. Read-modify-writes
 * are full barriers. A volatile access of up to a pointer's size is one access and orders nothing by itself.
 */
#ifndef ICN_BASE_ATOMIC_MSVC_H
#define ICN_BASE_ATOMIC_MSVC_H

#include <stdbool.h>
#include <stdint.h>

#include <intrin.h>

typedef struct icn_atomic_u8 {
    volatile uint8_t value;
} icn_atomic_u8;

typedef struct icn_atomic_u32 {
    volatile uint32_t value;
} icn_atomic_u32;

typedef struct icn_atomic_u64 {
    volatile uint64_t value;
} icn_atomic_u64;

typedef struct icn_atomic_pointer {
    void *volatile value;
} icn_atomic_pointer;

/* Between an access and what must stay before or after it; x86 itself keeps loads and stores in this order. */
static inline void icn_atomic_order(void)
{
#if defined(_M_ARM64)
    __dmb(_ARM64_BARRIER_ISH);
#else
    _ReadWriteBarrier();
#endif
}

/* Orders a store before a later load of something else ("set the flag, then look"). */
static inline void icn_fence(void)
{
    volatile long here = 0;
    (void)_InterlockedExchange(&here, 1);
    icn_atomic_order();
}

/* The same behind a read-modify-write, which is a full barrier by itself. */
static inline void icn_fence_after_change(void)
{
    icn_atomic_order();
}

static inline uint8_t icn_atomic_exchange_u8(volatile uint8_t *target, uint8_t value)
{
    return (uint8_t)_InterlockedExchange8((volatile char *)target, (char)value);
}

static inline uint8_t icn_atomic_compare_u8(volatile uint8_t *target, uint8_t value, uint8_t expected)
{
    return (uint8_t)_InterlockedCompareExchange8((volatile char *)target, (char)value, (char)expected);
}

static inline uint32_t icn_atomic_exchange_u32(volatile uint32_t *target, uint32_t value)
{
    return (uint32_t)_InterlockedExchange((volatile long *)target, (long)value);
}

static inline uint32_t icn_atomic_compare_u32(volatile uint32_t *target, uint32_t value, uint32_t expected)
{
    return (uint32_t)_InterlockedCompareExchange((volatile long *)target, (long)value, (long)expected);
}

static inline uint64_t icn_atomic_compare_u64(volatile uint64_t *target, uint64_t value, uint64_t expected)
{
    return (uint64_t)_InterlockedCompareExchange64((volatile __int64 *)target, (__int64)value, (__int64)expected);
}

static inline void *icn_atomic_exchange_pointer(void *volatile *target, void *value)
{
    return _InterlockedExchangePointer(target, value);
}

static inline void *icn_atomic_compare_pointer(void *volatile *target, void *value, void *expected)
{
    return _InterlockedCompareExchangePointer(target, value, expected);
}

/* True when *expected was replaced; else *expected is what was found. */
#define ICN_ATOMIC_REPLACE(prefix, atomic_type, plain_type)                                                            \
    static inline bool icn_##prefix##_replace(atomic_type *atomic, plain_type *expected, plain_type value)             \
    {                                                                                                                  \
        plain_type found = icn_atomic_compare_##prefix(&atomic->value, value, *expected);                              \
        bool replaced = found == *expected;                                                                            \
        *expected = found;                                                                                             \
        return replaced;                                                                                               \
    }

/* For what the processor reads and writes at once. */
#define ICN_ATOMIC_ACCESS(prefix, atomic_type, plain_type)                                                             \
    static inline plain_type icn_##prefix##_load_relaxed(const atomic_type *atomic)                                    \
    {                                                                                                                  \
        return atomic->value;                                                                                          \
    }                                                                                                                  \
    static inline void icn_##prefix##_store_relaxed(atomic_type *atomic, plain_type value)                             \
    {                                                                                                                  \
        atomic->value = value;                                                                                         \
    }                                                                                                                  \
    static inline plain_type icn_##prefix##_exchange(atomic_type *atomic, plain_type value)                            \
    {                                                                                                                  \
        return icn_atomic_exchange_##prefix(&atomic->value, value);                                                    \
    }

#define ICN_ATOMIC_ORDERED(prefix, atomic_type, plain_type)                                                            \
    static inline plain_type icn_##prefix##_load(const atomic_type *atomic)                                            \
    {                                                                                                                  \
        plain_type value = icn_##prefix##_load_relaxed(atomic);                                                        \
        icn_atomic_order();                                                                                            \
        return value;                                                                                                  \
    }                                                                                                                  \
    static inline void icn_##prefix##_store(atomic_type *atomic, plain_type value)                                     \
    {                                                                                                                  \
        icn_atomic_order();                                                                                            \
        icn_##prefix##_store_relaxed(atomic, value);                                                                   \
    }

/* Both return the value before. */
#define ICN_ATOMIC_ARITHMETIC(prefix, atomic_type, plain_type)                                                         \
    static inline plain_type icn_##prefix##_add(atomic_type *atomic, plain_type amount)                                \
    {                                                                                                                  \
        plain_type before = icn_##prefix##_load_relaxed(atomic);                                                       \
        while (!icn_##prefix##_replace(atomic, &before, before + amount)) {                                            \
        }                                                                                                              \
        return before;                                                                                                 \
    }                                                                                                                  \
    static inline plain_type icn_##prefix##_subtract(atomic_type *atomic, plain_type amount)                           \
    {                                                                                                                  \
        return icn_##prefix##_add(atomic, 0 - amount);                                                                 \
    }                                                                                                                  \
    /* For counters with one writing thread: others only read. */                                                      \
    static inline void icn_##prefix##_count(atomic_type *atomic, plain_type amount)                                    \
    {                                                                                                                  \
        icn_##prefix##_store_relaxed(atomic, icn_##prefix##_load_relaxed(atomic) + amount);                            \
    }

ICN_ATOMIC_REPLACE(u8, icn_atomic_u8, uint8_t)
ICN_ATOMIC_REPLACE(u32, icn_atomic_u32, uint32_t)
ICN_ATOMIC_REPLACE(u64, icn_atomic_u64, uint64_t)
ICN_ATOMIC_REPLACE(pointer, icn_atomic_pointer, void *)

ICN_ATOMIC_ACCESS(u8, icn_atomic_u8, uint8_t)
ICN_ATOMIC_ACCESS(u32, icn_atomic_u32, uint32_t)
ICN_ATOMIC_ACCESS(pointer, icn_atomic_pointer, void *)

#if defined(_M_IX86)

/* A 32-bit processor has only the compare-and-exchange for 64 bits. */
static inline uint64_t icn_u64_load_relaxed(const icn_atomic_u64 *atomic)
{
    return icn_atomic_compare_u64((volatile uint64_t *)(uintptr_t)&atomic->value, 0, 0);
}

static inline uint64_t icn_u64_exchange(icn_atomic_u64 *atomic, uint64_t value)
{
    uint64_t before = icn_u64_load_relaxed(atomic);
    while (!icn_u64_replace(atomic, &before, value)) {
    }
    return before;
}

static inline void icn_u64_store_relaxed(icn_atomic_u64 *atomic, uint64_t value)
{
    icn_u64_exchange(atomic, value);
}

#else

static inline uint64_t icn_atomic_exchange_u64(volatile uint64_t *target, uint64_t value)
{
    return (uint64_t)_InterlockedExchange64((volatile __int64 *)target, (__int64)value);
}

ICN_ATOMIC_ACCESS(u64, icn_atomic_u64, uint64_t)

#endif

ICN_ATOMIC_ORDERED(u8, icn_atomic_u8, uint8_t)
ICN_ATOMIC_ORDERED(u32, icn_atomic_u32, uint32_t)
ICN_ATOMIC_ORDERED(u64, icn_atomic_u64, uint64_t)
ICN_ATOMIC_ORDERED(pointer, icn_atomic_pointer, void *)

ICN_ATOMIC_ARITHMETIC(u32, icn_atomic_u32, uint32_t)
ICN_ATOMIC_ARITHMETIC(u64, icn_atomic_u64, uint64_t)

#endif
