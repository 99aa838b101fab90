/*
 * One session on one loop, from the maker's hands to free memory: impl/net/session*.c, its kick and its handle.
 * What kick.pml and handle.pml prove is one step here: a push wakes the owner; a pin, an unpin and a retire are atomic.
 * Each access to what several threads share is a step of its own. What is the owner's alone is local to the owner.
 *
 * Variants: CONNECT (else accepted), BATCHES (else callbacks), STOP (else only what is asked for ends the session).
 */
#ifndef HOSTS
#define HOSTS 2
#endif
#ifndef OPERATIONS
#define OPERATIONS 1 /* calls of each host thread */
#endif
#ifndef CALLBACKS
#define CALLBACKS 1 /* calls from inside callbacks */
#endif
#ifndef ARRIVALS
#define ARRIVALS 2 /* at most so many completions that the peer causes; then it is silent */
#endif
#ifndef CONNECT
#define CONNECT 0
#endif
#ifndef BATCHES
#define BATCHES 0
#endif
#ifndef STOP
#define STOP 0
#endif

/* icn_session_state */
#define STARTING 0
#define CONNECTING 1
#define OPEN 2
#define FLUSHING 3
#define LINGERING 4
#define ENDING 5
#define ENDED 6

/* icn_close_claim */
#define UNCLAIMED 0
#define WRITING 1
#define BY_HOST 2
#define BY_LIBRARY 3

/* icn_operation_state; COMPLETED is the port's own: a cancel that comes too late */
#define IDLE 0
#define IN_FLIGHT 1
#define CANCELLING 2

#define CLOSED_INBOX 255

/* Shared between threads: icn_session. */
byte state = STARTING;
byte close_claim = UNCLAIMED;
bool close_aborts;      /* session->close, written between the claim and its publication */
bool abort_requested;
bool pause_requested;
bool end_seen;
byte inbox;             /* chunks, or closed */
bool pending = true;    /* the kick; the first one is the maker's */

/* The loop's stack: the session's kick and the loop's own. */
bool session_kicked;
bool stop_kicked;
bool stop_pending;
bool drain;             /* roster->drain_ms != 0 */

/* The handle. */
bool known;
bool retired;
byte pins;
byte service_pins;

/* Ghosts. */
bool freed;
byte in_flight;         /* operations that the port has */
byte descriptor = 1;    /* 1: open, 0: closed */
byte accepted_bytes;
byte sent_bytes;
byte unsent_bytes;
bool seen_connected;
bool seen_end;          /* disconnected, or connect failed */
bool end_recorded;      /* BATCHES: the end of the peer's stream is in the queue */
bool handed_over;       /* BATCHES: the last event is in the queue */
byte hosts_done;
bool maker_done;
bool over;              /* nobody asked for an end, and nobody will */

#define touch() assert(!freed)

inline finalize()
{
    assert(!freed && state == ENDED && in_flight == 0 && descriptor == 0);
    freed = true;
    assert(service_pins > 0);
    service_pins--
}

inline icn_handle_pin(ok)
{
    atomic {
        ok = known && !retired;
        if
        :: ok -> touch(); pins++
        :: else
        fi
    }
}

inline icn_handle_pin_again()
{
    atomic { touch(); assert(known && (!retired || pins > 0)); pins++ }
}

inline icn_handle_unpin()
{
    atomic {
        assert(pins > 0);
        pins--;
        if
        :: retired && pins == 0 -> finalize()
        :: else
        fi
    }
}

inline icn_handle_retire()
{
    atomic {
        assert(!retired);
        retired = true;
        if
        :: pins == 0 -> finalize()
        :: else
        fi
    }
}

inline icn_kick_push()
{
    atomic { assert(!session_kicked && descriptor == 1); session_kicked = true }
}

inline icn_session_kick()
{
    atomic { touch(); first = !pending; pending = true };
    if
    :: first -> icn_handle_pin_again(); icn_kick_push()
    :: else
    fi
}

/* The whole of the compare-and-exchange. */
inline claim(won)
{
    atomic {
        touch();
        won = (close_claim == UNCLAIMED);
        if
        :: won -> close_claim = WRITING
        :: else
        fi
    }
}

inline publish(aborts, by)
{
    close_aborts = aborts;
    atomic { touch(); assert(close_claim == WRITING); close_claim = by }
}

inline icn_session_disconnect(aborts)
{
    claim(won);
    if
    :: won -> publish(aborts, BY_HOST)
    :: !won && aborts -> atomic { touch(); abort_requested = true }
    :: else
    fi;
    if
    :: won || aborts -> icn_session_kick()
    :: else
    fi
}

/* icn_session_send, send_by_other, icn_send_queue_push */
inline send_by_other()
{
    atomic { touch(); won = (close_claim == UNCLAIMED) };
    if
    :: won ->
        atomic { touch(); won = (state == OPEN) };
        if
        :: won ->
            atomic {
                touch();
                won = (inbox != CLOSED_INBOX);
                if
                :: won -> inbox++; accepted_bytes++
                :: else
                fi
            };
            if
            :: won -> icn_session_kick()
            :: else
            fi
        :: else
        fi
    :: else
    fi
}

inline icn_session_set_pause(pause)
{
    atomic { touch(); won = (close_claim == UNCLAIMED) };
    if
    :: won ->
        atomic { touch(); pause_requested = pause };
        icn_session_kick()
    :: else
    fi
}

inline choose(flag)
{
    if
    :: flag = true
    :: flag = false
    fi
}

/* A thread of the host, which may hold the handle, or guess it, from the moment it exists. */
proctype host()
{
    byte left = OPERATIONS;
    bool ok, won, first, asks;
    known;
    do
    :: left > 0 ->
        left--;
        icn_handle_pin(ok);
        if
        :: ok ->
            if
            :: send_by_other()
            :: choose(asks); icn_session_disconnect(asks)
            :: choose(asks); icn_session_set_pause(asks)
            fi;
            icn_handle_unpin()
        :: else
        fi;
        d_step { ok = false; won = false; first = false; asks = false }
    :: true -> break
    od;
    hosts_done++
}

inline icn_session_create()
{
    known = true;         /* icn_handle_create */
    service_pins++        /* icn_handle_pin_again(roster->service) */
}

/* The first kick, which nobody else can claim. */
inline icn_session_hand_over()
{
    icn_handle_pin_again();
    icn_kick_push()
}

/* By the thread of another loop that accepts, or one that connects. */
proctype maker()
{
    icn_session_create();
    icn_session_hand_over();
    maker_done = true
}

#if STOP
/* icn_service_begin_stop and icn_service_abort, as far as this loop sees them. */
proctype stopper()
{
    bool first;
    maker_done;
    if
    :: drain = true
    :: true
    fi;
    atomic { first = !stop_pending; stop_pending = true };
    if
    :: first -> stop_kicked = true
    :: else
    fi;
    atomic { first = drain; drain = false };
    if
    :: first ->
        atomic { first = !stop_pending; stop_pending = true };
        if
        :: first -> stop_kicked = true
        :: else
        fi
    :: else
    fi
}
#endif

#if BATCHES
/* The thread that polls: event_queue.pml has the queue itself. */
proctype poller()
{
    bool first;
    do
    :: atomic { end_recorded -> end_recorded = false };
        /* icn_session_end_seen */
        atomic { touch(); end_seen = true };
        icn_session_kick()
    :: atomic { handed_over && !end_recorded -> touch(); assert(!seen_end); seen_end = true };
        icn_handle_retire(); /* icn_session_release, with the next poll */
        break
    :: atomic { over || freed -> break }
    od
}
#endif

/* ---- the owner ---- */

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

/* icn_send_queue_collect */
inline collect()
{
    atomic {
        touch();
        assert(inbox != CLOSED_INBOX);
        queued = queued + inbox;
        inbox = 0
    }
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
    :: queued > 0 || inbox != 0 || close_claim != UNCLAIMED -> unflushed = true
    :: else
    fi
}

inline icn_session_flush()
{
    if
    :: (st == OPEN || st == FLUSHING) && !broken ->
        collect();
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

/* icn_send_queue_close */
inline send_queue_close()
{
    atomic {
        touch();
        assert(inbox != CLOSED_INBOX);
        unsent_bytes = queued + inbox;
        queued = 0;
        inbox = CLOSED_INBOX
    }
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
            send_queue_close();
            listed = false;
            unflushed = false;
            timer = false;
            deliver_end();
            gone = true
        :: else
        fi
    fi
}

/*
 * The end of each handler. In the code these are calls in tail position: a handler sets the flags of those that it calls,
 * so that each is in the model once.
 */
inline settle()
{
    if
    :: pursue -> pursue = false; icn_session_pursue_close()
    :: else
    fi;
    if
    :: update -> update = false; icn_session_update_receive()
    :: else
    fi;
    if
    :: flush -> flush = false; icn_session_flush()
    :: else
    fi;
    /* A callback in the flush may have asked for it again. */
    if
    :: update -> update = false; icn_session_update_receive()
    :: else
    fi;
    if
    :: completed -> completed = false; icn_session_operation_ended()
    :: else
    fi;
    if
    :: looked -> looked = false; icn_handle_unpin()
    :: else
    fi
}

/* The port has a completion, or will have one. */
#define may_complete(operation) (operation != IDLE && (arrivals > 0 || operation == CANCELLING))
#define is_kicked (session_kicked || stop_kicked)
#define is_idle (!delivered && !unflushed && !finishing && !is_kicked)

/* The phases of icn_loop_turn. */
#define KICKS_BEFORE 0
#define RUN 1
#define KICKS_AFTER 2
#define TIMERS 3
#define FLUSH 4
#define FINISH 5

/* Nobody asked for the end, and nobody will: the session waits for its peer for ever. */
#define is_forgotten (hosts_done == HOSTS && maker_done && close_claim == UNCLAIMED && !pending && inbox == 0 && \
    (queued == 0 || send != IDLE) && !(end_seen && !pause_requested))

inline take_kicks()
{
    atomic {
        batch_session = session_kicked;
        batch_stop = stop_kicked;
        session_kicked = false;
        stop_kicked = false
    }
}

active proctype owner()
{
    byte st = STARTING;
    byte phase = KICKS_BEFORE;
    byte operations, queued;
    byte receive = IDLE;
    byte send = IDLE; /* also the connect */
    byte arrivals;
    byte calls = CALLBACKS;
    byte refusals = BATCHES; /* events that find no memory; also an attach that fails */
    bool announced, ended_stream, broken, was_cut, timer, listed, unflushed, finishing, kick_closed, connecting;
    bool stopping, in_callback, gone, delivered, wanted, at_once, won, first, asks, batch_session, batch_stop;
    bool pursue, update, flush, completed, looked;
    atomic {
        if
        :: arrivals = 0
        :: arrivals = 1
        :: ARRIVALS > 1 -> arrivals = ARRIVALS
        fi;
        run maker();
#if HOSTS > 0
        run host();
#endif
#if HOSTS > 1
        run host();
#endif
#if STOP
        run stopper();
#endif
#if BATCHES
        run poller();
#endif
    };
    do
    /* look_at_kicked, before the port runs and after it */
    :: phase == KICKS_BEFORE || phase == KICKS_AFTER ->
        if
        :: batch_session -> batch_session = false; look()
        :: batch_stop -> batch_stop = false; stop_requested()
        :: !batch_session && !batch_stop && is_kicked -> take_kicks()
        :: !batch_session && !batch_stop && !is_kicked && phase == KICKS_BEFORE -> phase = RUN; flush = unflushed; unflushed = false
        :: !batch_session && !batch_stop && !is_kicked && phase == KICKS_AFTER -> phase = TIMERS
        fi;
        settle()
    /* icn_port_run: delivers completions; waits while there is nothing to do */
    :: phase == RUN ->
        if
        :: may_complete(receive) -> delivered = true; icn_session_receive_completed()
        :: may_complete(send) && connecting -> delivered = true; connect_completed()
        :: may_complete(send) && !connecting -> delivered = true; icn_session_send_completed()
        :: !is_idle -> delivered = false; phase = KICKS_AFTER
        :: is_idle && timer -> icn_session_deadline_passed(); phase = FLUSH
        :: is_idle && gone -> break
#if !STOP
        :: is_idle && is_forgotten -> over = true; break
#endif
        fi;
        settle()
    :: phase == TIMERS ->
        phase = FLUSH;
        if
        :: timer -> icn_session_deadline_passed()
        :: true
        fi;
        settle()
    :: phase == FLUSH ->
        phase = FINISH;
        flush = unflushed;
        unflushed = false;
        settle()
    :: phase == FINISH ->
        phase = KICKS_BEFORE;
        if
        :: finishing -> finish()
        :: else
        fi
    od;
    if
    :: gone ->
        /* Everybody drops what they have: then the memory is gone, and everything was told. */
        freed && hosts_done == HOSTS && maker_done;
        assert(pins == 0 && service_pins == 0 && operations == 0);
        assert(seen_connected == announced);
        assert(seen_end == (announced || CONNECT));
        assert(accepted_bytes == sent_bytes + unsent_bytes)
    :: else -> assert(accepted_bytes == sent_bytes + queued)
    fi
}
