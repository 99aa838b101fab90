#include "load/server.hpp"

#include <fstream>
#include <string>

#include "load/clock.hpp"
#include "load/failure.hpp"

namespace bench
{

Server::Server(int pid) : pid_(pid)
{
    if (clock_getcpuclockid(pid, &clock_) != 0) {
        throw Failure("no process " + std::to_string(pid));
    }
}

uint64_t Server::cpu_ns() const
{
    return read_clock(clock_);
}

uint64_t Server::resident_kb() const
{
    std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
    for (std::string word; status >> word;) {
        uint64_t value = 0;
        if (word == "VmRSS:" && status >> value) {
            return value;
        }
    }
    throw Failure("the server's memory can not be read");
}

} // namespace bench
