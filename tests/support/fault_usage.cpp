#include "support/fault_usage.hpp"

#include <cstdlib>

#if defined(_WIN32)
#include <winsock2.h>
#include <windows.h>
#else
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/resource.h>
#endif

namespace fault_test
{

#if defined(_WIN32)

double cpu_seconds()
{
    FILETIME created, ended;
    ULARGE_INTEGER kernel, user;
    FILETIME times[2] = {};
    GetProcessTimes(GetCurrentProcess(), &created, &ended, &times[0], &times[1]);
    kernel.LowPart = times[0].dwLowDateTime;
    kernel.HighPart = times[0].dwHighDateTime;
    user.LowPart = times[1].dwLowDateTime;
    user.HighPart = times[1].dwHighDateTime;
    return static_cast<double>(kernel.QuadPart + user.QuadPart) / 1e7;
}

uint64_t open_descriptors()
{
    DWORD handles = 0;
    GetProcessHandleCount(GetCurrentProcess(), &handles);
    return handles;
}

uint64_t resident_bytes()
{
    return 0;
}

#else

double cpu_seconds()
{
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

uint64_t open_descriptors()
{
    uint64_t count = 0;
    for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        count += entry.path().empty() ? 0 : 1;
    }
    return count;
}

uint64_t resident_bytes()
{
    std::ifstream status("/proc/self/status");
    std::string word;
    uint64_t kilobytes = 0;
    while (status >> word) {
        if (word == "VmRSS:") {
            status >> kilobytes;
        }
    }
    return kilobytes * 1024;
}

#endif

uint32_t from_environment(const char *name, uint32_t otherwise)
{
    const char *text = std::getenv(name);
    return text != nullptr ? static_cast<uint32_t>(std::strtoul(text, nullptr, 10)) : otherwise;
}

} // namespace fault_test
