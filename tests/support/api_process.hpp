/* Other processes: the test binary in one of its roles, or (on Linux) any program. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace api_test
{

class Process
{
public:
    /* Runs this binary in a role, "name argument argument". */
    static Process start_role(const std::string &line);
    /* Runs a program found in PATH. Linux only. */
    static Process start(const std::vector<std::string> &command);

    Process() = default;
    Process(Process &&other) noexcept;
    Process &operator=(Process &&other) noexcept;
    Process(const Process &) = delete;
    Process &operator=(const Process &) = delete;
    /* Kills what still runs. */
    ~Process();

    bool is_running() const { return handle_ != 0; }
    /* Ends it at once, without a word to anybody: SIGKILL, TerminateProcess. */
    void kill();
    /* Waits for its end; the exit code, -1 when it was killed. */
    int wait();

private:
    uintptr_t handle_ = 0; /* process id, or HANDLE */
};

/* As many file descriptors as the system allows this process; the number. */
uint64_t raise_descriptor_limit();

/* True when a program is in PATH. Linux only. */
bool has_program(const std::string &name);

} // namespace api_test
