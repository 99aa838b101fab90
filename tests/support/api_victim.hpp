/* A client process that is there to be killed. */
#pragma once

#include <string>

#include "support/api_process.hpp"

namespace api_test
{

/*
 * Connects to an address, sends five bytes and then does nothing. It is killed while no thread of it is inside a call of a
 * socket: wine's server keeps the connection of a process that is killed there.
 */
class Victim
{
public:
    explicit Victim(const std::string &address);
    ~Victim();
    Victim(const Victim &) = delete;
    Victim &operator=(const Victim &) = delete;

    /* Waits until it has sent its bytes and sits idle, then ends it without a word to anybody. */
    void kill();

private:
    std::string idle_file_; /* made by the process once it is idle */
    Process process_;
};

} // namespace api_test
