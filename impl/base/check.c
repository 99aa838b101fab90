#include "base/check.h"

#if defined(ICN_DEBUG_CHECKS)

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/atomic.h"

/* Functions, or 0 for none. As numbers: a function's address is no void pointer in ISO C. */
static icn_atomic_u64 replaced_handler; /* an icn_check_handler */
static icn_atomic_u64 dump_function;

static void print_and_abort(const char *file, int line, const char *condition)
{
    void (*dump)(void) = (void (*)(void))(uintptr_t)icn_u64_load(&dump_function);

    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
    if (dump != NULL) {
        dump();
    }
    abort();
}

void icn_check_set_dump(void (*dump)(void))
{
    icn_u64_store(&dump_function, (uintptr_t)dump);
}

icn_check_handler *icn_check_set_handler(icn_check_handler *handler)
{
    return (icn_check_handler *)(uintptr_t)icn_u64_exchange(&replaced_handler, (uintptr_t)handler);
}

void icn_check_failed(const char *file, int line, const char *condition)
{
    icn_check_handler *replaced = (icn_check_handler *)(uintptr_t)icn_u64_load(&replaced_handler);

    (replaced != NULL ? replaced : print_and_abort)(file, line, condition);
}

#else

/* ISO C wants something in every translation unit. */
typedef int icn_no_checks;

#endif
