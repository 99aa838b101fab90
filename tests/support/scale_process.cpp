#include "support/scale_process.hpp"

#if defined(_WIN32)
#include <windows.h>
#include <psapi.h>
#else
#include <filesystem>
#include <fstream>
#include <malloc.h>
#include <string>
#endif

namespace scale_test
{

#if defined(_WIN32)

Holdings holdings()
{
    DWORD handles = 0;
    PROCESS_MEMORY_COUNTERS memory = {};
    GetProcessHandleCount(GetCurrentProcess(), &handles);
    K32GetProcessMemoryInfo(GetCurrentProcess(), &memory, sizeof memory);
    return {handles, 0, 0, memory.WorkingSetSize};
}

#else

namespace
{

uint64_t entries(const char *folder)
{
    const std::filesystem::directory_iterator begin(folder);
    return static_cast<uint64_t>(std::distance(begin, std::filesystem::directory_iterator()));
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

} // namespace

Holdings holdings()
{
    /* Large blocks are mapped, and counted apart. */
    const struct mallinfo2 heap = mallinfo2();
    return {entries("/proc/self/fd"), entries("/proc/self/task"), heap.uordblks + heap.hblkhd, resident_bytes()};
}

#endif

} // namespace scale_test
