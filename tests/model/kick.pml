/*
 * impl/net/loop.c: kicks, the owner's sleep, and the end of a kick. Objects, kickers that ask for something and for the end
 * of an object, the owner's turns, the port's wake. The owner's plain store to `sleeping` reaches memory late.
 */
#ifndef KICKERS
#define KICKERS 2
#endif
#ifndef REQUESTS
#define REQUESTS 2
#endif
#ifndef OBJECTS
#define OBJECTS 2
#endif
#ifndef COMPLETIONS
#define COMPLETIONS 1
#endif
#define NIL 0

/* Objects are 1 and 2; index 0 is not used. */
byte next[3];
bool pending[3];
bool asked[3];     /* what a kick asks the owner to look at */
bool end_asked[3]; /* the close */
bool ended[3];     /* ghost: the kick was closed, and the object is gone when its pins are */
byte kicks = NIL;
bool sleeping;
bool zero_buffered; /* the owner's plain store of 0 to `sleeping` has not reached memory yet */
bool woken;         /* the port's wake */
byte completions = COMPLETIONS;
byte kickers_done;

/* A plain store reaches memory at any time later, at the latest with the owner's next read-modify-write. */
active proctype store_buffer()
{
end:
    do
    :: atomic { zero_buffered -> zero_buffered = false; sleeping = false }
    od
}

inline icn_fence_after_change() { skip }

inline icn_kick_claim(o, first)
{
    atomic { first = !pending[o]; pending[o] = true }
}

inline icn_kick_push(o)
{
    seen = kicks;
    replaced = false;
    do
    :: !replaced ->
        assert(!ended[o]); /* no kick is pushed once it is closed */
        next[o] = seen;
        atomic {
            if
            :: kicks == seen -> kicks = o; replaced = true
            :: else -> seen = kicks
            fi
        }
    :: else -> break
    od;
    icn_fence_after_change();
    if
    :: sleeping ->
        atomic { was = sleeping; sleeping = false };
        if
        :: was -> woken = true
        :: else
        fi
    :: else
    fi
}

proctype kicker()
{
    byte left = REQUESTS;
    byte object, seen;
    bool first, replaced, was;
    do
    :: left > 0 ->
        atomic {
            left--;
            if
            :: object = 1
            :: OBJECTS == 2 -> object = 2
            fi;
            if
            :: asked[object] = true
            :: end_asked[object] = true
            fi
        };
        icn_kick_claim(object, first);
        if
        :: first -> icn_kick_push(object)
        :: else
        fi;
        d_step { object = 0; seen = NIL; first = false; replaced = false; was = false }
    :: left == 0 -> break
    od;
    kickers_done++
}

inline icn_kick_close(o)
{
    if
    :: !closed[o] ->
        atomic { was = pending[o]; pending[o] = true };
        closed[o] = !was;
        was = false
    :: else
    fi
}

/* The handler of a kick, as a session's. */
inline look(o)
{
    assert(!ended[o]);
    if
    :: ending[o] ->
        closed[o] = true;
        finishing[o] = true
    :: else ->
        pending[o] = false;
        asked[o] = false;
        if
        :: end_asked[o] ->
            ending[o] = true;
            finishing[o] = true
        :: else
        fi
    fi
}

/* At most two, and nobody else's any more. */
inline in_order_of_kicks()
{
    d_step {
        oldest = newest;
        if
        :: newest != NIL && next[newest] != NIL ->
            oldest = next[newest];
            next[oldest] = newest;
            next[newest] = NIL
        :: else
        fi;
        newest = NIL
    }
}

inline look_at_kicked()
{
    atomic { newest = kicks; kicks = NIL };
    in_order_of_kicks();
    do
    :: oldest != NIL ->
        following = next[oldest];
        look(oldest);
        oldest = following
    :: else -> break
    od;
    following = NIL
}

inline finish(o)
{
    if
    :: finishing[o] ->
        finishing[o] = false;
        icn_kick_close(o);
        if
        :: closed[o] -> ended[o] = true
        :: else
        fi
    :: else
    fi
}

inline wait_time()
{
    if
    :: looked || finishing[1] || finishing[2] -> waits = false
    :: else ->
        /* icn_u32_exchange(&loop->sleeping, 1) */
        atomic { zero_buffered = false; sleeping = true };
        icn_fence_after_change();
        waits = (kicks == NIL);
        fresh = !waits
    fi
}

/* Nothing that was asked for is left, unless the object has ended: the owner may wait for ever. */
#define is_served(o) (ended[o] || (!asked[o] && !end_asked[o]))
#define is_quiet() (is_served(1) && is_served(2))

inline icn_port_run()
{
    if
    :: waits ->
        if
        :: atomic { woken -> woken = false }
        :: atomic { completions > 0 -> completions-- }
        :: atomic { kickers_done == KICKERS && kicks == NIL && is_quiet() -> over = true }
        fi
    :: !waits ->
        if
        :: atomic { woken -> woken = false }
        :: true
        fi
    fi
}

active proctype owner()
{
    bool closed[3], ending[3], finishing[3];
    bool waits, looked, fresh, over, was;
    byte newest, oldest, following;
    atomic {
        byte i = 0;
        do
        :: i < KICKERS -> run kicker(); i++
        :: else -> break
        od
    };
turn:
    /* icn_loop_turn: relaxed loads of `kicks` may be stale, unless a newer value was seen. */
    if
    :: kicks != NIL -> look_at_kicked(); looked = true
    :: kicks == NIL || !fresh -> looked = false
    fi;
    fresh = false;
    wait_time();
    icn_port_run();
    if
    :: over -> goto done
    :: else
    fi;
    zero_buffered = true; /* icn_u32_store(&loop->sleeping, 0) */
    if
    :: kicks != NIL -> look_at_kicked()
    :: kicks == NIL || !fresh
    fi;
    finish(1);
    finish(2);
    goto turn;
done:
    assert(kicks == NIL)
}
