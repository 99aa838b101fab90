#include "net/close.h"

#include <string.h>

#include "base/check.h"
#include "util/memory.h"

struct icn_close_note {
    int64_t code;
    char text[]; /* with its final zero */
};

icn_close_note *icn_close_note_create(int64_t code, const char *text, size_t length)
{
    icn_close_note *note = text != NULL ? icn_memory_allocate(sizeof *note + length + 1, ICN_MEMORY_TEXT) : NULL;
    if (note != NULL) {
        note->code = code;
        memcpy(note->text, text, length);
        note->text[length] = 0;
    }
    return note;
}

void icn_close_note_destroy(icn_close_note *note)
{
    if (note != NULL) {
        icn_memory_release(note, sizeof *note + strlen(note->text) + 1, ICN_MEMORY_TEXT);
    }
}

void icn_close_keep(icn_close_kept *kept, const icn_close *close)
{
    ICN_CHECK(close->status == IOCPNET_OK || (close->code == 0 && close->note == NULL));
    kept->timeout_ms = close->timeout_ms;
    kept->reason = close->reason;
    kept->origin = close->origin;
    kept->abort = close->abort;
    if (close->status != IOCPNET_OK) {
        kept->kind = ICN_CLOSE_WITH_STATUS;
        kept->with.result = (icn_result){close->status, close->os_error};
    } else if (close->note != NULL) {
        kept->kind = ICN_CLOSE_WITH_NOTE;
        kept->with.note = close->note;
    } else {
        kept->kind = ICN_CLOSE_WITH_CODE;
        kept->with.code = close->code;
    }
}

void icn_close_tell(const icn_close_kept *kept, iocpnet_event *event)
{
    event->close_reason = kept->reason;
    event->close_origin = kept->origin;
    switch (kept->kind) {
    case ICN_CLOSE_WITH_STATUS:
        event->status = kept->with.result.status;
        event->os_error = kept->with.result.os_error;
        break;
    case ICN_CLOSE_WITH_NOTE:
        event->close_code = kept->with.note->code;
        event->close_text = kept->with.note->text;
        break;
    default:
        event->close_code = kept->with.code;
        break;
    }
}

void icn_close_fini(icn_close_kept *kept)
{
    if (kept->kind == ICN_CLOSE_WITH_NOTE) {
        icn_close_note_destroy(kept->with.note);
    }
}
