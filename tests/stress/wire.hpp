/* A raw socket that never blocks, with which a peer of the library does as it likes. One thread at a time. */
#pragma once

#include <cstdint>
#include <string>

namespace stress
{

class Wire
{
public:
    enum class Result {
        ok,
        again, /* nothing now */
        end,   /* the other end has finished its stream */
        broken /* reset, or another error */
    };

    /* How much the system takes at once: what it likes, or segments and buffers so small that sends of both ends are cut. */
    enum class Width {
        wide,
        narrow
    };

    /* On a free port of 127.0.0.1. Connections inherit the width. */
    static Wire listen(int backlog, Width width = Width::wide);
    /* Connects to "127.0.0.1:7000", from `source`, an address of 127.0.0.0/8, unless it is empty. Not open on failure. */
    static Wire connect(const std::string &address, const std::string &source = "", Width width = Width::wide);

    /* There a reset looks like an end of the stream, after a poll; and its server can not do with a process that is killed
     * inside a call of a socket. */
    static bool is_on_wine();

    Wire() = default;
    Wire(Wire &&other) noexcept;
    Wire &operator=(Wire &&other) noexcept;
    Wire(const Wire &) = delete;
    Wire &operator=(const Wire &) = delete;
    ~Wire() { close(); }

    bool is_open() const { return handle_ != none; }
    Wire accept(int wait_ms);
    /* Text of the addresses, "127.0.0.1:40000"; empty when the connection is gone. */
    std::string local_address() const;
    std::string remote_address() const;

    Result send(const char *data, size_t size, size_t *sent);
    Result receive(char *data, size_t capacity, size_t *received);
    bool wait(bool readable, bool writable, int wait_ms) const;
    void shutdown_send();
    void close();
    void reset();

private:
#if defined(_WIN32)
    using Handle = uintptr_t;
#else
    using Handle = int;
#endif
    static constexpr Handle none = static_cast<Handle>(-1);

    explicit Wire(Handle handle) : handle_(handle)
    {
    }
    static Wire make(Width width);

    Handle handle_ = none;
};

} // namespace stress
