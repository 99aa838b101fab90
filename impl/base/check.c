#include "base/check.h"

#if defined(ICN_DEBUG_CHECKS)

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/atomic.h"

static void print_and_abort(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
    abort();
}

/* Function pointers do not convert to void pointers in ISO C: the handler is kept behind one. */
static icn_check_handler *default_handler = print_and_abort;
static icn_check_handler *replaced_handler;
static icn_atomic_u32 replaced;

icn_check_handler *icn_check_set_handler(icn_check_handler *handler)
{
    icn_check_handler *previous = icn_u32_load(&replaced) != 0 ? replaced_handler : NULL;
    icn_u32_store(&replaced, 0);
    replaced_handler = handler;
    icn_u32_store(&replaced, handler != NULL);
    return previous;
}

void icn_check_failed(const char *file, int line, const char *condition)
{
    (icn_u32_load(&replaced) != 0 ? replaced_handler : default_handler)(file, line, condition);
}

#else

/* ISO C wants something in every translation unit. */
typedef int icn_no_checks;

#endif
