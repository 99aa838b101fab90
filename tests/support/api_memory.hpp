/* Memory that ends at a page that may not be touched: one byte too far, read or written, ends the process. */
#pragma once

#include <cstddef>
#include <cstring>

#if defined(_WIN32)
#include <winsock2.h>
#include <windows.h>
#else
#include <sys/mman.h>
#endif

namespace api_test
{

class GuardedMemory
{
public:
    explicit GuardedMemory(size_t size) : size_((size / page + 1) * page)
    {
#if defined(_WIN32)
        DWORD before = 0;
        begin_ = static_cast<char *>(VirtualAlloc(nullptr, size_ + page, MEM_COMMIT | MEM_RESERVE, PAGE_READWRITE));
        VirtualProtect(begin_ + size_, page, PAGE_NOACCESS, &before);
#else
        begin_ = static_cast<char *>(
            mmap(nullptr, size_ + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mprotect(begin_ + size_, page, PROT_NONE);
#endif
    }
    GuardedMemory(const GuardedMemory &) = delete;
    GuardedMemory &operator=(const GuardedMemory &) = delete;
    ~GuardedMemory()
    {
#if defined(_WIN32)
        VirtualFree(begin_, 0, MEM_RELEASE);
#else
        munmap(begin_, size_ + page);
#endif
    }

    /* The last `size` bytes. */
    void *at_end(size_t size)
    {
        return begin_ + size_ - size;
    }
    /* The last `size` bytes, filled from `source`. */
    void *copy_at_end(const void *source, size_t size)
    {
        return std::memcpy(at_end(size), source, size);
    }

private:
    static constexpr size_t page = 4096;

    size_t size_;
    char *begin_;
};

} // namespace api_test
