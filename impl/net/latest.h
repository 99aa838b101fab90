/*
 * Sends of state: a message that is still to leave is replaced by a newer one with the same key. A session that is sent such
 * a message has a table of those that wait, by key. Each has the place in the send queue that its key had when it was first
 * sent; which bytes are sent there is decided when that place comes to the front. So a slow peer gets fewer messages, not
 * older ones, and what waits for it is bounded by the number of keys.
 *
 * Any thread puts messages into the table, under the mutex of the loop, and the place of a new one into the queue: as for any
 * send, itself or through the inbox. The owner binds what is about to leave: from then on the message is bytes like others.
 */
#ifndef ICN_NET_LATEST_H
#define ICN_NET_LATEST_H

#include <stdint.h>

#include "iocpnet.h"
#include "net/latest_entry.h"

struct icn_extension;
struct icn_session;

/* Of a session, in its extension: under the mutex of loop->latest. */
typedef struct icn_latest {
    icn_latest_entry *root; /* of a tree of all entries that are not bound, by the bits of their mixed keys */
} icn_latest;

/* As icn_session_send, for a message that takes the place of one with the same key that has not left. */
int32_t icn_latest_send(struct icn_session *session, uint64_t key, const iocpnet_iovec *pieces, uint32_t count,
                        uint64_t bytes);

/*
 * Binds what is at the front of the queue, as much as one send is worth. Returns how many chunks from the front may be sent
 * now, at most `count_max`; those behind may not be bound. Owner thread, of a session that is `late`.
 */
uint32_t icn_latest_bind(struct icn_session *session, uint32_t count_max);

/* Everything is bound, to be counted as never sent. The extension is not to be found any more. Owner thread. */
void icn_latest_end(struct icn_session *session, struct icn_extension *extension);

#endif
