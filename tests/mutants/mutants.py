"""
Bugs to plant: each a small change to one file of the library, as somebody could make it. The simulator has to find every one.

A text must be in its file exactly once, so that a change of the library that makes a planted bug pointless is seen.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str  # under impl/
    changes: tuple  # of (before, after)


HANDLES = (
    Mutant("no generation check", "util/handle.c", (
        ("if ((word & ~(uint64_t)PINS_MASK) != handle_key(handle)) {",
         "if (word >> KIND_SHIFT != handle >> KIND_SHIFT || (word & RETIRED) != 0) {"),)),
    Mutant("object freed although it is pinned", "util/handle.c", (
        ("    if ((word & PINS_MASK) == 0) {\n        slot_finish(retired, handle);", "    {\n        slot_finish(retired, handle);"),
        ("if ((before & (RETIRED | PINS_MASK)) == (RETIRED | 1u)) {", "if (false) {"))),
    Mutant("pin checked first, counted later", "util/handle.c", (
        ("} while (!icn_u64_replace(&pinned->word, &word, word + 1));",
         "} while (false);\n    icn_u64_add(&pinned->word, 1);"),)),
    Mutant("retired by whoever unpins while nobody looks", "util/handle.c", (
        ("if ((before & (RETIRED | PINS_MASK)) == (RETIRED | 1u)) {",
         "if ((icn_u64_load(&pinned->word) & (RETIRED | PINS_MASK)) == RETIRED) {"),)),
)

KICKS = (
    Mutant("sleeps after it looked", "net/loop.c", (
        ("    icn_u32_exchange(&loop->sleeping, 1);\n    icn_fence_after_change();\n"
         "    return icn_pointer_load(&loop->kicks) == NULL ? wait_ms : 0;",
         "    bool quiet = icn_pointer_load(&loop->kicks) == NULL;\n    icn_u32_exchange(&loop->sleeping, 1);\n"
         "    return quiet ? wait_ms : 0;"),)),
    Mutant("kick cleared after it was looked at", "net/session.c", (
        ("        /* Before looking: what is asked for from here on kicks again. */\n"
         "        icn_u32_exchange(&kick->pending, 0);\n", ""),
        ("        icn_session_flush(session);\n    }\n",
         "        icn_session_flush(session);\n        icn_u32_exchange(&kick->pending, 0);\n    }\n"))),
    Mutant("kick left open at the end", "net/session_finish.c", (
        ("session->operations != 0 || !icn_kick_close(&session->kick)", "session->operations != 0"),)),
)

OPERATIONS = (
    Mutant("owner reference dropped with the first piece", "net/session_receive.c", (
        ("    ICN_CHECK(session->operations > 0);\n    ICN_CHECK(completion->more == (completion->size != 0));\n",
         "    if (completion->more && operation->state == ICN_OPERATION_CANCELLING) {\n"
         "        session->operations = 0;\n    }\n"),
        ("        icn_session_drop(session);\n", "        session->operations -= session->operations != 0;\n"
                                                 "        icn_loop_operation_ended(session->loop);\n"))),
    Mutant("ends without waiting for its operations", "net/session_finish.c", (
        ("session->operations != 0 || !icn_kick_close(&session->kick)", "!icn_kick_close(&session->kick)"),
        ("ICN_CHECK(icn_session_state_now(session) == ICN_SESSION_ENDING);", ""))),
    Mutant("owner reference forgotten when a connect is cancelled", "net/session_open.c", (
        ("    icn_session_drop(session);\n",
         "    if (completion->status != IOCPNET_E_CANCELLED) {\n        icn_session_drop(session);\n    }\n"),)),
    Mutant("accept not counted as in flight", "net/listener.c", (
        ("listener->accepting || !icn_kick_close(&listener->kick)", "!icn_kick_close(&listener->kick)"),
        ("    if (listener->accepting) {\n        icn_port_cancel(listener->loop->port, &listener->endpoint.reader);\n    } else {\n"
         "        finish_soon(listener);\n    }",
         "    if (listener->accepting) {\n        icn_port_cancel(listener->loop->port, &listener->endpoint.reader);\n    }\n"
         "    finish_soon(listener);"))),
    Mutant("receive started while its cancel is under way", "net/session_receive.c", (
        ("wanted && session->endpoint.reader.state == ICN_OPERATION_IDLE",
         "wanted && session->endpoint.reader.state != ICN_OPERATION_IN_FLIGHT"),)),
    Mutant("receive not started again after a cancel", "net/session_receive.c", (
        ("        /* It may be wanted again since it was cancelled. */\n        icn_session_update_receive(session);\n",
         ""),)),
    Mutant("accept not posted again without resources", "net/listener.c", (
        ("    icn_timer_set(&loop->timers, &listener->retry, icn_os_clock_ms() + ICN_LISTENER_BACKOFF_MS);\n", ""),)),
)

SENDING = (
    Mutant("full session that is not disconnected", "net/session_send.c", (
        ("        icn_session_disconnect_full(session);\n    } else {", "    } else {"),)),
    Mutant("short write taken for a whole one", "net/session_send.c", (
        ("    bytes_taken(session, taken);\n    if (!icn_send_queue_is_empty",
         "    for (uint32_t i = taken = 0; i < count; i++) {\n        taken += (uint32_t)pieces[i].size;\n    }\n"
         "    bytes_taken(session, taken);\n    if (!icn_send_queue_is_empty"),)),
    Mutant("rest of a short write left lying", "net/session_send.c", (
        ("if (!icn_send_queue_is_empty(&session->send_queue) || icn_session_is_closing(session)) {",
         "if (icn_session_is_closing(session)) {"),)),
    Mutant("budget checked first, taken later", "net/send_queue.c", (
        ("    } while (!icn_u32_replace(&queue->bytes, &now, now + (uint32_t)bytes));\n",
         "    } while (false);\n    icn_u32_add(&queue->bytes, (uint32_t)bytes);\n"),)),
    Mutant("budget kept when there is no memory", "net/session_send.c", (
        ("    icn_send_queue_unreserve(&session->send_queue, bytes);\n    /* The owner may have", "    (void)bytes;\n    /* The owner may have"),)),
    Mutant("only the first block of an inbox shared out", "net/inbox.c", (
        ("        *block = emptied(inbox, *block);\n", "        *block = NULL;\n"),)),
    Mutant("record grows for another queue", "net/inbox.c", (
        ("    return inbox->latest_queue == queue && !queue", "    return inbox->latest_queue != NULL && !queue"),)),
    Mutant("own send before those that came earlier", "net/session_send.c", (
        ("    /* What another thread sent before, in the sense of happens-before, is in the inbox and has to leave first. */\n"
         "    icn_sessions_collect(loop);\n", ""),)),
    Mutant("close before what was sent earlier", "net/session_close.c", (
        ("    /* What was sent before the close, by whichever thread, leaves before the FIN; broadcasts go to open sessions. */\n"
         "    icn_sessions_collect(session->loop);\n", ""),)),
    Mutant("inbox closed after a last look at it", "net/session_send.c", (
        ("    icn_inbox_close(&loop->inbox, &session->send_queue);\n", ""),
        ("    const uint64_t unsent = icn_send_queue_close(&session->send_queue, &loop->send_pool);\n",
         "    icn_inbox_close(&loop->inbox, &session->send_queue);\n"
         "    const uint64_t unsent = icn_send_queue_close(&session->send_queue, &loop->send_pool);\n"))),
    Mutant("inbox cleared of its kick after it was shared out", "net/loop.c", (
        ("    icn_u32_exchange(&kick->pending, 0);\n    icn_sessions_collect(ICN_CONTAINER(kick, icn_loop, inbox_kick));\n",
         "    icn_sessions_collect(ICN_CONTAINER(kick, icn_loop, inbox_kick));\n    icn_u32_exchange(&kick->pending, 0);\n"),)),
    Mutant("shared buffer that a queue does not hold", "net/send_chunk.c", (
        ("        icn_buffer_hold(buffer);\n        chunk->shared", "        chunk->shared"),
        ("        icn_buffer_drop(chunk->shared);\n", "        (void)chunk->shared;\n"))),
    Mutant("shared buffer that an inbox does not hold", "net/inbox.c", (
        ("    icn_buffer_hold(buffer);\n    icn_mutex_lock", "    icn_mutex_lock"),)),
    Mutant("shared buffer that a queue keeps", "net/send_chunk.c", (
        ("        icn_buffer_drop(chunk->shared);\n", "        (void)chunk->shared;\n"),)),
    Mutant("writable owed, and nobody looks", "net/session_send.c", (
        ("    /* The owner looks after this store: should the queue have emptied in between, nothing else would make it look."
         " */\n    icn_session_kick(session);\n", ""),)),
    Mutant("room of a piece that is being sent is used again", "net/send_queue.c", (
        ("    uint32_t room = last != NULL ? last->capacity - last->end : 0;\n",
         "    if (last != NULL && last->begin > last->capacity / 2 && last->end == last->capacity) {\n"
         "        memmove(last->data, last->data + last->begin, last->end - last->begin);\n"
         "        last->end -= last->begin;\n        last->begin = 0;\n    }\n"
         "    uint32_t room = last != NULL ? last->capacity - last->end : 0;\n"),)),
    Mutant("send that took nothing is the last", "net/session_send.c", (
        ("    } else {\n        icn_session_go_on_sending(session);\n    }",
         "    } else if (completion->size != 0) {\n        icn_session_go_on_sending(session);\n    }"),)),
    Mutant("wake that a spin takes is forgotten", "net/loop.c", (
        (" ||\n               icn_u32_load_relaxed(&loop->wakes) != loop->wakes_seen;", ";"),
        ("    return was_woken(loop) || over;\n", "    return over;\n"))),
    Mutant("rest of a reply is not kept", "net/session_serve.c", (
        ("    keep_rest(session, reply + taken, bytes - taken);\n",
         "    (void)reply;\n    icn_send_queue_unreserve(&session->send_queue, bytes - taken);\n"),)),
    Mutant("reply by reference before what another thread sent earlier", "net/session_serve.c", (
        (" || icn_inbox_is_filled(&loop->inbox) ||\n", " ||\n"),
        ("!icn_send_queue_reserve_first(&served->session->send_queue, bytes)",
         "(icn_u32_add(&served->session->send_queue.bytes, (uint32_t)bytes), served->session->send_queue.last != NULL)"))),
    Mutant("reply leaves after what was sent later", "net/session_send.c", (
        ("    if (!icn_session_keep_reply(session)) {\n        return IOCPNET_E_NO_MEMORY;\n    }\n", ""),)),
    Mutant("sum of lengths overflows", "api_session.c", (
        ("*bytes += pieces[i].size < SEND_SIZE_MAX ? pieces[i].size : SEND_SIZE_MAX;", "*bytes += pieces[i].size;"),)),
)

CLOSING = (
    Mutant("disconnected twice", "service/delivery.c", (
        ("    callback->function(event, callback->user);\n    if (is_last_event(event->kind)) {",
         "    callback->function(event, callback->user);\n    if (is_last_event(event->kind) && event->bytes_unsent != 0) {\n"
         "        callback->function(event, callback->user);\n    }\n    if (is_last_event(event->kind)) {"),)),
    Mutant("FIN before the queue is empty", "net/session_close.c", (
        ("    /* A paused session receives again, to see the end of the peer's stream. */\n",
         "    icn_os_socket_shutdown_send(session->endpoint.socket);\n"),)),
    Mutant("peer's end drops what is queued", "net/session_receive.c", (
        (".timeout_ms = icn_session_close_timeout_ms(session)}", ".abort = true}"),)),
    Mutant("two claims of one close", "net/session_close.c", (
        ("    while (!icn_u8_replace(&session->close_claim, &claimed, ICN_CLOSE_WRITING)) {\n"
         "        if (claimed >= ICN_CLOSE_WRITING) {\n            return false;\n        }\n    }\n    return true;",
         "    claimed = icn_u8_load(&session->close_claim);\n    if (claimed >= ICN_CLOSE_WRITING) {\n"
         "        return false;\n    }\n    icn_u8_store(&session->close_claim, ICN_CLOSE_WRITING);\n    return true;"),)),
    Mutant("timer of a session that has ended", "net/session_close.c", (
        ("    icn_timer_cancel(&session->loop->timers, &session->end.timer);\n", ""),)),
    Mutant("socket closed while its address is asked for", "net/session_finish.c", (
        ("    icn_mutex_lock(&loop->socket_mutex);\n", ""), ("    icn_mutex_unlock(&loop->socket_mutex);\n", ""))),
    Mutant("abort does not cut a graceful close", "net/session_close.c", (
        ("        icn_u8_exchange(&session->abort_requested, 1);\n        icn_session_kick(session);\n",
         "        icn_u8_exchange(&session->abort_requested, 1);\n"),)),
    Mutant("deadline of a graceful close at once", "net/session_close.c", (
        ("icn_os_deadline_ms(timeout_ms);", "icn_os_deadline_ms(timeout_ms / 8);"),)),
    Mutant("time-out of a connect too early", "net/session_open.c", (
        ("icn_os_deadline_ms(timeout_ms));", "icn_os_deadline_ms(timeout_ms / 8));"),)),
    Mutant("connect without a time-out", "net/session_open.c", (
        ("    if (timeout_ms != 0) {\n", "    if (timeout_ms == 1) {\n"),)),
    Mutant("abort that ends in order", "net/session_finish.c", (
        ("ICN_OS_SOCKET_NONE && session->cut &&\n", "ICN_OS_SOCKET_NONE && session->cut && session->broken &&\n"),)),
    Mutant("reset that a send met taken for an orderly end", "port/port.c", (
        ("    return failed && writer->error != -IOCPNET_E_CANCELLED ? writer->outcome : 0;\n",
         "    (void)failed;\n    return 0;\n"),)),
)

EVENTS = (
    Mutant("last event before those that were not fetched", "service/event_queue.c", (
        ("    session->end.ended_at = icn_u64_load_relaxed(&queue->written);\n",
         "    session->end.ended_at = icn_u64_load_relaxed(&queue->consumed);\n"),)),
    Mutant("session ends before the host has looked", "service/event_queue.c", (
        ("    icn_list_append(&queue->lent_sessions, &session->loop_node);\n"
         "    if ((queue->wanted & IOCPNET_EVENT_BIT(kind)) == 0) {\n        return false;\n    }\n"
         "    icn_session_fill_event(session, kind, event);\n    return true;",
         "    bool shown = (queue->wanted & IOCPNET_EVENT_BIT(kind)) != 0;\n    if (shown) {\n"
         "        icn_session_fill_event(session, kind, event);\n    }\n"
         "    icn_session_release(session);\n    return shown;"),)),
    Mutant("starved sessions are never fed", "service/event_queue.c", (
        ("    return icn_u32_load(&queue->starving) != 0 && has_room(queue) && icn_u32_exchange(&queue->starving, 0) != 0;",
         "    return icn_u32_load(&queue->starving) != 0 && icn_event_queue_bytes(queue) == 0 &&\n"
         "           !has_room(queue) && icn_u32_exchange(&queue->starving, 0) != 0;"),)),
    Mutant("poller told before the event is there", "service/event_queue.c", (
        ("    block->published = block->written;\n    signal_arrived(queue);\n    icn_mutex_unlock(&queue->mutex);\n}\n\n"
         "uint64_t icn_event_queue_bytes",
         "    signal_arrived(queue);\n    icn_mutex_unlock(&queue->mutex);\n    icn_mutex_lock(&queue->mutex);\n"
         "    block->published = block->written;\n    icn_mutex_unlock(&queue->mutex);\n}\n\n"
         "uint64_t icn_event_queue_bytes"),)),
    Mutant("two threads in one dispatcher", "net/gate.c", (
        ("        if (icn_u64_replace(&gate->holder, holder, self_as(ICN_GATE_INSIDE))) {\n            return true;\n        }\n",
         "        icn_u64_store(&gate->holder, self_as(ICN_GATE_INSIDE));\n        return true;\n"),)),
    Mutant("dispatcher borrowed while another thread gets in", "net/gate.c", (
        ("        if (icn_u64_replace(&gate->holder, holder, self_as(ICN_GATE_INSIDE))) {\n            return true;\n        }\n",
         "        if (icn_u64_load(&gate->holder) == *holder) {\n"
         "            icn_u64_exchange(&gate->holder, self_as(ICN_GATE_INSIDE));\n            return true;\n        }\n"
         "        *holder = icn_u64_load(&gate->holder);\n"),)),
    Mutant("dispatcher entered while it is borrowed", "net/gate.c", (
        ("    while (state_of(*holder) < ICN_GATE_INSIDE) {\n", "    while (state_of(*holder) != ICN_GATE_INSIDE) {\n"),)),
    Mutant("send between turns before those that came earlier", "net/session_send.c", (
        ("    bool possible = !icn_inbox_is_filled(&loop->inbox);\n", "    bool possible = true;\n"),)),
    Mutant("answer leaves after what was queued later", "net/session_send.c", (
        ("    if (session->send_queue.answered) {\n        icn_answers_keep(loop);\n    }\n", ""),)),
    Mutant("answer sent from memory that was given back", "service/dispatcher_drive.c", (
        ("        icn_dispatcher_begin_driving(dispatcher);\n        icn_event_queue_reclaim(&dispatcher->queue);\n",
         "        icn_event_queue_reclaim(&dispatcher->queue);\n        icn_dispatcher_begin_driving(dispatcher);\n"),)),
    Mutant("events inside an event", "net/session_receive.c", (
        ("            icn_session_kick(session);\n        }\n    } else {\n",
         "            icn_session_pursue_end_of_stream(session);\n        }\n    } else {\n"),)),
    Mutant("limit of the event queue forgotten", "service/event_queue.c", (
        ("    return icn_event_queue_bytes(queue) > queue->bytes_max;\n",
         "    return icn_event_queue_bytes(queue) > 64 * queue->bytes_max;\n"),)),
    Mutant("starved sessions receive", "net/session_receive.c", (
        ("return session->announced && !session->loop->starved && !session->unanswered",
         "return session->announced && !session->unanswered"),)),
    Mutant("room offered only when a poll returns", "service/dispatcher_drive.c", (
        ("    offer_room(dispatcher);\n    return count;", "    return count;"),
        ("    if (result.status > 0) {\n        name_service(",
         "    offer_room(dispatcher);\n    if (result.status > 0) {\n        name_service("))),
    Mutant("pause forgotten", "net/session_receive.c", (
        ("!session->unanswered &&\n               icn_u8_load(&session->pause_requested) == 0;", "!session->unanswered;"),)),
)

SERVICE = (
    Mutant("destroy does not wait for pins", "service/service_destroy.c", (
        ("    wait_finalized(service);\n}", "}"),)),
    Mutant("destroy does not wait for its threads", "service/service_destroy.c", (
        ("        icn_service_join_threads(service);\n", ""),)),
    Mutant("only one of those that wait for a destroy is told", "service/service_destroy.c", (
        ("            each->done = true;\n", "            each->done = true;\n            break;\n"),)),
    Mutant("session admitted first, limit looked at later", "net/roster.c", (
        ("    uint64_t live = icn_u64_add(&roster->sessions_live, 1) + 1;\n"
         "    if (roster->sessions_max != 0 && live > roster->sessions_max) {\n"
         "        icn_u64_subtract(&roster->sessions_live, 1);\n        return false;\n    }\n",
         "    uint64_t live = icn_u64_load(&roster->sessions_live) + 1;\n"
         "    if (roster->sessions_max != 0 && live > roster->sessions_max) {\n        return false;\n    }\n"
         "    icn_u64_add(&roster->sessions_live, 1);\n"),)),
    Mutant("new session handed over without a pin", "net/session.c", (
        ("    (void)icn_kick_claim(&session->kick);\n", ""),
        ("    icn_kick_push(session->loop, &session->kick);\n}\n\nvoid icn_session_kick",
         "    icn_handle_unpin(session->handle);\n    icn_session_kick(session);\n}\n\nvoid icn_session_kick"))),
    Mutant("listener sleeps through a free descriptor", "net/session_finish.c", (
        ("    icn_listeners_descriptor_freed(loop);\n", ""),)),
    Mutant("spare descriptor never given up", "net/listener.c", (
        ("if (icn_os_reserve_shed(&listener->reserve, listener->endpoint.socket)) {", "if (false) {"),)),
    Mutant("session that comes to a loop that stops", "net/session_open.c", (
        ("    if (loop->stopping) {\n        turn_away(session);\n        return;\n    }\n",
         "    if (loop->stopping && loop->index == UINT32_MAX) {\n        turn_away(session);\n        return;\n    }\n"),)),
    Mutant("hold taken after the last one was dropped", "net/roster.c", (
        ("    while (holds != 0) {\n        if (icn_u64_replace(&roster->holds, &holds, holds + 1)) {\n"
         "            return true;\n        }\n    }\n    return false;",
         "    if (holds != 0) {\n        icn_u64_add(&roster->holds, 1);\n        return true;\n    }\n    return false;"),)),
    Mutant("dispatcher left without a word to who waits for it", "net/gate.c", (
        ("    icn_mutex_lock(&gate->mutex);\n    icn_condition_signal_all(&gate->left);\n    icn_mutex_unlock(&gate->mutex);\n",
         "    (void)gate;\n"),)),
    Mutant("destroy does not bring the deadline of a stop forward", "service/service_stop.c", (
        ("        tell_loops(&service->roster);\n    }\n}", "    }\n}"),)),
)

FRAMING = (
    Mutant("header not counted in a message", "net/framer.c", (
        ("    const uint32_t all = header + (uint32_t)body;\n", "    const uint32_t all = begin + (uint32_t)body;\n"),)),
    Mutant("longer messages than may be", "net/framer.c", (
        ("    if (body + header - begin > (int64_t)framing->message_bytes_max) {",
         "    if (body > UINT32_MAX) {"),)),
    Mutant("beginning of a message lost when the framing changes", "net/session_framing.c", (
        ("    framed->scanned = 0;\n    framed->seen = 0;\n}",
         "    framed->scanned = 0;\n    framed->seen = 0;\n    icn_receive_buffer_clear(&framed->kept);\n}"),)),
    Mutant("end of the stream told before a changed framing is looked at", "net/session_framing.c", (
        (" && icn_u32_load(&framed->changed) == 0)) {\n        return false;", ")) {\n        return false;"),)),
    Mutant("answer that consumes is not looked at", "net/session_framing.c", (
        ("status == IOCPNET_OK && session->loop->deliver_received != NULL", "false"),)),
    Mutant("event without bytes behind an answer", "net/session_framing.c", (
        ("(!take_answer(session, framed) || !has_something(framed, rest))", "!take_answer(session, framed)"),)),
    Mutant("stream offered again though nothing has come", "net/session_framing.c", (
        ("    if (size <= framed->seen) {", "    if (size == 0) {"),)),
    Mutant("stream keeps more than it may", "net/session_framing.c", (
        ("    if (framed->seen > framed->framing.message_bytes_max && ", "    if (framed->seen > UINT32_MAX / 2 && "),)),
)

SCHEDULE = (
    Mutant("loop not told of a sooner timer", "net/schedule.c", (
        ("    *sooner = alarm->timer.deadline_ms < schedule->wakes_at;",
         "    *sooner = schedule->wakes_at == NEVER;"),)),
    Mutant("timer that is due can not be cancelled", "net/schedule.c", (
        ("    if (alarm != NULL) {\n        remove_alarm(", "    if (alarm != NULL && !alarm->due) {\n        remove_alarm("),)),
    Mutant("periods that were missed counted once more", "net/schedule.c", (
        ("    told->count += (now_ms - deadline_ms) / alarm->period_ms;",
         "    told->count += (now_ms + alarm->period_ms - deadline_ms) / alarm->period_ms;"),)),
    Mutant("timer of a session that closes", "net/schedule.c", (
        ("!own && icn_session_is_closing(session)", "false"),)),
    Mutant("timers of a session that ended", "net/schedule.c", (
        ("    remove_alarms(schedule, extension);\n", ""),)),
    Mutant("jobs of a session that ended", "net/schedule.c", (
        ("    deliver_jobs(schedule);\n    icn_mutex_lock(&schedule->mutex);\n    remove_alarms(schedule, extension);\n",
         "    icn_mutex_lock(&schedule->mutex);\n    remove_alarms(schedule, extension);\n"),)),
    Mutant("last job first", "net/schedule.c", (
        ("    *schedule->last_job = job;\n    schedule->last_job = &job->next;\n",
         "    job->next = schedule->first_job;\n    schedule->first_job = job;\n"),)),
    Mutant("kick for jobs cleared after it was looked at", "net/schedule.c", (
        ("    icn_u32_exchange(&kick->pending, 0);\n    deliver_jobs(schedule);\n    arm(schedule);\n",
         "    deliver_jobs(schedule);\n    arm(schedule);\n    icn_u32_exchange(&kick->pending, 0);\n"),)),
)

GROUPS = (
    Mutant("extension ended before the groups are left", "net/extension.c", (
        ("    icn_mutex_lock(groups);\n    icn_pointer_exchange(&session->extension, &ended);\n",
         "    icn_pointer_exchange(&session->extension, &ended);\n    icn_mutex_lock(groups);\n"),)),
    Mutant("member counted twice", "net/group.c", (
        ("    if (has_member(group, session->handle)) {\n        return IOCPNET_OK;\n    }\n", ""),)),
    Mutant("gap in a set left open", "net/group.c", (
        ("        if (((at - home) & mask) >= ((at - gap) & mask)) {", "        if (home == mask + 1) {"),)),
    Mutant("excepted member gets it", "net/group.c", (
        ("handle != 0 && !icn_broadcast_excepts(broadcast, handle)", "handle != 0"),)),
    Mutant("session that left still knows the group", "net/group.c", (
        ("            take_out(group, session->handle);\n            forget_group(icn_extension_now(session), group);\n",
         "            take_out(group, session->handle);\n"),)),
    Mutant("member of a group that ended", "net/group.c", (
        ("            forget_group(icn_extension_now(session), group);\n            icn_handle_unpin(handle);\n",
         "            icn_handle_unpin(handle);\n"),)),
)

ADMISSION = (
    Mutant("answer of the filter ignored", "net/listener_admit.c", (
        ("    return listener->settings.filter(&request, listener->settings.filter_user) != 0;",
         "    (void)listener->settings.filter(&request, listener->settings.filter_user);\n    return true;"),)),
    Mutant("place of an address kept by who is refused", "net/listener_admit.c", (
        ("            icn_address_table_leave(table, *place);\n", "            (void)table;\n"),)),
    Mutant("one session of an address too many", "util/address_table.c", (
        ("of->sessions >= limits->sessions_max", "of->sessions > limits->sessions_max"),)),
    Mutant("connections of an address never too fast", "util/address_table.c", (
        ("limits->rate.rate != 0 && !icn_bucket_take(", "limits->rate.rate != 0 && now_ms == 0 && !icn_bucket_take("),)),
    Mutant("activity does not defer the end of an idle session", "net/guard.c", (
        ("    if (bytes != guard->bytes_seen || !receives) {", "    if (!receives) {"),)),
    Mutant("first bytes do not end their deadline", "net/guard.c", (
        (" && icn_u64_load_relaxed(&session->bytes_received) == 0;", ";"),)),
    Mutant("deadline of the first bytes a bit early", "net/guard.c", (
        ("now_ms >= end_of(from_ms, timeout_ms)", "now_ms + 2 >= end_of(from_ms, timeout_ms)"),)),
    Mutant("throttled session does not receive again", "net/guard.c", (
        ("    guard->throttled_until = 0;\n    icn_session_update_receive(session);\n",
         "    guard->throttled_until = 0;\n    (void)session;\n"),)),
    Mutant("deadlines looked at once", "net/guard.c", (
        ("    } else {\n        arm(session, guard, now_ms);\n    }\n}", "    }\n}"),)),
    Mutant("second of a message that is too short", "net/guard.c", (
        ("#define SECOND_MS 1000", "#define SECOND_MS 400"),)),
    Mutant("stream whose pace is looked at", "net/session_framing.c", (
        ("    const bool cuts =\n        framed->framing.kind == IOCPNET_FRAMING_LENGTH || "
         "framed->framing.kind == IOCPNET_FRAMING_DELIMITER;", "    const bool cuts = true;"),)),
    Mutant("messages without a framing are charged", "net/guard.c", (
        ("    uint64_t events_ms = events.rate != 0 ? icn_bucket_charge(&guard->events, &events, now_ms, 1) : 0;",
         "    uint64_t events_ms = events.rate != 0 ? icn_bucket_charge(&guard->events, &events, now_ms, 1) : 0;\n"
         "    if (guard->options.receive_messages_per_s != 0) {\n"
         "        const icn_bucket_limit messages = limit_of(guard->options.receive_messages_per_s);\n"
         "        events_ms = icn_bucket_charge(&guard->messages, &messages, now_ms, 1);\n    }"),
        ("    return guard->options.receive_bytes_per_s != 0 ||", "    return true || guard->options.receive_bytes_per_s != 0 ||"))),
    Mutant("longer lines than may be", "net/framer.c", (
        ("    const uint32_t visible = count < most ? count : most;", "    const uint32_t visible = count;"),)),
)

CONDITIONER = (
    Mutant("conditioned receive without a timer", "net/conditioner.c", (
        ("        icn_session_update_receive(session);\n    }\n    arm(conditioner);\n}\n",
         "        icn_session_update_receive(session);\n    }\n}\n"),)),
    Mutant("end of a stream overtakes what is held", "net/conditioner.c", (
        ("    conditioner->holds_end = conditioner->incoming.count != 0 || conditioner->end_us > now_us;",
         "    conditioner->holds_end = false;"),)),
    Mutant("full conditioner does not read again", "net/conditioner.c", (
        ("    if (was_full && !icn_conditioner_is_full(conditioner->session)) {", "    if (was_full && conditioner->off) {"),)),
    Mutant("held bytes handed on after a disconnect", "net/conditioner.c", (
        ("    return icn_session_state_now(session) != ICN_SESSION_OPEN || icn_session_is_closing(session) ||\n",
         "    return icn_session_state_now(session) != ICN_SESSION_OPEN ||\n"),)),
    Mutant("conditioner's reset leaves an end in order", "net/conditioner.c", (
        ("    icn_os_socket_set_reset_on_close(session->endpoint.socket);\n", ""),)),
    Mutant("conditioner's reset said to be the peer's", "net/conditioner.c", (
        (".origin = IOCPNET_ORIGIN_LIBRARY,", ".origin = IOCPNET_ORIGIN_PEER,"),)),
    Mutant("conditioner switched off with what it holds", "net/conditioner.c", (
        ("    if (conditioner->off && conditioner->incoming.count == 0 && !conditioner->holds_end) {",
         "    if (conditioner->off) {"),)),
    Mutant("handed on piece by piece, consumed as one", "net/conditioner.c", (
        ("    icn_receive_buffer_consume(&conditioner->held, size);",
         "    icn_receive_buffer_consume(&conditioner->held, icn_receive_buffer_bytes(&conditioner->held));"),)),
)

PROXIED = (
    Mutant("bytes behind a header lost", "net/proxied.c", (
        (".size = size - bytes};", ".size = 0};"),)),
    Mutant("header in pieces taken for a whole one", "net/proxied.c", (
        ("    const uint32_t bytes = header->bytes - before; /* of these that belong to the header */",
         "    const uint32_t bytes = header->bytes < size || before == 0 ? header->bytes : size;"),)),
    Mutant("address in a header ignored", "net/proxied.c", (
        ("        remote = header->source;\n", "        (void)remote;\n"),)),
    Mutant("proxy trusted whoever it is", "net/listener_admit.c", (
        ("    return ICN_REFUSAL_BY_TRUST;\n", "    return ICN_REFUSAL_NONE;\n"),)),
    Mutant("header awaited without a deadline", "net/proxied.c", (
        ("    receive_by(session, ICN_CLOSE_UNCLAIMED_HEADER);\n    set_deadline(session);\n",
         "    receive_by(session, ICN_CLOSE_UNCLAIMED_HEADER);\n"),)),
    Mutant("listener of a proxied session not let go", "net/proxied.c", (
        ("    icn_handle_unpin(handle);\n", "    (void)handle;\n"),)),
    Mutant("pieces of a header kept for ever", "net/proxied.c", (
        ("        icn_memory_release(proxied->kept, ICN_PROXY_HEADER_MAX, ICN_MEMORY_SESSION);\n", ""),)),
)

BUDGET = (
    Mutant("budget not given back for what is sent", "net/session_send.c", (
        ("        icn_budget_give_back(budget, bytes);\n    }\n    if (!icn_loop_wants(",
         "        icn_budget_look(budget);\n    }\n    if (!icn_loop_wants("),)),
    Mutant("budget not given back at an end", "net/session_send.c", (
        ("        icn_budget_give_back(loop->roster->budget, unsent);", "        icn_budget_look(loop->roster->budget);"),)),
    Mutant("budget not given back for what was not queued", "net/session_send.c", (
        ("    unreserve(session, bytes);\n    if (budget != NULL) {", "    unreserve(session, bytes);\n    if (false) {"),)),
    Mutant("who waits for the budget forgotten when bytes go", "net/budget.c", (
        ("    (void)before;\n    icn_budget_look(budget);\n", "    (void)before;\n"),)),
    Mutant("counted twice in the budget", "net/budget.c", (
        ("&used, used + bytes));", "&used, used + 2 * bytes));"),)),
)

LATEST = (
    Mutant("state that is bound, and nobody who waits for room is told", "net/session_send.c", (
        ("        /* What was bound takes less room than before. */\n        icn_session_check_writable(session);\n", ""),)),
    Mutant("state that replaces, with the size of the older one", "net/latest_entry.c", (
        ("    ICN_CHECK(bytes <= room_of(entry));\n    entry->size = bytes;\n",
         "    entry->size = entry->size != 0 ? entry->size : bytes;\n"),
        ("    ICN_CHECK(to == data_of(entry) + bytes);\n", ""))),
    Mutant("state of another thread that is not bound", "net/session_send.c", (
        ("        ICN_CONTAINER(queue, icn_session, send_queue)->late = true;\n", ""),)),
    Mutant("state whose room is not given back when it is bound", "net/latest.c", (
        ("            given_back += ICN_LATEST_ENTRY_BYTES;\n        }\n        bytes +=",
         "        }\n        bytes +="),)),
    Mutant("state forgotten with another that was bound", "net/latest.c", (
        ("    icn_latest_entry **leaf = find_leaf(entry);", "    icn_latest_entry **leaf = NULL;"),)),
    Mutant("state before what other threads sent earlier", "net/latest.c", (
        ("    icn_sessions_collect(session->loop);\n    if (!icn_session_keep_reply(session)) {",
         "    if (!icn_session_keep_reply(session)) {"),)),
    Mutant("state behind a newer one with its key", "net/latest.c", (
        ("    while (*link != NULL && (*link)->key != key) {", "    while (*link != NULL) {"),)),
    Mutant("state that is put while its session is freed", "net/latest.c", (
        ("    icn_mutex_lock(&pool->mutex);\n    icn_mutex_unlock(&pool->mutex);\n", ""),)),
    Mutant("state in the inbox when its session ends", "net/latest.c", (
        ("        icn_sessions_collect(session->loop);\n    }\n    icn_send_chunk",
         "        latest->root = NULL;\n    }\n    icn_send_chunk"),)),
    Mutant("state that a conditioner never gets", "net/conditioner.c", (
        ("        (void)icn_latest_bind(session, UINT32_MAX);\n", ""),)),
    Mutant("state without room that replaces all the same", "net/latest.c", (
        ("    if (cost > there) {\n", "    if (cost > there && present == NULL) {\n"),
        ("    put->reserved = there - cost;", "    put->reserved = there > cost ? there - cost : 0;"))),
)

ALL = HANDLES + KICKS + OPERATIONS + SENDING + CLOSING + EVENTS + SERVICE + FRAMING + SCHEDULE + GROUPS + ADMISSION + \
    CONDITIONER + PROXIED + BUDGET + LATEST

# What each file of tests/sim/regressions found once, made again: it has to fail with this, or it means nothing any more.
REVERSED = {
    "job_before_connected": Mutant("job for a session that its host was never told of", "net/schedule.c", (
        ("    if (job->session->announced) {\n", "    if (job->session != &schedule->nobody) {\n"),)),
    "resume_inside_callback": Mutant("an event inside an event on resume", "net/session_receive.c", (
        ("            /* It may close now, which sends what is queued, or have messages that waited: no event inside this one. */\n"
         "            icn_session_kick(session);\n", "            icn_session_pursue_end_of_stream(session);\n"),)),
    "starved_poll": next(each for each in EVENTS if each.name == "room offered only when a poll returns"),
}
