/* What the compiler can not know by itself: which functions are rare. */
#ifndef ICN_BASE_ATTRIBUTES_H
#define ICN_BASE_ATTRIBUTES_H

/* A function that is called rarely, from one that is called for each message: not inlined, so that the latter stays small. */
#if defined(__GNUC__)
#define ICN_RARE __attribute__((noinline, cold))
#else
#define ICN_RARE
#endif

#endif
