/*
 * Debug checks: mistakes of the library itself. Compiled in with ICN_DEBUG_CHECKS, which the tests use; a release has
 * none and never aborts. A test replaces the handler to see a check fire.
 */
#ifndef ICN_BASE_CHECK_H
#define ICN_BASE_CHECK_H

typedef void icn_check_handler(const char *file, int line, const char *condition);

#if defined(ICN_DEBUG_CHECKS)

/* Returns the previous handler. NULL restores the default, which prints and aborts. Any thread. */
icn_check_handler *icn_check_set_handler(icn_check_handler *handler);

/* What print_and_abort calls before it aborts, to print more to standard error; NULL: nothing. Any thread. */
void icn_check_set_dump(void (*dump)(void));

/* It may return, in a test; what comes after a failed check is no case for an analyzer. */
#if defined(__clang_analyzer__)
__attribute__((analyzer_noreturn))
#endif
void icn_check_failed(const char *file, int line, const char *condition);

#define ICN_CHECK(condition) ((condition) ? (void)0 : icn_check_failed(__FILE__, __LINE__, #condition))

#else

#define ICN_CHECK(condition) ((void)sizeof((condition) ? 1 : 0))

#endif

#endif
