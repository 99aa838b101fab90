/* The functions of the dispatcher's thread: impl/net/listener.c, loop.c. Part of service.pml. */

inline set_state(s) { atomic { touch_listener(); state = s } }

inline finish_soon() { finishing = true }

inline start_accept()
{
    assert(accept == IDLE && descriptor == 1 && !freed);
    accept = IN_FLIGHT
}

inline back_off() { retry = true }

inline retry_due()
{
    retry = false;
    if
    :: state == OPEN -> start_accept()
    :: else
    fi
}

inline accepted()
{
    sockets++;
    if
    :: state != OPEN -> sockets--
    :: else ->
        /* icn_session_create */
        icn_roster_hold(ok);
        if
        :: ok && !session_live ->
            service_pins++;
            session_live = true;
            session_starting = true; /* its kick */
            sockets--
        :: ok && session_live -> icn_roster_drop(); sockets-- /* refuse: one is enough */
        :: !ok -> sockets-- /* refuse: CLOSED */
        fi
    fi
}

inline accept_ended()
{
    accept = IDLE;
    if
    :: state == ENDING -> finish_soon()
    :: else -> back_off()
    fi
}

inline accept_completed()
{
    touch_listener();
    if
    :: arrivals > 0 -> arrivals--; accepted()
    :: arrivals > 0 -> arrivals--; accept_ended()
    :: accept == CANCELLING -> accept_ended()
    fi
}

inline end_listener()
{
    if
    :: state == OPEN ->
        set_state(ENDING);
        retry = false;
        if
        :: accept == IN_FLIGHT -> accept = CANCELLING
        :: accept == IDLE -> finish_soon()
        :: else
        fi
    :: else
    fi
}

inline start()
{
    listed = true;
    set_state(OPEN);
    if
    :: !stopping -> start_accept()
    :: true -> icn_listener_close() /* stopping, or the attach failed */
    fi
}

/* The listener's kick. */
inline look()
{
    touch_listener();
    if
    :: state == ENDING -> closed = true; finish_soon()
    :: else ->
        atomic { touch_listener(); pending = false };
        if
        :: state == STARTING -> start()
        :: else
        fi;
        if
        :: close_claimed -> end_listener()
        :: else
        fi
    fi;
    icn_handle_unpin()
}

inline icn_kick_close()
{
    if
    :: !closed ->
        atomic { touch_listener(); first = pending; pending = true };
        closed = !first
    :: else
    fi
}

inline finish()
{
    finishing = false;
    if
    :: accept != IDLE
    :: else ->
        icn_kick_close();
        if
        :: closed ->
            set_state(ENDED);
            listed = false;
            assert(descriptor == 1 && accept == IDLE);
            descriptor = 0;
            icn_handle_unpin();
            icn_roster_drop()
        :: else
        fi
    fi
}

inline icn_listeners_stop()
{
    if
    :: listed -> icn_listener_close(); end_listener()
    :: else
    fi
}

inline stop_requested()
{
    touch();
    stop_pending = false;
    told = stopping;
    stopping = true;
    icn_listeners_stop();
    if
    :: !told -> icn_roster_drop()
    :: else
    fi
}

inline announce_stopped()
{
    touch();
    assert(service_state == STOPPED && !stopped_told && !session_live);
    in_callback = true;
    stopped_told = true;
    in_callback = false
}

/* The session's life: CONNECTED, in which the host may destroy; DISCONNECTED; the last pin. */
inline session_opened()
{
    session_starting = false;
    session_open = !stopping;
    session_ending = stopping;
    if
    :: session_open ->
        in_callback = true;
        if
        :: destroy_inside_callback()
        :: true
        fi;
        in_callback = false
    :: else
    fi
}

inline session_ended()
{
    session_open = false;
    session_ending = false;
    in_callback = true;
    assert(stopped_calls == 0);
    in_callback = false;
    session_live = false;
    if
    :: service_unpin()
    :: !session_pinned -> session_pinned = true
    fi;
    icn_roster_drop()
}

