/* Runs what is to be counted. See measure.py, which runs this under callgrind and strace. */
#include <cstdio>
#include <cstring>
#include <unistd.h>
#include <vector>

#include "cost/echo.hpp"
#include "iocpnet.h"

namespace cost
{

namespace
{

void add_library(std::vector<Echo> &echoes, const std::string &port_name, uint32_t port)
{
    for (const uint32_t connections : {1U, 100U}) {
        const std::string suffix = port_name + "-" + std::to_string(connections);
        echoes.push_back({"callbacks-" + suffix, [port] { return make_callbacks(port, 1); }, connections, 1});
        echoes.push_back({"batches-" + suffix, [port] { return make_batches(port); }, connections, 1});
        echoes.push_back({"sends-" + suffix, [port] { return make_callbacks(port, 16); }, connections, 16});
    }
}

std::vector<Echo> all_echoes()
{
    std::vector<Echo> echoes;
    echoes.push_back({"hand-epoll-1", make_reference, 1, 1});
    echoes.push_back({"hand-epoll-100", make_reference, 100, 1});
    add_library(echoes, "epoll", IOCPNET_PORT_EPOLL);
    add_library(echoes, "uring", IOCPNET_PORT_IO_URING);
    return echoes;
}

/* What begin and end of a window cost themselves. */
void measure_windows(Meter &meter)
{
    for (const uint64_t count : {100U, 300U}) {
        for (uint64_t i = 0; i < count; ++i) {
            meter.begin();
            meter.end();
        }
        meter.report(count == 100 ? "window/short" : "window/long");
    }
}

int run(bool marks, const std::string &wanted)
{
    Meter meter(marks);
    measure_windows(meter);
    for (const Echo &echo : all_echoes()) {
        if (echo.name.find(wanted) != std::string::npos) {
            measure(echo, meter);
        }
    }
    return 0;
}

} // namespace

} // namespace cost

/* Arguments: [--marks] [PART-OF-A-NAME]. */
int main(int count, char **arguments)
{
    alarm(120);
    const bool marks = count > 1 && std::strcmp(arguments[1], "--marks") == 0;
    const int first = marks ? 2 : 1;
    return cost::run(marks, count > first ? arguments[first] : "");
}
