/* The header of the PROXY protocol that a peer sends in front of its bytes, as a proxy does. */
#pragma once

#include <cstdint>
#include <string>

namespace sim_test
{

struct PeerHeader {
    std::string bytes;    /* empty: none */
    uint32_t written = 0; /* of them */
    bool good = false;    /* its listener lets it in */
    std::string remote;   /* good: the address that its session has */
};

/* Drawn, for the connection from a port to a listener that wants one: good ones, bad ones, or none at all. */
PeerHeader draw_header(uint16_t client_port, bool trusted);

} // namespace sim_test
