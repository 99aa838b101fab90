#include "os/sim/context.h"

#include <stdint.h>
#include <sys/mman.h>

#include "base/check.h"

#if !defined(__x86_64__)
#error "the switch between stacks is written for x86-64 only"
#endif

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ADDRESS_SANITIZER 1
#endif
#endif

#if defined(HAS_ADDRESS_SANITIZER)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES ((size_t)256 * 1024)
#define KEPT_MAX 64

static void *kept[KEPT_MAX];
static size_t kept_count;

/* Saves what the ABI lets a callee keep, and the stack with it; then does the reverse for the other stack. */
void icn_sim_switch_stacks(void **save, void *load);
__asm__(".text\n"
        ".globl icn_sim_switch_stacks\n"
        ".type icn_sim_switch_stacks,@function\n"
        "icn_sim_switch_stacks:\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        ".size icn_sim_switch_stacks,.-icn_sim_switch_stacks\n");

static void *take_stack(void)
{
    if (kept_count != 0) {
        return kept[--kept_count];
    }
    void *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return stack == MAP_FAILED ? NULL : stack;
}

int icn_sim_context_make(icn_sim_context *context, void (*entry)(void))
{
    *context = (icn_sim_context){.stack = take_stack(), .stack_size = STACK_BYTES};
    if (context->stack == NULL) {
        return 0;
    }
    /* As after a call: six registers, then the address to return to, then one word so that the stack is aligned. */
    uint64_t *top = (uint64_t *)(void *)((char *)context->stack + STACK_BYTES) - 2;
    top[0] = (uint64_t)(uintptr_t)entry;
    top[1] = 0;
    for (int i = 1; i <= 6; i++) {
        top[-i] = 0;
    }
    context->stack_pointer = top - 6;
    return 1;
}

void icn_sim_context_free(icn_sim_context *context)
{
    ICN_CHECK(context->stack != NULL);
#if defined(HAS_ADDRESS_SANITIZER)
    __asan_unpoison_memory_region(context->stack, context->stack_size);
#endif
    if (kept_count < KEPT_MAX) {
        kept[kept_count++] = context->stack;
    } else {
        (void)munmap(context->stack, context->stack_size);
    }
    context->stack = NULL;
}

/* The real thread's stack, learnt when it is first left. */
static const void *thread_stack;
static size_t thread_stack_size;

void icn_sim_context_switch(icn_sim_context *from, icn_sim_context *to, int last)
{
#if defined(HAS_ADDRESS_SANITIZER)
    const void *bottom = to->stack != NULL ? to->stack : thread_stack;
    __sanitizer_start_switch_fiber(last ? NULL : &from->sanitizer, bottom,
                                   to->stack != NULL ? to->stack_size : thread_stack_size);
#else
    (void)last;
#endif
    icn_sim_switch_stacks(&from->stack_pointer, to->stack_pointer);
    icn_sim_context_begun(from);
}

void icn_sim_context_begun(icn_sim_context *self)
{
#if defined(HAS_ADDRESS_SANITIZER)
    const void *bottom;
    size_t size;
    __sanitizer_finish_switch_fiber(self->sanitizer, &bottom, &size);
    if (thread_stack == NULL) {
        thread_stack = bottom;
        thread_stack_size = size;
    }
#else
    (void)self;
    (void)thread_stack;
    (void)thread_stack_size;
#endif
}
