/* What the compiler can not know by itself: which functions are rare, or have a caller that has to stay small. */
#ifndef ICN_BASE_ATTRIBUTES_H
#define ICN_BASE_ATTRIBUTES_H

/*
 * RARE: called rarely, from a function that is called for each message; not inlined, so that the latter stays small. APART:
 * the same, called for each message as well, but on another way.
 */
#if defined(__GNUC__)
#define ICN_RARE __attribute__((noinline, cold))
#define ICN_APART __attribute__((noinline))
#else
#define ICN_RARE
#define ICN_APART
#endif

#endif
