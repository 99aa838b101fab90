/* What messages cost. measure.py runs it under callgrind and strace. */
#include <cstdio>

#include "cost/measure.hpp"
#include "cost/server.hpp"
#include "cost/talk.hpp"
#include "iocpnet.h"

namespace cost
{

namespace
{

constexpr uint32_t copies = 16; /* sends in one callback */

template <typename Make, typename... Arguments>
Case echo(const std::string &name, uint32_t clients, uint32_t copies_each, Make make, Arguments... arguments)
{
    return {name, [=](Meter &meter) { return make_echo(meter, make(arguments...), clients, copies_each); }};
}

Case update(const std::string &name, uint32_t clients, uint32_t port, Sender sender, Side side)
{
    return {name, [=](Meter &meter) { return make_update(meter, make_callbacks(port, 1), clients, sender, side); }};
}

void add_port(std::vector<Case> &cases, const std::string &port_name, uint32_t port)
{
    for (const uint32_t clients : {100U, 1U}) {
        const std::string suffix = port_name + "-" + std::to_string(clients);
        cases.push_back(echo("callbacks-" + suffix, clients, 1, make_callbacks, port, 1U));
        cases.push_back(echo("batches-" + suffix, clients, 1, make_batches, port));
        cases.push_back(echo("framed-callbacks-" + suffix, clients, 1, make_framed, port));
        cases.push_back(echo("framed-batches-" + suffix, clients, 1, make_framed_batches, port));
        cases.push_back(echo("sends-" + suffix, clients, copies, make_callbacks, port, copies));
        cases.push_back(update("update-sender-" + suffix, clients, port, Sender::driver, Side::sender));
        cases.push_back(update("update-server-" + suffix, clients, port, Sender::driver, Side::server));
    }
}

/* They make threads. Once a process had a second one, the C library's calls take more instructions: so these come last. */
void add_strangers(std::vector<Case> &cases, const std::string &port_name, uint32_t port)
{
    for (const uint32_t clients : {100U, 1U}) {
        const std::string suffix = port_name + "-" + std::to_string(clients);
        cases.push_back(update("foreign-sender-" + suffix, clients, port, Sender::stranger, Side::sender));
        cases.push_back(update("foreign-server-" + suffix, clients, port, Sender::stranger, Side::server));
    }
}

template <typename Add>
void add_uring_if_possible(std::vector<Case> &cases, Add add)
{
    const size_t before = cases.size();
    add(cases, "uring", IOCPNET_PORT_IO_URING);
    for (size_t i = before; i < cases.size(); ++i) {
        cases[i].is_possible = [] { return has_port(IOCPNET_PORT_IO_URING); };
    }
}

std::vector<Case> all_cases()
{
    const auto look_up = [](Meter &meter) { return make_look_up(meter, make_callbacks(IOCPNET_PORT_EPOLL, 1), 100); };
    std::vector<Case> cases = {echo("hand-epoll-100", 100, 1, make_reference),
                               echo("hand-epoll-1", 1, 1, make_reference),
                               {"look-up", look_up}};
    add_port(cases, "epoll", IOCPNET_PORT_EPOLL);
    add_uring_if_possible(cases, add_port);
    add_strangers(cases, "epoll", IOCPNET_PORT_EPOLL);
    add_uring_if_possible(cases, add_strangers);
    return cases;
}

} // namespace

} // namespace cost

int main(int argument_count, char **arguments)
{
    return cost::measure(cost::all_cases(), argument_count, arguments);
}
