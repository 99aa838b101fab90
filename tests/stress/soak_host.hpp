/* A host that runs for long: one service that echoes what it gets, and connects out from time to time. */
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "iocpnet.h"

namespace soak
{

class Host
{
public:
    /* Library threads drive it. With batches a thread of the host polls. Ends the program when it can not be made. */
    Host(uint32_t port, uint32_t delivery, uint32_t dispatcher_count);
    ~Host();
    Host(const Host &) = delete;
    Host &operator=(const Host &) = delete;

    const std::string &address() const { return address_; }
    iocpnet_service service() const { return service_; }
    /* Connects to another host, which echoes a few bytes, and disconnects. */
    void connect(const std::string &address);
    /* Each session leaves so many bytes behind: to see that they are found. */
    void leak(size_t bytes) { leak_ = bytes; }
    iocpnet_service_statistics statistics() const;

private:
    struct Session;

    static void IOCPNET_CALL deliver(const iocpnet_event *event, void *user);
    void handle(const iocpnet_event &event);
    void received(const iocpnet_event &event, Session &session);
    void echo(iocpnet_session handle, Session &session);
    void ended(Session *session) const;
    void poll();

    iocpnet_service service_ = 0;
    iocpnet_listener listener_ = 0;
    std::string address_;
    size_t leak_ = 0;
    std::atomic<bool> stopped_{false};
    std::thread poller_;
};

} // namespace soak
