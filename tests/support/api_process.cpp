#include "support/api_process.hpp"

#include <cstdlib>
#include <utility>

#if defined(_WIN32)
#include <winsock2.h>
#include <windows.h>
#else
#include <cerrno>
#include <csignal>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace api_test
{

#if defined(_WIN32)

Process Process::start_role(const std::string &line)
{
    Process process;
    char path[MAX_PATH] = "";
    STARTUPINFOA startup = {};
    PROCESS_INFORMATION started = {};
    startup.cb = sizeof startup;
    GetModuleFileNameA(nullptr, path, sizeof path);
    SetEnvironmentVariableA("ICN_TEST_ROLE", line.c_str());
    if (CreateProcessA(path, nullptr, nullptr, nullptr, FALSE, 0, nullptr, nullptr, &startup, &started)) {
        CloseHandle(started.hThread);
        process.handle_ = reinterpret_cast<uintptr_t>(started.hProcess);
    }
    SetEnvironmentVariableA("ICN_TEST_ROLE", nullptr);
    return process;
}

void Process::kill()
{
    if (is_running()) {
        TerminateProcess(reinterpret_cast<HANDLE>(handle_), 77);
        wait();
    }
}

int Process::wait()
{
    DWORD code = 0;
    const HANDLE process = reinterpret_cast<HANDLE>(std::exchange(handle_, 0));
    WaitForSingleObject(process, INFINITE);
    GetExitCodeProcess(process, &code);
    CloseHandle(process);
    return code == 77 ? -1 : static_cast<int>(code);
}

uint64_t raise_descriptor_limit()
{
    return UINT64_MAX;
}

#else

namespace
{

pid_t spawn(const char *path, std::vector<std::string> command, const std::string &setting)
{
    std::vector<char *> arguments;
    std::vector<char *> variables;
    std::string role = setting;
    for (std::string &word : command) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    for (char **variable = environ; *variable != nullptr; variable++) {
        variables.push_back(*variable);
    }
    variables.push_back(role.data());
    variables.push_back(nullptr);
    pid_t child = 0;
    return posix_spawnp(&child, path, nullptr, nullptr, arguments.data(), variables.data()) == 0 ? child : 0;
}

} // namespace

Process Process::start_role(const std::string &line)
{
    Process process;
    process.handle_ = static_cast<uintptr_t>(spawn("/proc/self/exe", {"role"}, "ICN_TEST_ROLE=" + line));
    return process;
}

Process Process::start(const std::vector<std::string> &command)
{
    Process process;
    process.handle_ = static_cast<uintptr_t>(spawn(command[0].c_str(), command, "ICN_TEST_CHILD=1"));
    return process;
}

void Process::kill()
{
    if (is_running()) {
        ::kill(static_cast<pid_t>(handle_), SIGKILL);
        wait();
    }
}

int Process::wait()
{
    int status = 0;
    const auto child = static_cast<pid_t>(std::exchange(handle_, 0));
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

uint64_t raise_descriptor_limit()
{
    rlimit limit = {};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

bool has_program(const std::string &name)
{
    return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

#endif

Process::Process(Process &&other) noexcept : handle_(std::exchange(other.handle_, 0))
{
}

Process &Process::operator=(Process &&other) noexcept
{
    if (this != &other) {
        kill();
        handle_ = std::exchange(other.handle_, 0);
    }
    return *this;
}

Process::~Process()
{
    kill();
}

} // namespace api_test
