/* An event on its way to a poll: its bytes follow, padded to 8. */
#ifndef ICN_NET_EVENT_RECORD_H
#define ICN_NET_EVENT_RECORD_H

#include <stdint.h>

struct icn_session;

typedef struct icn_event_record icn_event_record;

struct icn_event_record {
    struct icn_session *session; /* outlives the record: its end is handed out later */
    /* RECEIVED: the next one that the same poll handed out. End of a stream: the next in the queue's lent_ends_of_stream */
    icn_event_record *next;
    uint32_t kind;
    uint32_t payload; /* bytes that follow */
    uint32_t size;    /* event->size */
    uint32_t answer;  /* RECEIVED, owner or borrower: bytes that were sent back, and leave with the next turn */
};

#endif
