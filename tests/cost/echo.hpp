/* Echoes, measured: clients and the server in one thread, so that what the server finds ready is always the same. */
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "cost/meter.hpp"
#include "cost/server.hpp"

namespace cost
{

struct Echo {
    std::string name;
    std::function<std::unique_ptr<Server>()> make;
    uint32_t connections; /* all of them ready in each turn */
    uint32_t copies;      /* that come back of each message */
};

/* Warms up, then reports the blocks NAME/short and NAME/long, which differ in their rounds alone. */
void measure(const Echo &echo, Meter &meter);

} // namespace cost
