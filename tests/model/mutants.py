"""Mutants of the models: each is a bug that the library could have, and that a model has to find.

A mutant is a name, a model, the options under which it is checked, and replacements of text that occurs exactly once.
"""

import collections

Mutant = collections.namedtuple("Mutant", "name model options replacements")


def mutant(name, model, options, *replacements):
    return Mutant(name, model, options.split(), replacements)


ONE_OBJECT = "-DOBJECTS=1"
TWO_OBJECTS = "-DREQUESTS=1"

KICK = [
    mutant("pending_is_cleared_after_looking", "kick", ONE_OBJECT,
           ("        pending[o] = false;\n        asked[o] = false;\n",
            "        asked[o] = false;\n        pending[o] = false;\n")),
    mutant("owner_has_no_fence_before_it_waits", "kick", ONE_OBJECT,
           ("        atomic { zero_buffered = false; sleeping = true };\n        icn_fence_after_change();\n        waits = (kicks == NIL);\n",
            "        waits = (kicks == NIL);\n        atomic { zero_buffered = false; sleeping = true };\n")),
    mutant("kicker_has_no_fence_after_its_push", "kick", ONE_OBJECT,
           ("    seen = kicks;\n    replaced = false;\n",
            "    was = sleeping;\n    seen = kicks;\n    replaced = false;\n"),
           ("    :: sleeping ->\n", "    :: was ->\n")),
    mutant("owner_does_not_look_before_it_waits", "kick", ONE_OBJECT,
           ("        waits = (kicks == NIL);\n", "        waits = true;\n")),
    mutant("sleeper_is_not_woken", "kick", ONE_OBJECT, ("        :: was -> woken = true\n", "        :: was\n")),
    mutant("kick_is_not_closed_at_the_end", "kick", ONE_OBJECT,
           ("        :: closed[o] -> ended[o] = true\n", "        :: true -> ended[o] = true\n")),
    mutant("end_does_not_wait_for_a_kick_on_its_way", "kick", ONE_OBJECT,
           ("        closed[o] = !was;\n", "        closed[o] = true;\n")),
    mutant("look_does_not_end_what_waits_for_it", "kick", ONE_OBJECT,
           ("        closed[o] = true;\n        finishing[o] = true\n", "        closed[o] = true\n")),
    mutant("push_is_a_plain_store", "kick", TWO_OBJECTS,
           ("            :: kicks == seen -> kicks = o; replaced = true\n",
            "            :: true -> kicks = o; replaced = true\n")),
    mutant("stack_is_taken_in_two_steps", "kick", TWO_OBJECTS,
           ("    atomic { newest = kicks; kicks = NIL };\n", "    newest = kicks;\n    kicks = NIL;\n")),
]

TWO_LIVES = "-DLIVES=2"
ONE_USER = "-DLIVES=5 -DUSERS=1"

HANDLE = [
    mutant("pin_checks_and_then_increments", "handle", TWO_LIVES,
           (":: word[s] == seen -> word[s] = seen + 1; got = 0", ":: true -> word[s] = word[s] + 1; got = 0")),
    mutant("generation_stays_when_a_slot_is_used_again", "handle", ONE_USER,
           ("word[s] = ((g + 1) << GENERATION_SHIFT) | RETIRED", "word[s] = (g << GENERATION_SHIFT) | RETIRED")),
    mutant("retire_frees_in_spite_of_pins", "handle", TWO_LIVES,
           ("    :: (seen & PINS_MASK) == 0 -> slot_finish(s)\n", "    :: true -> slot_finish(s)\n")),
    mutant("retired_handle_can_be_pinned", "handle", TWO_LIVES,
           (":: (seen & (255 - PINS_MASK)) != key -> break", ":: (seen & KEY_MASK) != key -> break")),
    mutant("last_unpin_does_not_finalize", "handle", TWO_LIVES,
           (":: (seen & (RETIRED | PINS_MASK)) == (RETIRED | 1) -> slot_finish(s)", ":: false -> slot_finish(s)")),
    mutant("last_unpin_of_a_live_handle_finalizes", "handle", TWO_LIVES,
           (":: (seen & (RETIRED | PINS_MASK)) == (RETIRED | 1) -> slot_finish(s)",
            ":: (seen & PINS_MASK) == 1 -> slot_finish(s)")),
    mutant("retire_overwrites_a_pin", "handle", TWO_LIVES,
           (":: word[s] == seen -> word[s] = seen | RETIRED; replaced = true",
            ":: true -> word[s] = seen | RETIRED; replaced = true")),
    mutant("slot_with_the_last_generation_is_used_again", "handle", ONE_USER,
           ("    :: g != GENERATION_LAST ->\n", "    :: true ->\n")),
    mutant("handle_is_made_without_its_makers_pin", "handle", TWO_LIVES,
           ("            word[s] = key + 1 /* the maker's pin */\n", "            word[s] = key\n"),
           ("        use(left, s, key);\n", "        icn_handle_pin_again(s, key);\n        use(left, s, key);\n")),
    mutant("slot_is_free_before_its_object_is_finalized", "handle", "",
           ("    };\n    slot_recycle(s)\n", "    }\n"),
           ("inline slot_finish(s)\n{\n", "inline slot_finish(s)\n{\n    slot_recycle(s);\n")),
]

ACCEPTED = "-DHOSTS=1"
TALKATIVE = "-DHOSTS=0 -DCALLBACKS=4"
BATCHES = "-DHOSTS=1 -DBATCHES=1 -DARRIVALS=1"
STOP = "-DHOSTS=1 -DSTOP=1 -DARRIVALS=1 -DCALLBACKS=0"

SESSION = [
    mutant("session_ends_with_an_operation_in_flight", "session", ACCEPTED,
           (":: operations == 0 && st == ENDING -> icn_session_finish_soon()",
            ":: st == ENDING -> icn_session_finish_soon()"),
           ("    :: operations != 0\n    :: else ->\n        icn_kick_close();",
            "    :: true ->\n        icn_kick_close();")),
    mutant("owner_reference_is_dropped_with_the_cancel", "session", ACCEPTED,
           (":: operation == IN_FLIGHT -> operation = CANCELLING",
            ":: operation == IN_FLIGHT -> operation = CANCELLING; icn_session_drop()")),
    mutant("owner_reference_is_forgotten", "session", ACCEPTED,
           ("    in_flight--;\n    icn_session_drop()\n", "    in_flight--\n")),
    mutant("close_is_not_claimed", "session", ACCEPTED,
           ("        won = (close_claim == UNCLAIMED);\n        if\n", "        won = true;\n        if\n")),
    mutant("claimed_close_is_not_kicked", "session", ACCEPTED,
           ("    :: won || aborts -> icn_session_kick()\n", "    :: won || aborts\n")),
    mutant("published_close_is_not_pursued", "session", ACCEPTED,
           ("        pursue = true;\n        update = true;\n        flush = true\n    fi;\n    looked = true\n",
            "        update = true;\n        flush = true\n    fi;\n    looked = true\n")),
    mutant("kick_takes_no_pin", "session", ACCEPTED,
           ("    :: first -> icn_handle_pin_again(); icn_kick_push()\n", "    :: first -> icn_kick_push()\n")),
    mutant("kick_of_a_session_is_not_closed", "session", ACCEPTED,
           ("        :: kick_closed ->\n            close_socket();",
            "        :: true ->\n            close_socket();")),
    mutant("kick_on_its_way_does_not_bring_the_end", "session", ACCEPTED,
           ("        kick_closed = true;\n        icn_session_finish_soon()\n", "        kick_closed = true\n")),
    mutant("handle_ends_before_the_last_event", "session", ACCEPTED,
           ("    :: else ->\n        touch();\n        assert(announced == seen_connected",
            "    :: else ->\n        icn_handle_retire();\n        touch();\n        assert(announced == seen_connected")),
    mutant("disconnected_comes_twice", "session", ACCEPTED,
           ("            deliver_end();\n            gone = true\n",
            "            deliver_end();\n            deliver_end();\n            gone = true\n")),
    mutant("disconnected_comes_without_connected", "session", STOP,
           ("    :: !announced && !CONNECT -> icn_handle_retire()\n", "    :: false\n")),
    mutant("last_event_is_lost", "session", BATCHES,
           ("        handed_over = true\n", "        handed_over = (refusals > 0)\n")),
    mutant("socket_is_closed_by_the_cut", "session", ACCEPTED,
           ("    was_cut = true;\n", "    was_cut = true;\n    descriptor = 0;\n")),
    mutant("graceful_close_has_no_deadline", "session", ACCEPTED,
           ("    set_state(FLUSHING);\n    timer = true;\n", "    set_state(FLUSHING);\n")),
    mutant("inbox_stays_open_at_the_end", "session", ACCEPTED,
           ("assert(!inbox_closed); inbox_closed = true }", "assert(!inbox_closed) }")),
    mutant("inbox_is_closed_after_the_last_look_at_it", "session", ACCEPTED,
           ("    icn_inbox_close();\n    collect();\n", "    collect();\n    icn_inbox_close();\n")),
    mutant("inbox_is_not_counted_as_unsent", "session", ACCEPTED,
           ("    icn_inbox_close();\n    collect();\n", "    icn_inbox_close();\n")),
    mutant("kick_of_the_inbox_is_cleared_after_the_look", "session", "-DHOSTS=2 -DCALLBACKS=0 -DARRIVALS=1",
           ("    inbox_pending = false;\n    collect()\n", "    collect();\n    inbox_pending = false\n")),
    mutant("first_kick_can_be_claimed_by_anybody", "session", ACCEPTED,
           ("bool pending = true; ", "bool pending; ")),
    mutant("first_push_hands_no_pin_on", "session", ACCEPTED,
           ("    atomic { known = true; pins = 1 }; /* icn_handle_create */\n", "    known = true;\n")),
    mutant("first_push_takes_a_pin_beside_the_makers", "session", ACCEPTED,
           ("inline icn_session_hand_over()\n{\n", "inline icn_session_hand_over()\n{\n    icn_handle_pin_again();\n")),
    mutant("resume_inside_a_callback_pursues_the_end_of_stream", "session", TALKATIVE,
           ("        :: ended_stream -> icn_session_kick()\n",
            "        :: ended_stream && end_seen ->\n            assert(!(in_callback && !pause_requested && st == OPEN && send == IDLE && queued > 0));"
            " /* bytes_taken */\n            icn_session_kick()\n        :: ended_stream && !end_seen -> icn_session_kick()\n")),
    mutant("resume_does_not_look_at_the_end_of_stream", "session", TALKATIVE,
           ("        :: ended_stream -> icn_session_kick()\n", "        :: ended_stream\n")),
    mutant("session_does_not_pin_its_service", "session", ACCEPTED,
           ("    atomic { known = true; pins = 1 }; /* icn_handle_create */\n"
            "    service_pins++                     /* icn_handle_pin_again(roster->service) */\n",
            "    atomic { known = true; pins = 1 }\n")),
]

DESTROY = "-DCLOSERS=0 -DSTOPPERS=0 -DDESTROYERS=1"
CLOSE = "-DCLOSERS=1 -DSTOPPERS=0 -DDESTROYERS=1"
LATE = CLOSE + " -DLATE"
STRANGER = DESTROY + " -DSTRANGERS=1 -DARRIVALS=0"
TWICE = "-DCLOSERS=0 -DSTOPPERS=0 -DARRIVALS=1"

SERVICE = [
    mutant("accept_is_not_counted_as_in_flight", "service", DESTROY,
           ("    :: accept != IDLE\n    :: else ->\n", "    :: true ->\n"),
           ("        :: accept == IN_FLIGHT -> accept = CANCELLING\n        :: accept == IDLE -> finish_soon()\n",
            "        :: accept == IN_FLIGHT -> accept = CANCELLING; finish_soon()\n        :: accept == IDLE -> finish_soon()\n")),
    mutant("accept_is_not_cancelled", "service", DESTROY,
           ("        :: accept == IN_FLIGHT -> accept = CANCELLING\n", "        :: accept == IN_FLIGHT\n")),
    mutant("accept_of_a_closing_listener_leaks_its_socket", "service", DESTROY,
           ("    :: state != OPEN -> sockets--\n", "    :: state != OPEN\n")),
    mutant("refused_session_leaks_its_hold", "service", DESTROY,
           ("        :: ok && session_live -> icn_roster_drop(); sockets--",
            "        :: ok && session_live -> sockets--")),
    mutant("listener_does_not_hold_the_service", "service", DESTROY,
           ("            descriptor = 0;\n            icn_handle_unpin();\n            icn_roster_drop()\n",
            "            descriptor = 0;\n            icn_handle_unpin()\n"),
           ("            icn_kick_push() /* with the maker's pin */\n",
            "            icn_roster_drop();\n            icn_kick_push()\n")),
    mutant("hold_rises_from_zero", "service", DESTROY,
           ("    :: seen == 0 || ok -> break\n    :: seen != 0 && !ok ->\n", "    :: ok -> break\n    :: !ok ->\n")),
    mutant("loop_is_told_twice_that_it_stops", "service", "-DCLOSERS=0 -DDESTROYERS=1 -DARRIVALS=0",
           ("    :: !told -> icn_roster_drop()\n", "    :: true -> icn_roster_drop()\n"),
           ("    first = (service_state < STOPPING);\n", "    first = true;\n")),
    mutant("listener_is_closed_twice", "service", CLOSE,
           ("    atomic { touch_listener(); first = !close_claimed; close_claimed = true };\n",
            "    first = !close_claimed;\n    close_claimed = true;\n")),
    mutant("closed_listener_is_not_kicked", "service", LATE,
           ("    :: first -> kick(); icn_handle_retire()\n", "    :: first -> icn_handle_retire()\n")),
    mutant("listener_can_be_closed_before_its_maker_has_pinned_it", "service", CLOSE,
           ("            atomic { known = true; pins = 1 }; /* icn_handle_create */\n", "            known = true;\n"),
           ("            icn_kick_push() /* with the maker's pin */\n",
            "            icn_handle_pin_again();\n            icn_kick_push()\n")),
    mutant("service_can_be_destroyed_before_it_is_made", "service", DESTROY,
           ("byte service_pins = 1; ", "byte service_pins; "),
           ("    touch(); /* log_created, *handle */\n    service_unpin()\n", "    touch()\n")),
    mutant("listener_has_no_pin_of_its_own", "service", CLOSE,
           ("            icn_handle_pin_again(); /* the loop's own, until it has finished */\n", ""),
           ("            descriptor = 0;\n            icn_handle_unpin();\n", "            descriptor = 0;\n")),
    mutant("back_off_goes_on_after_the_end", "service", DESTROY,
           ("        set_state(ENDING);\n        retry = false;\n", "        set_state(ENDING);\n"),
           ("    retry = false;\n    if\n    :: state == OPEN -> start_accept()\n",
            "    retry = false;\n    if\n    :: true -> start_accept()\n")),
    mutant("destroy_does_not_wait_for_pins", "service", DESTROY,
           ("inline wait_finalized()\n{\n    finalized && !destroy_mutex\n", "inline wait_finalized()\n{\n    true\n")),
    mutant("destroy_does_not_join", "service", DESTROY, ("    leaving = true;\n    joined;\n",
    "    leaving = true;\n")),
    mutant("destroy_is_not_claimed", "service", TWICE,
           ("    atomic { !destroy_mutex -> touch(); first = !destroying; destroying = true }\n", "    first = true\n")),
    mutant("destroy_does_not_wait_until_stopped", "service", DESTROY,
           ("    icn_service_begin_stop();\n    icn_service_wait_stopped();\n    icn_dispatcher_join()\n",
            "    icn_service_begin_stop();\n    icn_dispatcher_join()\n")),
    mutant("callback_waits_for_another_destroy", "service", DESTROY,
           ("    :: !first || !ok -> service_unpin()\n",
            "    :: !first && ok -> service_unpin(); returned > 0\n    :: !ok -> service_unpin()\n")),
    mutant("claim_of_a_destroy_that_can_not_be_begun_is_seen", "service", DESTROY,
           ("    atomic { !destroy_mutex -> destroy_mutex = true; touch();", "    atomic { touch();")),
    mutant("destroy_that_can_not_be_begun_stays_claimed", "service", DESTROY,
           ("    :: first -> ok = false; destroying = false ", "    :: first -> ok = false ")),
    mutant("promise_is_made_without_the_mutex", "service", STRANGER,
           ("    if\n    :: ok -> atomic { touch(); destroyed_due = true }\n",
            "    destroy_mutex = false;\n    if\n    :: ok -> atomic { touch(); destroyed_due = true }\n"),
           ("    destroy_mutex = false;\n    if\n    :: ok -> promises++\n", "    if\n    :: ok -> promises++\n")),
    mutant("finalized_is_looked_at_without_the_mutex", "service", STRANGER,
           ("    finalized && !destroy_mutex\n", "    finalized\n")),
    mutant("promise_of_a_destroyed_event_is_read_too_early", "service", DESTROY,
           ("    quiesce();\n    end_handle();\n    promised = destroyed_due;\n",
            "    promised = destroyed_due;\n    quiesce();\n    end_handle();\n")),
    mutant("news_that_it_stopped_come_after_the_state", "service", DESTROY,
           ("    service_state = STOPPED;\n", "    service_state = STOPPED;\n    icn_mutex_unlock();\n"),
           ("    :: first -> stopped_kicked = true\n    :: else\n    fi;\n    icn_mutex_unlock()\n",
            "    :: first -> stopped_kicked = true\n    :: else\n    fi\n")),
    mutant("thread_ends_without_a_last_turn", "service", DESTROY,
           ("    :: final && !has_work -> break\n", "    :: final -> break\n")),
]

MUTANTS = KICK + HANDLE + SESSION + SERVICE
