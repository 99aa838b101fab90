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

/* Shared between threads: icn_session. */
byte state = STARTING;
byte close_claim = UNCLAIMED;
bool close_aborts;      /* session->close, written between the claim and its publication */
bool abort_requested;
bool pause_requested;
bool end_seen;
byte inbox;             /* the loop's: records of this session */
bool inbox_closed;
bool pending = true;    /* the kick; the first one is the maker's */

/* The loop's stack: the session's kick and the loop's own. */
bool session_kicked;
bool inbox_kicked;
bool inbox_pending;
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

/* Under the inbox's mutex. No pin: who finds it open is seen before the session ends. */
inline icn_inbox_put()
{
    atomic {
        touch();
        won = !inbox_closed;
        first = (inbox == 0);
        if
        :: won -> inbox++; accepted_bytes++
        :: else
        fi
    }
}

inline icn_loop_kick_inbox()
{
    atomic { first = !inbox_pending; inbox_pending = true };
    if
    :: first -> inbox_kicked = true
    :: else
    fi
}

/* icn_session_send, send_by_other */
inline send_by_other()
{
    atomic { touch(); won = (close_claim == UNCLAIMED) };
    if
    :: won ->
        atomic { touch(); won = (state == OPEN) };
        if
        :: won ->
            icn_inbox_put();
            if
            :: won && first -> icn_loop_kick_inbox()
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
    atomic { known = true; pins = 1 }; /* icn_handle_create */
    service_pins++                     /* icn_handle_pin_again(roster->service) */
}

/* The first kick, which nobody else can claim. The maker's pin goes with it. */
inline icn_session_hand_over()
{
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

/* The owner's functions, then its turns. */
#include "session_owner.pml"

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
#define is_kicked (session_kicked || stop_kicked || inbox_kicked)
#define is_idle (!delivered && !unflushed && !finishing && !is_kicked)

/* The phases of icn_loop_turn. */
#define KICKS_BEFORE 0
#define RUN 1
#define KICKS_AFTER 2
#define TIMERS 3
#define FLUSH 4
#define FINISH 5

/* Nobody asked for the end, and nobody will: the session waits for its peer for ever. */
#define is_forgotten (hosts_done == HOSTS && maker_done && close_claim == UNCLAIMED && !pending && !inbox_pending && inbox == 0 && \
    (queued == 0 || send != IDLE) && !(end_seen && !pause_requested))

inline take_kicks()
{
    atomic {
        batch_session = session_kicked;
        batch_stop = stop_kicked;
        batch_inbox = inbox_kicked;
        session_kicked = false;
        inbox_kicked = false;
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
    bool stopping, in_callback, gone, delivered, wanted, at_once, won, first, asks, batch_session, batch_stop, batch_inbox;
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
        :: batch_inbox -> batch_inbox = false; inbox_filled()
        :: !batch_session && !batch_stop && !batch_inbox && is_kicked -> take_kicks()
        :: !batch_session && !batch_stop && !batch_inbox && !is_kicked && phase == KICKS_BEFORE -> phase = RUN; flush = unflushed; unflushed = false
        :: !batch_session && !batch_stop && !batch_inbox && !is_kicked && phase == KICKS_AFTER -> phase = TIMERS
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
