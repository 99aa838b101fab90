/* Why a session ends: as it is asked for, and as the session keeps it, in little memory. */
#ifndef ICN_NET_CLOSE_H
#define ICN_NET_CLOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"
#include "iocpnet.h"

/* What the host says in words, with its code. */
typedef struct icn_close_note icn_close_note;

/* `text`: `length` bytes, or NULL. Returns NULL when there is no text, or no memory for it. */
icn_close_note *icn_close_note_create(int64_t code, const char *text, size_t length);
/* NULL is ignored. */
void icn_close_note_destroy(icn_close_note *note);

/* A close that is asked for: by the host with a code and perhaps a note, or with a status. */
typedef struct icn_close {
    int32_t status;
    int32_t os_error;
    int64_t code;
    icn_close_note *note; /* NULL: none */
    uint32_t timeout_ms;  /* graceful */
    uint8_t reason;       /* IOCPNET_CLOSE_* */
    uint8_t origin;       /* IOCPNET_ORIGIN_* */
    bool abort;
} icn_close;

typedef enum icn_close_kind {
    ICN_CLOSE_WITH_CODE = 0, /* 0 for most */
    ICN_CLOSE_WITH_NOTE,
    ICN_CLOSE_WITH_STATUS
} icn_close_kind;

/* One that a session has accepted: its code is in the note, if there is one, and there is none with a status. */
typedef struct icn_close_kept {
    union {
        int64_t code;
        icn_close_note *note;
        icn_result result;
    } with;
    uint32_t timeout_ms;
    uint8_t reason;
    uint8_t origin;
    uint8_t kind; /* icn_close_kind */
    bool abort;
} icn_close_kept;

/* Takes the note over. */
void icn_close_keep(icn_close_kept *kept, const icn_close *close);
/* Fills the fields of an event that are the close's. The text is lent as long as the session is there. */
void icn_close_tell(const icn_close_kept *kept, iocpnet_event *event);
/* Frees the note. */
void icn_close_fini(icn_close_kept *kept);

#endif
