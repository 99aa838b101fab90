/* Clients and a server in one thread, so that what the server finds ready is always the same. */
#pragma once

#include <memory>

#include "cost/measure.hpp"
#include "cost/server.hpp"

namespace cost
{

/* Each client sends a message, all are ready in one turn, and each comes back `copies` times. Units: messages. */
std::unique_ptr<Work> make_echo(Meter &meter, std::unique_ptr<Server> server, uint32_t clients, uint32_t copies);

/* What of an update is counted. */
enum class Side {
    sender, /* the calls of send */
    server  /* the turn that follows */
};

/* Who sends, as the library sees it. */
enum class Sender {
    driver,  /* the thread that drives the dispatcher, between two turns */
    stranger /* a thread that does not drive it */
};

/* A message for each client, sent outside of a turn. Units: messages. */
std::unique_ptr<Work> make_update(Meter &meter, std::unique_ptr<LibraryServer> server, uint32_t clients, Sender sender,
                                  Side side);

/* iocpnet_session_get_user of each session, outside of a turn. Units: calls. */
std::unique_ptr<Work> make_look_up(Meter &meter, std::unique_ptr<LibraryServer> server, uint32_t clients);

} // namespace cost
