/* Stacks to run on: what a fiber is made of. */
#ifndef ICN_OS_SIM_CONTEXT_H
#define ICN_OS_SIM_CONTEXT_H

#include <stddef.h>

typedef struct icn_sim_context {
    void *stack_pointer; /* while it does not run */
    void *stack;         /* lowest address; NULL: the real thread's own */
    size_t stack_size;
    void *sanitizer; /* AddressSanitizer's own, while it does not run */
} icn_sim_context;

/* Makes a context that begins with `entry` at its first switch; `entry` never returns. False: no memory for a stack. */
int icn_sim_context_make(icn_sim_context *context, void (*entry)(void));
/* Keeps the stack for the next one that is made. It does not run. */
void icn_sim_context_free(icn_sim_context *context);
/* Goes on with `to`; returns when somebody switches back to `from`. `last`: `from` never runs again. */
void icn_sim_context_switch(icn_sim_context *from, icn_sim_context *to, int last);
/* Called first by every `entry`. */
void icn_sim_context_begun(icn_sim_context *self);

#endif
