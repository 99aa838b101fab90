/* Raw peers: plain blocking sockets of the system, with which a test plays the other end. */
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace api_test
{

class Socket
{
public:
    enum class End {
        closed,
        reset,
        none
    };

    /* Listens on a free port. `backlog`: connections that wait to be accepted. */
    static Socket listen(const char *host = "127.0.0.1", int backlog = 128);
    /* Connects to "127.0.0.1:7000" or "[::1]:7000". `receive_buffer`: bytes, 0 for the system's choice. */
    static Socket connect(const std::string &address, int receive_buffer = 0);
    /* From an address of this machine, "127.0.0.2". */
    static Socket connect_from(const std::string &local, const std::string &address);
    /* As connect, but returns before it has succeeded. */
    static Socket connect_later(const std::string &address);

    Socket() = default;
    Socket(Socket &&other) noexcept;
    Socket &operator=(Socket &&other) noexcept;
    Socket(const Socket &) = delete;
    Socket &operator=(const Socket &) = delete;
    ~Socket();

    bool is_open() const { return handle_ != none; }
    /* Waits for a connection. Not open when none came in time. */
    Socket accept();
    /* Text of the own address, "127.0.0.1:40000". */
    std::string address() const;
    std::string peer_address() const;

    /* Sends everything; false on an error. */
    bool send(std::string_view bytes);
    /* Sends what the system takes at once; 0 when it takes nothing. */
    size_t send_some(std::string_view bytes);
    bool writable_within(int milliseconds);
    bool readable_within(int milliseconds);

    /* `size` bytes, fewer when the stream ends before. */
    std::string receive(size_t size);
    /* Everything up to the end of the stream; end() says how it ended. */
    std::string receive_all();
    /* At most `size` bytes of what is there; waits for the first. */
    std::string receive_some(size_t size);
    End end() const { return end_; }

    void shutdown_send();
    void close();
    /* Closes with a reset. */
    void reset();
    bool send_urgent(char byte);
    void set_send_buffer(int bytes);

private:
#if defined(_WIN32)
    using Handle = uintptr_t;
#else
    using Handle = int;
#endif
    static constexpr Handle none = static_cast<Handle>(-1);

    explicit Socket(Handle handle) : handle_(handle)
    {
    }

    Handle handle_ = none;
    End end_ = End::none;
};

/* Of the socket that this process has between these addresses: else the system makes it larger whenever it likes. Linux. */
void fix_send_buffer(const std::string &local, const std::string &remote);

/* True when the machine has a loopback address of IPv6. */
bool has_ipv6();

} // namespace api_test
