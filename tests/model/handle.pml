/*
 * impl/util/handle.c: slots, generations, pins, retiring, finalizing, re-use; the word changes by compare-and-exchange.
 * A maker that creates, and drops its pin or hands it on; users that try any handle at all, also one that is just being
 * made, and may end what they find.
 */
#ifndef USERS
#define USERS 2
#endif
#ifndef LIVES
#define LIVES 3
#endif
#ifndef TRIES
#define TRIES 1
#endif
#define SLOTS 2
#define GENERATION_LAST 2 /* UINT32_MAX: a slot that had it is given up */
#define NONE 255

/* word: kind (1), generation (3), retired (1), pins (3) */
#define PINS_MASK 7
#define RETIRED 8
#define GENERATION_SHIFT 4
#define KIND_SHIFT 7
#define KEY_MASK 240
#define generation_of(word) ((word >> GENERATION_SHIFT) & 7)
#define kind_of(word) (word >> KIND_SHIFT)
#define key_of(kind, generation) ((kind << KIND_SHIFT) | (generation << GENERATION_SHIFT))

byte word[SLOTS];
byte object[SLOTS];        /* the slot's object; objects are numbered and never used twice */
byte free_slots[SLOTS];    /* the free list */
byte free_count;

/* Ghosts, by number of the object. */
byte alive_key[LIVES];     /* the handle it was made with */
byte alive_slot[LIVES];
bool alive[LIVES];
bool claimed[LIVES];      /* the object's own: whoever claims its end retires the handle */
byte finalized[LIVES];
byte made[SLOTS];          /* the generations that were handed out: none is made twice */
byte passed = NONE;        /* the maker's pin, handed to the loop: the slot */
byte passed_key;
bool maker_done;

/* When all are done: every object that was made was finalized once, and each slot is free or given up. */
active proctype judge()
{
    byte i;
    atomic {
        (_nr_pr == 1);
        do
        :: i < LIVES -> assert(!alive[i] && finalized[i] == (alive_key[i] != 0)); i++
        :: else -> break
        od;
        assert(word[0] & RETIRED);
        assert(word[1] & RETIRED);
        assert((word[0] & PINS_MASK) == 0);
        assert((word[1] & PINS_MASK) == 0)
    }
}

inline slot_take(s)
{
    atomic {
        s = NONE;
        if
        :: free_count > 0 ->
            s = free_slots[0];
            free_slots[0] = free_slots[1];
            free_count--
        :: else
        fi
    }
}

inline slot_recycle(s)
{
    d_step {
        g = generation_of(word[s]);
        if
        :: g < GENERATION_LAST -> word[s] = ((g + 1) << GENERATION_SHIFT) | RETIRED
        :: else -> word[s] = (g << GENERATION_SHIFT) | RETIRED
        fi
    };
    if
    :: g != GENERATION_LAST ->
        atomic {
            assert(free_count < SLOTS);
            free_slots[free_count] = s;
            free_count++
        }
    :: else
    fi
}

inline slot_finish(s)
{
    atomic {
        assert(alive[object[s]]);
        alive[object[s]] = false;
        finalized[object[s]]++
    };
    slot_recycle(s)
}

inline icn_handle_create(kind, number, s, key)
{
    slot_take(s);
    if
    :: s != NONE ->
        d_step { object[s] = number; key = key_of(kind, generation_of(word[s])) };
        d_step {
            assert(!(made[s] & (1 << generation_of(word[s]))));
            made[s] = made[s] | (1 << generation_of(word[s]));
            alive[number] = true;
            alive_key[number] = key;
            alive_slot[number] = s;
            word[s] = key + 1 /* the maker's pin */
        }
    :: else
    fi
}

/* `got` is the number of the object. */
inline icn_handle_pin(s, key, got)
{
    d_step { got = NONE; seen = word[s] };
    do
    :: (seen & (255 - PINS_MASK)) != key -> break
    :: else ->
        atomic {
            if
            :: word[s] == seen -> word[s] = seen + 1; got = 0
            :: else -> seen = word[s]
            fi
        };
        if
        :: got == 0 -> got = object[s]; break
        :: else
        fi
    od
}

inline icn_handle_pin_again(s, key)
{
    atomic {
        assert((word[s] & KEY_MASK) == key);
        assert((word[s] & (RETIRED | PINS_MASK)) != RETIRED);
        word[s] = word[s] + 1
    }
}

inline icn_handle_unpin(s, key)
{
    d_step {
        seen = word[s];
        assert((seen & KEY_MASK) == key);
        assert((seen & PINS_MASK) != 0);
        word[s] = seen - 1
    };
    if
    :: (seen & (RETIRED | PINS_MASK)) == (RETIRED | 1) -> slot_finish(s)
    :: else
    fi
}

inline icn_handle_retire(s, key)
{
    d_step { seen = word[s]; replaced = false };
    do
    :: !replaced ->
        assert((seen & (255 - PINS_MASK)) == key);
        atomic {
            if
            :: word[s] == seen -> word[s] = seen | RETIRED; replaced = true
            :: else -> seen = word[s]
            fi
        }
    :: else -> break
    od;
    if
    :: (seen & PINS_MASK) == 0 -> slot_finish(s)
    :: else
    fi
}

/* Whoever has a pin reads the object: it is the one that the handle was made for, and not freed. */
inline use(number, s, key)
{
    assert(number < LIVES && alive[number] && alive_key[number] == key && alive_slot[number] == s)
}

/* Whoever ends an object has to have a pin, or to be sure that the handle is not retired. */
inline claim(number)
{
    atomic { assert(alive[number]); first = !claimed[number]; claimed[number] = true }
}

active proctype maker()
{
    byte left = LIVES;
    byte s, key, seen, g;
    bool replaced, first;
    d_step {
        word[0] = (1 << GENERATION_SHIFT) | RETIRED;
        word[1] = (1 << GENERATION_SHIFT) | RETIRED;
        free_slots[0] = 0;
        free_slots[1] = 1;
        free_count = 2
    };
    do
    :: left > 0 ->
        left--;
        icn_handle_create((left & 1), left, s, key);
        if
        :: s == NONE -> break
        :: else
        fi;
        use(left, s, key);
        if
        :: atomic { passed == NONE -> passed = s; passed_key = key }
        :: true ->
            claim(left);
            icn_handle_unpin(s, key);
            if
            :: first -> icn_handle_retire(s, key)
            :: else
            fi
        fi;
        d_step { s = 0; key = 0; seen = 0; g = 0; replaced = false; first = false }
    :: left == 0 -> break
    od;
    maker_done = true
}

/* Has the pin that was handed to it, and ends the object. */
active proctype loop()
{
    byte s, key, seen, g;
    bool replaced, first;
    do
    :: atomic { passed != NONE -> s = passed; key = passed_key; passed = NONE };
        use(object[s], s, key);
        claim(object[s]);
        if
        :: first -> icn_handle_retire(s, key)
        :: else
        fi;
        icn_handle_unpin(s, key);
        d_step { s = 0; key = 0; seen = 0; g = 0; replaced = false; first = false }
    :: atomic { maker_done && passed == NONE -> break }
    od
}

active [USERS] proctype user()
{
    byte tries = TRIES;
    byte s, key, seen, g, got;
    bool replaced, first;
    do
    :: tries > 0 ->
        atomic {
            tries--;
            if
            :: s = 0
            :: s = 1
            fi;
            if
            :: key = key_of(0, 1)
            :: key = key_of(1, 1)
            :: key = key_of(0, 2)
            fi
        };
        icn_handle_pin(s, key, got);
        if
        :: got != NONE ->
            use(got, s, key);
            if
            :: icn_handle_pin_again(s, key);
                use(got, s, key);
                icn_handle_unpin(s, key)
            :: claim(got);
                if
                :: first -> icn_handle_retire(s, key)
                :: else
                fi
            :: true
            fi;
            use(got, s, key);
            icn_handle_unpin(s, key)
        :: else
        fi;
        d_step { s = 0; key = 0; seen = 0; g = 0; got = 0; replaced = false; first = false }
    :: tries == 0 -> break
    od
}
