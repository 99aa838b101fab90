/*
 * A service that its own thread drives, one listener, one accepted session, from listener_open to destroy: listener.c,
 * roster.c, service_stop.c, service_destroy.c, dispatcher.c (run, join). The session is reduced to what holds the service.
 * Calls that close the listener, stop and destroy come at any moment, also from inside a callback.
 */
#ifndef CLOSERS
#define CLOSERS 1 /* threads that close the listener by its handle */
#endif
#ifndef STOPPERS
#define STOPPERS 1
#endif
#ifndef DESTROYERS
#define DESTROYERS 2
#endif
#ifndef STRANGERS
#define STRANGERS 0 /* callbacks of another service that destroy this one */
#endif
#ifndef ARRIVALS
#define ARRIVALS 2 /* connections that arrive, and accepts that fail */
#endif

/* icn_listener_state */
#define STARTING 0
#define OPEN 1
#define ENDING 2
#define ENDED 3

/* icn_operation_state */
#define IDLE 0
#define IN_FLIGHT 1
#define CANCELLING 2

/* IOCPNET_SERVICE_* */
#define RUNNING 0
#define STOPPING 1
#define STOPPED 2

/* The listener, shared. */
bool close_claimed;
bool pending = true;      /* its kick; the first one is the opener's */
bool kicked;              /* its kick is on the loop's stack */
bool known, retired, freed;
byte pins;
byte state = STARTING;    /* owner; shared for checks only */
byte accept = IDLE;       /* owner; shared for checks only */
byte descriptor = 1;

/* The roster. */
byte holds = 1;           /* the loop's own */
byte stopped_calls;

/* The service. */
byte service_state = RUNNING;
bool mutex;               /* service->mutex */
bool destroy_mutex;       /* service_destroy.c's; `finalized` is looked at with it */
bool destroying, finalized, service_retired, service_freed;
bool destroyed_due;
bool leaving, joined;
byte service_pins = 1;    /* icn_handle_create: the maker's */
bool stop_pending, stop_kicked, stopped_pending, stopped_kicked;

/* Ghosts. */
bool in_callback;
bool stopped_told;
bool session_live;
bool session_pinned;      /* a host has a pin of a session that has ended */
byte sockets;             /* accepted, and neither closed nor a session's */
byte destroyed_calls;
byte promises;            /* destroy returned PENDING */
byte returned;            /* destroy returned OK */
byte callers;             /* threads that are still to be heard of */

#define touch_listener() assert(!freed && !service_freed)
#define touch() assert(!service_freed)

/* ---- handles: each call is one step ---- */

inline service_pin(ok)
{
    atomic {
        ok = !service_retired;
        if
        :: ok -> touch(); service_pins++
        :: else
        fi
    }
}

inline service_unpin()
{
    atomic {
        assert(service_pins > 0);
        service_pins--;
        if
        :: service_retired && service_pins == 0 -> touch(); assert(!finalized); finalized = true /* icn_service_finalized */
        :: else
        fi
    }
}

inline service_retire()
{
    atomic {
        assert(!service_retired);
        service_retired = true;
        if
        :: service_pins == 0 -> finalized = true
        :: else
        fi
    }
}

/* listener.c: finalize. Inside an atomic step. */
inline finalize()
{
    touch();
    assert(!freed && state == ENDED && accept == IDLE && descriptor == 0);
    freed = true;
    assert(service_pins > 0);
    service_pins--;
    if
    :: service_retired && service_pins == 0 -> assert(!finalized); finalized = true
    :: else
    fi
}

inline icn_handle_pin(ok)
{
    atomic {
        ok = known && !retired;
        if
        :: ok -> touch_listener(); pins++
        :: else
        fi
    }
}

inline icn_handle_pin_again()
{
    atomic { touch_listener(); assert(known && (!retired || pins > 0)); pins++ }
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
        touch_listener();
        assert(!retired);
        retired = true;
        if
        :: pins == 0 -> finalize()
        :: else
        fi
    }
}

/* ---- roster.c ---- */

inline icn_roster_hold(ok)
{
    touch();
    seen = holds;
    ok = false;
    do
    :: seen == 0 || ok -> break
    :: seen != 0 && !ok ->
        atomic {
            if
            :: holds == seen -> holds++; ok = true
            :: else -> seen = holds
            fi
        }
    od;
    assert(!ok || stopped_calls == 0);
    seen = 0
}

inline icn_roster_drop()
{
    atomic { touch(); assert(holds > 0); holds--; last = (holds == 0) };
    if
    :: last -> last = false; icn_service_stopped()
    :: else
    fi
}

inline icn_mutex_lock() { atomic { touch(); !mutex -> mutex = true } }
inline icn_mutex_unlock() { atomic { touch(); mutex = false } }

inline icn_service_stopped()
{
    icn_mutex_lock();
    assert(service_state == STOPPING && !session_live && (state == ENDED || !known));
    stopped_calls++;
    assert(stopped_calls == 1);
    service_state = STOPPED;
    atomic { first = !stopped_pending; stopped_pending = true };
    if
    :: first -> stopped_kicked = true
    :: else
    fi;
    icn_mutex_unlock()
}

inline icn_service_wait_stopped()
{
    atomic { service_state == STOPPED && !mutex; touch() }
}

inline icn_kick_push()
{
    atomic { touch_listener(); assert(!kicked && state != ENDED); kicked = true }
}

/* listener.c: kick */
inline kick()
{
    atomic { touch_listener(); first = !pending; pending = true };
    if
    :: first -> icn_handle_pin_again(); icn_kick_push()
    :: else
    fi
}

inline icn_listener_close()
{
    atomic { touch_listener(); first = !close_claimed; close_claimed = true };
    if
    :: first -> kick(); icn_handle_retire()
    :: else
    fi
}

/* From where the handle may be guessed. */
inline icn_service_create()
{
    touch(); /* log_created, *handle */
    service_unpin()
}

/* Makes the service, then calls iocpnet_listener_open. */
proctype opener()
{
    bool ok, first, last;
    byte seen;
    icn_service_create();
    service_pin(ok);
    if
    :: ok ->
        icn_roster_hold(ok);
        if
        :: ok -> icn_roster_drop() /* no memory */
        :: ok ->
            /* icn_listener_open */
            atomic { known = true; pins = 1 }; /* icn_handle_create */
            service_pins++;
            icn_handle_pin_again(); /* the loop's own, until it has finished */
            icn_kick_push() /* with the maker's pin */
        :: else
        fi;
        service_unpin()
    :: else
    fi;
    atomic { callers--; ok = false; first = false }
}

proctype closer()
{
    bool ok, first;
    icn_handle_pin(ok);
    if
    :: ok -> icn_listener_close(); icn_handle_unpin()
    :: else
    fi;
    atomic { callers--; ok = false; first = false }
}

/* ---- service_stop.c ---- */

inline icn_service_begin_stop()
{
    icn_mutex_lock();
    first = (service_state < STOPPING);
    if
    :: first -> service_state = STOPPING
    :: else
    fi;
    icn_mutex_unlock();
    if
    :: first ->
        /* tell_loops */
        atomic { touch(); first = !stop_pending; stop_pending = true };
        if
        :: first -> stop_kicked = true
        :: else
        fi
    :: else
    fi
}

proctype stopper()
{
    bool ok, first;
    service_pin(ok);
    if
    :: ok ->
        icn_service_begin_stop();
        icn_service_wait_stopped();
        service_unpin()
    :: else
    fi;
    atomic { callers--; ok = false; first = false }
}

/* ---- service_destroy.c ---- */

/* The claim, and with it the wish to be told. */
inline claim_or_join()
{
    atomic { !destroy_mutex -> touch(); first = !destroying; destroying = true }
}

inline icn_dispatcher_join()
{
    leaving = true;
    joined;
    touch()
}

inline quiesce()
{
    icn_service_begin_stop();
    icn_service_wait_stopped();
    icn_dispatcher_join()
}

inline wait_finalized()
{
    finalized && !destroy_mutex
}

inline end_handle()
{
    service_retire();
    service_unpin();
    wait_finalized()
}

inline icn_service_free()
{
    atomic {
        assert(!service_freed && joined && !in_callback && service_pins == 0);
        assert(!known || (freed && pins == 0));
        assert(sockets == 0 && !session_live && !mutex);
        service_freed = true
    }
}

inline destroy()
{
    quiesce();
    end_handle();
    promised = destroyed_due;
    icn_service_free();
    if
    :: promised -> destroyed_calls++
    :: else
    fi;
    returned++ /* announce_done */
}

proctype destroy_in_background()
{
    bool first, promised;
    first = false;
    destroy();
    atomic { first = false; promised = false }
}

/* The claim, the start of the thread, which gets the pin, and the promise: with the mutex. */
inline destroy_later()
{
    atomic { !destroy_mutex -> destroy_mutex = true; touch(); first = !destroying; destroying = true };
    if
    :: first -> run destroy_in_background()
    :: first -> ok = false; destroying = false /* the thread can not be started */
    :: else
    fi;
    if
    :: ok -> atomic { touch(); destroyed_due = true }
    :: else
    fi;
    destroy_mutex = false;
    if
    :: ok -> promises++
    :: else
    fi;
    if
    :: !first || !ok -> service_unpin()
    :: else
    fi
}

inline destroy_inside_callback()
{
    service_pin(ok);
    if
    :: ok -> destroy_later()
    :: else
    fi
}

/* Inside a callback of another service. */
proctype stranger()
{
    bool ok, first;
    destroy_inside_callback();
    atomic { callers--; ok = false; first = false }
}

proctype destroyer()
{
    bool ok, first, promised;
#ifdef LATE
    /* What is closed ends without being stopped. */
    callers == 1 && (!known || !close_claimed || freed);
#endif
    service_pin(ok);
    if
    :: ok ->
        claim_or_join();
        if
        :: first -> destroy()
        :: else ->
            /* join_other */
            service_unpin();
            returned > 0 /* wait_done */
        fi;
        assert(service_freed && !in_callback && joined)
    :: else
    fi;
    atomic { callers--; ok = false; first = false; promised = false }
}

/* A host that still has a pin of the session when it ends. */
proctype holder()
{
end:
    do
    :: atomic { session_pinned -> session_pinned = false }; service_unpin()
    od
}

/* The functions of the dispatcher's thread, then the thread. */
#include "service_dispatcher.pml"

#define has_work (kicked || stop_kicked || stopped_kicked || session_starting || finishing)
#define may_complete (accept != IDLE && (arrivals > 0 || accept == CANCELLING))

active proctype dispatcher()
{
    byte arrivals, seen;
    bool finishing, closed, listed, retry, stopping, told, ok, first, last;
    bool session_starting, session_open, session_ending, final;
    atomic {
        if
        :: arrivals = 0
        :: arrivals = ARRIVALS
        fi;
        run opener(); callers++;
        run destroyer(); callers++;
        if :: CLOSERS > 0 -> run closer(); callers++ :: else fi;
        if :: CLOSERS > 1 -> run closer(); callers++ :: else fi;
        if :: STOPPERS > 0 -> run stopper(); callers++ :: else fi;
        if :: DESTROYERS > 1 -> run destroyer(); callers++ :: else fi;
        if :: STRANGERS > 0 -> run stranger(); callers++ :: else fi;
        run holder()
    };
    /* dispatcher.c: run; each turn takes one thing, and finishes at its end. */
    do
    :: !final || has_work ->
        if
        :: kicked -> kicked = false; look()
        :: stop_kicked -> stop_kicked = false; stop_requested()
        :: stopped_kicked -> stopped_kicked = false; announce_stopped()
        :: session_starting -> session_opened()
        :: session_open || session_ending -> session_ended()
        :: may_complete -> accept_completed()
        :: retry -> retry_due()
        :: finishing -> finish()
        :: leaving && !final -> final = true
        fi;
        if
        :: finishing -> finish()
        :: true
        fi;
        d_step { ok = false; first = false; last = false; told = false }
    :: final && !has_work -> break
    od;
    touch();
    joined = true;
    callers == 0 && returned > 0;
    assert(service_freed && finalized && stopped_told && returned == 1 && destroyed_calls == (promises > 0));
    assert(holds == 0 && service_pins == 0 && sockets == 0)
}
