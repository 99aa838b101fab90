/*
 * Events on their way from one dispatcher to the host's poll, in order, with their bytes.
 *
 * One producer, the owner thread of the loop; one consumer at a time, the thread inside poll. The producer writes records
 * into blocks without a lock and publishes them at the end of a turn; the mutex guards what both see. Sessions that have
 * ended are queued by themselves, so that a last event never needs memory.
 */
#ifndef ICN_SERVICE_EVENT_QUEUE_H
#define ICN_SERVICE_EVENT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/list.h"
#include "iocpnet.h"
#include "net/event_record.h"
#include "net/session.h"
#include "os/thread.h"

#if !defined(ICN_EVENT_BLOCK_BYTES)
#define ICN_EVENT_BLOCK_BYTES 65536
#endif

typedef struct icn_event_block icn_event_block;

typedef struct icn_event_queue {
    uint64_t bytes_max;
    uint64_t wanted; /* IOCPNET_EVENT_BIT of the last events that the host wants to see */

    /* Producer. */
    icn_event_block *writing;
    void **landing;          /* of the port: kept behind the head of the next record; NULL: the port has its own ways */
    void *landing_own;       /* constant; the port's own memory, where there is none for a block */
    uint32_t landing_room;   /* constant; bytes of the largest record that lands */
    icn_atomic_u64 written;  /* bytes of records ever written; one writer */
    icn_atomic_u64 consumed; /* bytes of records ever handed out; one writer at a time, the consumer */

    icn_mutex mutex;
    icn_condition arrived;
    /* Under the mutex. */
    icn_event_block *reading; /* the first block that is not handed out; the last one is `writing` */
    icn_event_block *spares;  /* empty */
    icn_list ended;           /* sessions whose last event is still to be handed out */
    bool stopped_due;         /* SERVICE_STOPPED is still to be handed out, after all else */
    bool woken;               /* somebody wants the consumer to return */
    bool waiting;             /* the consumer waits for `arrived` */

    /* Consumer: what the last batch lent to the host. */
    icn_event_block *lent;
    icn_event_record *lent_received; /* the RECEIVED of the last fetch */
    bool many_spares;                /* more than one was given back */
    icn_list lent_sessions;
    icn_event_record *lent_ends_of_stream; /* the host has just fetched all that came before; NULL: none */
    icn_event_record **lent_ends_last;

    icn_atomic_u32 starving; /* 1: sessions do not receive because the queue was full */
} icn_event_queue;

void icn_event_queue_init(icn_event_queue *queue, uint64_t bytes_max, uint64_t wanted);
/* Before anything is appended: what the port receives, up to `bytes` at a time, is to land in its event. */
void icn_event_queue_receive_directly(icn_event_queue *queue, void **landing, void *own, uint32_t bytes);
/* Frees what was not fetched, and ends the sessions in it. Nobody appends or fetches any more. */
void icn_event_queue_discard(icn_event_queue *queue);
/* Discarded, or never used. */
void icn_event_queue_fini(icn_event_queue *queue);

/* ---- producer ---- */

/* False: no memory, nothing was queued. Bytes at event->data are copied. */
bool icn_event_queue_append(icn_event_queue *queue, icn_session *session, const iocpnet_event *event);
typedef enum icn_event_landing {
    ICN_EVENT_NOT_LANDED, /* nothing was queued: a copy is needed */
    ICN_EVENT_LANDED,
    ICN_EVENT_LANDED_LAST /* icn_event_queue_land_elsewhere is to be called before the port receives again */
} icn_event_landing;
/* The same for RECEIVED, whose bytes have landed behind the place of its record, or in the port's own memory. */
icn_event_landing icn_event_queue_append_landed(icn_event_queue *queue, icn_session *session, const void *data,
                                                uint32_t size);
void icn_event_queue_land_elsewhere(icn_event_queue *queue);
/* The same for RECEIVED of which a copy is made. */
bool icn_event_queue_append_received(icn_event_queue *queue, icn_session *session, const void *data, uint32_t size);
/* Queues the last event of a session, and with it the session. Never fails. */
void icn_event_queue_append_end(icn_event_queue *queue, icn_session *session);
/* Once the host has fetched all before it, and polls again, icn_session_end_seen is called. False: no memory. */
bool icn_event_queue_append_end_of_stream(icn_event_queue *queue, icn_session *session);
void icn_event_queue_append_stopped(icn_event_queue *queue);
/* Lets the consumer see what was appended. */
void icn_event_queue_publish(icn_event_queue *queue);
/* True when the queue holds more than its limit. */
bool icn_event_queue_is_full(const icn_event_queue *queue);
/* Notes that sessions starve. False when the consumer has made room meanwhile: feed them again. */
bool icn_event_queue_starve(icn_event_queue *queue);

/* ---- consumer ---- */

/*
 * Takes back what the last batch lent: keeps or frees blocks, tells sessions that the end of their stream was seen, and ends
 * the handles of disconnected ones.
 */
void icn_event_queue_reclaim(icn_event_queue *queue);
/* Stores up to `capacity` events; returns how many. */
uint32_t icn_event_queue_fetch(icn_event_queue *queue, iocpnet_event *events, uint32_t capacity);
bool icn_event_queue_has_events(icn_event_queue *queue);
/* Waits until something was published or the queue was woken, at most `timeout_ms`. True when it was woken. */
bool icn_event_queue_wait(icn_event_queue *queue, uint32_t timeout_ms);
/* True when there is room again and sessions starve: whoever sees it feeds them. */
bool icn_event_queue_may_feed(icn_event_queue *queue);

/* ---- any thread ---- */

void icn_event_queue_wake(icn_event_queue *queue);
/* Bytes of records that are not handed out. */
uint64_t icn_event_queue_bytes(const icn_event_queue *queue);

#endif
