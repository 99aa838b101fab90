/* The far ends: scripted peers that connect to the library's listeners, or are connected to. Actors of the world. */
#pragma once

#include <cstdint>
#include <vector>

#include "ledger.hpp"
#include "peer_header.hpp"

extern "C" {
#include "os/sim/network.h"
}

namespace sim_test
{

/* How a peer ends its side, once it has sent what it had to. */
enum class Ending {
    fin,        /* ends its stream, reads to the end, then closes */
    close,      /* closes at once */
    wait,       /* waits for the library to end */
    reset,      /* RST */
    half_close, /* ends its stream, and never reads again */
    network     /* the network gives the connection up */
};

/* One connection of a peer. */
struct Peer {
    uint32_t index = none;
    icn_sim_end *end = nullptr; /* NULL once it was given back */
    uint16_t client_port = 0;
    uint64_t begun_ms = 0;
    uint32_t session = none;  /* once it is known */
    bool asked = false;       /* the accept filter was, about it */
    bool turned_away = false; /* what it answered */
    uint32_t stream = none;
    Decoder received;
    PeerHeader header; /* goes before its messages */

    uint32_t messages = 0;      /* left to send */
    uint32_t message_bytes = 0; /* most of one */
    uint32_t cut_after = 0;     /* ends after so many bytes, in the middle of a message; 0: not */
    uint32_t chunk = 0;         /* most bytes of one read or write */
    uint32_t pace_ms = 0;       /* between two of them */
    bool reads = true;
    Ending ending = Ending::fin;
    int32_t error = 0;
    uint64_t patience_ms = 0; /* resets when it is over */

    uint32_t number = 0; /* the message that is being sent */
    uint32_t size = 0;
    uint32_t offset = 0;
    uint64_t written = 0;
    uint64_t lines_written = 0;     /* of them, up to the end of the last line */
    uint64_t next_ms = 0;           /* not before */
    uint64_t ended_ms = UINT64_MAX; /* when it ended its side */

    bool output_done = false;
    bool fin_sent = false;
    bool closed = false; /* by itself, before the library's end was seen */
    bool unread = false; /* bytes, when it closed: its stream did not end in order */
    bool reset = false;  /* by itself */
    bool eof_seen = false;
    bool broken_seen = false;
};

/* Connects again and again. */
struct Connector {
    uint32_t left = 0;
    uint32_t peer = none;
    uint64_t next_ms = 0;
};

class Peers
{
public:
    void begin(uint32_t connectors, uint32_t connections, uint32_t nasty);

    /* ---- icn_sim_world ---- */
    uint32_t ready();
    void act(uint32_t which);
    uint64_t next_ms();

    /* No new connections from here on. */
    void retire();
    /* Nobody has a connection or will make one. */
    bool are_done() const;
    /* Closes what is left. */
    void close_all();

    uint32_t count() const { return used_; }
    Peer &at(uint32_t index) { return peers_[index]; }
    /* The peer that connected from this port; NULL: none. */
    Peer *from_port(uint16_t client_port);

private:
    enum class Task {
        connect,
        decide,
        read,
        write,
        end,
        give_up
    };
    struct Ready {
        Task task;
        uint32_t which;
    };

    Peer &add(icn_sim_end *end);
    void find_tasks(Peer &peer, uint64_t now);
    uint64_t wakes_at(Peer &peer) const;
    void connect(Connector &connector);
    void decide();
    void read(Peer &peer);
    void write(Peer &peer);
    void begin_message(Peer &peer);
    void write_header(Peer &peer);
    void end_output(Peer &peer);
    void give_back(Peer &peer);
    void draw_plan(Peer &peer);
    void draw_nasty_plan(Peer &peer);

    std::vector<Peer> peers_;
    uint32_t used_ = 0;
    std::vector<uint32_t> open_;
    std::vector<Connector> connectors_;
    std::vector<Ready> ready_;
    uint32_t nasty_ = 0;
    uint64_t decide_ms_ = 0; /* connects of the library are decided from then on */
};

} // namespace sim_test
