/* The owner's functions: impl/net/session*.c. Part of session.pml. */

inline set_state(s)
{
    atomic { touch(); st = s; state = s }
}

/* Calls of the host from inside a callback. */
inline host_in_callback()
{
#if !BATCHES
    do
    :: calls > 0 ->
        calls--;
        if
        :: choose(asks); icn_session_disconnect(asks)
        :: choose(asks); set_pause_by_owner(asks)
        :: send_by_owner()
        fi;
        d_step { asks = false; won = false; first = false }
    :: true -> break
    od
#else
    skip
#endif
}

inline send_by_owner()
{
    atomic { touch(); won = (close_claim == UNCLAIMED && st == OPEN) };
    if
    :: won ->
        collect();
        queued++;
        accepted_bytes++;
        unflushed = true
    :: else
    fi
}

inline set_pause_by_owner(pause)
{
    atomic { touch(); won = (close_claim == UNCLAIMED) };
    if
    :: won ->
        atomic { touch(); pause_requested = pause };
        update = true;
        if
        :: ended_stream -> icn_session_kick()
        :: else
        fi
    :: else
    fi
}

/* Any event but the last. In batches there may be no memory for it. */
inline icn_session_deliver()
{
    assert(seen_connected && !seen_end && !in_callback);
    touch();
    in_callback = true;
#if BATCHES
    if
    :: refusals > 0 -> refusals--; icn_session_fail()
    :: true
    fi;
#endif
    host_in_callback();
    in_callback = false
}

inline begin_operation(operation)
{
    assert(operation == IDLE && descriptor == 1);
    operation = IN_FLIGHT;
    operations++; /* icn_session_hold */
    in_flight++
}

/* icn_operation_finish, and what each completion does first. */
inline end_operation(operation)
{
    touch();
    operation = IDLE;
    completed = true;
    in_flight--;
    icn_session_drop()
}

inline icn_session_drop()
{
    assert(operations > 0);
    operations--
}

inline cancel(operation)
{
    if
    :: operation == IN_FLIGHT -> operation = CANCELLING
    :: else
    fi
}

/* wants_to_receive, and what follows from it */
inline icn_session_update_receive()
{
    wanted = false;
    if
    :: ended_stream || broken
    :: else ->
        if
        :: st == OPEN && announced -> atomic { touch(); wanted = !pause_requested }
        :: st == FLUSHING || st == LINGERING -> wanted = true
        :: else
        fi
    fi;
    if
    :: wanted && receive == IDLE -> begin_operation(receive)
    :: !wanted -> cancel(receive)
    :: else
    fi;
    wanted = false
}

inline icn_session_finish_soon()
{
    assert(st == ENDING);
    finishing = true
}

inline icn_session_operation_ended()
{
    if
    :: operations == 0 && st == ENDING -> icn_session_finish_soon()
    :: else
    fi
}

inline icn_session_end()
{
    assert(close_claim >= BY_HOST);
    if
    :: st < ENDING ->
        set_state(ENDING);
        timer = false;
        cancel(receive);
        cancel(send);
        icn_session_operation_ended()
    :: else
    fi
}

inline cut()
{
    was_cut = true;
    icn_session_end()
}

/* icn_sessions_collect */
inline collect()
{
    atomic {
        if
        :: inbox > 0 -> touch(); queued = queued + inbox; inbox = 0; unflushed = true
        :: else
        fi
    }
}

inline inbox_filled()
{
    inbox_pending = false;
    collect()
}

inline icn_session_flushed()
{
    if
    :: st == FLUSHING ->
        if
        :: ended_stream -> icn_session_end()
        :: else -> set_state(LINGERING)
        fi
    :: else
    fi
}

inline bytes_taken(bytes)
{
    queued = queued - bytes;
    sent_bytes = sent_bytes + bytes;
    icn_session_deliver()
}

inline go_on_sending()
{
    if
    :: queued > 0 || close_claim != UNCLAIMED -> unflushed = true
    :: else
    fi
}

inline icn_session_flush()
{
    if
    :: (st == OPEN || st == FLUSHING) && !broken ->
        if
        :: send != IDLE
        :: send == IDLE && queued == 0 -> icn_session_flushed()
        :: send == IDLE && queued > 0 -> begin_operation(send)
        :: send == IDLE && queued > 0 -> bytes_taken(1); go_on_sending() /* icn_port_send_now */
        fi
    :: else
    fi
}

inline begin_flush()
{
    set_state(FLUSHING);
    timer = true;
    update = true;
    collect();
    flush = true
}

inline icn_session_pursue_close()
{
    if
    :: close_claim >= BY_HOST ->
        at_once = close_aborts || broken;
        if
        :: !at_once -> atomic { touch(); at_once = abort_requested }
        :: else
        fi;
        if
        :: st == STARTING || st == CONNECTING -> cut()
        :: st == OPEN && !at_once -> begin_flush()
        :: st >= OPEN && st <= LINGERING && at_once -> cut()
        :: else
        fi;
        at_once = false
    :: else
    fi
}

inline icn_session_close(aborts)
{
    claim(won);
    if
    :: won -> publish(aborts, BY_LIBRARY)
    :: else
    fi;
    pursue = true
}

/* icn_session_close after an error: what is broken is always cut. */
inline icn_session_fail()
{
    broken = true;
    claim(won);
    if
    :: won -> publish(true, BY_LIBRARY)
    :: else
    fi;
    if
    :: close_claim >= BY_HOST -> cut()
    :: else
    fi
}

inline icn_session_pursue_end_of_stream()
{
    atomic { touch(); won = end_seen };
    if
    :: won -> atomic { touch(); won = !pause_requested }
    :: else
    fi;
    if
    :: won && st == OPEN -> icn_session_close(false) /* close_by_peer */
    :: else
    fi
}

inline peer_ended()
{
    ended_stream = true;
    if
    :: st == OPEN ->
#if BATCHES
        if
        :: end_recorded = true
        :: refusals > 0 -> refusals--; end_seen = true
        fi;
#else
        end_seen = true;
#endif
        icn_session_pursue_end_of_stream()
    :: st == LINGERING -> icn_session_end()
    :: else
    fi
}

inline deliver_bytes()
{
    if
    :: st == OPEN ->
        atomic { touch(); won = (close_claim == UNCLAIMED) };
        if
        :: won -> icn_session_deliver()
        :: else
        fi
    :: else
    fi
}

/* icn_session_receive_completed and receive_ended; a request to cancel loses to what happened before. */
inline icn_session_receive_completed()
{
    assert(operations > 0);
    if
    :: arrivals > 0 -> arrivals--; deliver_bytes()
    :: arrivals > 0 ->
        arrivals--;
        end_operation(receive);
        peer_ended()
    :: arrivals > 0 ->
        arrivals--;
        end_operation(receive);
        icn_session_fail()
    :: receive == CANCELLING ->
        end_operation(receive);
        update = true
    fi
}

inline icn_session_send_completed()
{
    if
    :: arrivals > 0 ->
        arrivals--;
        end_operation(send);
        bytes_taken(1);
        go_on_sending()
    :: arrivals > 0 ->
        arrivals--;
        end_operation(send);
        icn_session_fail()
    :: send == CANCELLING ->
        end_operation(send);
        go_on_sending()
    fi
}

inline announce()
{
    announced = true;
#if BATCHES
    if
    :: refusals > 0 ->
        refusals--;
        announced = false;
        icn_session_fail()
    :: assert(!seen_connected && !seen_end); seen_connected = true
    fi
#else
    assert(!seen_connected && !seen_end && !in_callback);
    seen_connected = true;
    in_callback = true;
    host_in_callback();
    in_callback = false
#endif
}

inline opened()
{
    set_state(OPEN);
    announce();
    pursue = true;
    update = true
}

inline connect_completed()
{
    if
    :: arrivals > 0 -> arrivals--; end_operation(send); won = true
    :: arrivals > 0 -> arrivals--; end_operation(send); won = false
    :: send == CANCELLING -> end_operation(send); won = false
    fi;
    connecting = false;
    if
    :: st != CONNECTING
    :: st == CONNECTING && won -> timer = false; opened()
    :: st == CONNECTING && !won -> timer = false; icn_session_fail()
    fi
}

inline icn_session_start()
{
    assert(st == STARTING);
    set_state(CONNECTING);
    listed = true;
    if
    :: stopping -> icn_session_fail() /* turn_away: an abort as well */
    :: !stopping && refusals > 0 -> refusals--; icn_session_fail()
    :: !stopping ->
#if CONNECT
        connecting = true;
        begin_operation(send);
        timer = true
#else
        opened()
#endif
    fi
}

/* The session's kick. */
inline look()
{
    touch();
    if
    :: st >= ENDING ->
        kick_closed = true;
        icn_session_finish_soon()
    :: else ->
        atomic { touch(); pending = false };
        if
        :: st == STARTING -> icn_session_start()
        :: else
        fi;
        icn_session_pursue_end_of_stream();
        pursue = true;
        update = true;
        flush = true
    fi;
    looked = true
}

inline stop_session()
{
    if
    :: listed ->
        at_once = !drain;
        icn_session_close(at_once)
    :: else
    fi
}

inline stop_requested()
{
    stop_pending = false;
    stopping = true;
    stop_session()
}

inline icn_session_deadline_passed()
{
    timer = false;
    if
    :: st == CONNECTING -> icn_session_close(true)
    :: else -> cut()
    fi
}

inline icn_kick_close()
{
    if
    :: !kick_closed ->
        atomic { touch(); first = pending; pending = true };
        kick_closed = !first
    :: else
    fi
}

inline close_socket()
{
    atomic { touch(); st = ENDED; state = ENDED };
    assert(in_flight == 0 && descriptor == 1);
    descriptor = 0
}

inline icn_inbox_close()
{
    atomic { touch(); assert(!inbox_closed); inbox_closed = true }
}

/* icn_send_queue_close */
inline send_queue_close()
{
    unsent_bytes = queued;
    queued = 0
}

inline icn_session_close_sends()
{
    icn_inbox_close();
    collect();
    send_queue_close()
}

inline deliver_end()
{
    if
    :: !announced && !CONNECT -> icn_handle_retire()
    :: else ->
        touch();
        assert(announced == seen_connected && !in_callback && !handed_over);
#if BATCHES
        handed_over = true
#else
        assert(!seen_end);
        seen_end = true;
        in_callback = true;
        host_in_callback();
        in_callback = false;
        touch();
        icn_handle_retire() /* icn_session_release */
#endif
    fi
}

inline finish()
{
    finishing = false;
    if
    :: operations != 0
    :: else ->
        icn_kick_close();
        if
        :: kick_closed ->
            close_socket();
            icn_session_close_sends();
            listed = false;
            unflushed = false;
            timer = false;
            deliver_end();
            gone = true
        :: else
        fi
    fi
}

