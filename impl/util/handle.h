/*
 * The handle table of the process: 64-bit handles to objects, safe against stale and forged values. Any thread.
 *
 * A handle is kind (8 bits), generation (32), index + 1 (24). A slot's kind, generation, a retired bit and its pins live
 * in one atomic word: a pin is taken by compare-and-exchange against kind and generation, so a stale handle never pins.
 * Slots never move and are never freed; they are re-used first-in first-out, with the next generation; a slot whose
 * generation would wrap is given up.
 */
#ifndef ICN_UTIL_HANDLE_H
#define ICN_UTIL_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum icn_handle_kind {
    ICN_HANDLE_SERVICE = 1,
    ICN_HANDLE_LISTENER = 2,
    ICN_HANDLE_SESSION = 3,
    ICN_HANDLE_BUFFER = 4,
    ICN_HANDLE_GROUP = 5
} icn_handle_kind;

#define ICN_HANDLE_KINDS_MAX 8 /* tests have kinds of their own */

/* One for each kind. Runs once, on the thread that drops the last pin of a retired handle, with no lock held: frees the object. */
typedef void icn_handle_finalize(void *object);

/*
 * Makes a handle for an object, with one pin, the maker's: whoever guesses the handle may end it at once, but the maker's
 * unpin happens before the object is finalized. `handle` may be in the object: it is written before it can be pinned.
 * Returns IOCPNET_OK, IOCPNET_E_NO_MEMORY or IOCPNET_E_LIMIT_REACHED.
 */
int32_t icn_handle_create(icn_handle_kind kind, void *object, icn_handle_finalize *finalize, uint64_t *handle);

/* The object, kept alive until icn_handle_unpin; NULL when the handle is not a live one of this kind. */
void *icn_handle_pin(uint64_t handle, icn_handle_kind kind);

/* One more pin. The caller has a pin, or knows that the handle is not retired yet. */
void icn_handle_pin_again(uint64_t handle);

/* Drops a pin; the last one of a retired handle finalizes the object. */
void icn_handle_unpin(uint64_t handle);

/* Ends a handle, once: it can not be pinned any more. Without pins the object is finalized here. */
void icn_handle_retire(uint64_t handle);

/* True until the object of this handle has been finalized. */
bool icn_handle_is_known(uint64_t handle);

#if defined(ICN_TEST_HOOKS)
/* Gives a live handle without pins the last generation of its slot. Returns what the handle is then. */
uint64_t icn_handle_age(uint64_t handle);
/* The table grows no more while `limited`. Returns the number of slots, given-up ones and index 0 included. */
uint32_t icn_handle_limit_growth(bool limited);
/* Begins a new table. No handle is live; the memory of the old one is left to the allocator, which has to know of it. */
void icn_handle_forget_all(void);
#endif

#endif
