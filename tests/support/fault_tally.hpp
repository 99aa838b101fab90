/* A host that only counts: for tests with more sessions or events than a Recorder should remember. */
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "iocpnet.h"

namespace fault_test
{

/* Owns a service of one dispatcher, driven by the library, which echoes. Its counts may be read from any thread. */
class Tally
{
public:
    explicit Tally(uint32_t port, const std::function<void(iocpnet_service_options &)> &adjust = {});
    Tally(const Tally &) = delete;
    Tally &operator=(const Tally &) = delete;
    /* Destroys the service, if that was not done before. */
    ~Tally();

    /* Before start: counts as well, then runs. */
    void on(uint32_t kind, iocpnet_callback callback, void *user);
    /* Opens a listener, at a free port of 127.0.0.1, and returns its address. */
    std::string listen(uint32_t backlog = 0);
    int32_t start();
    int32_t destroy();

    iocpnet_service service() const { return service_; }
    uint64_t count(uint32_t kind) const { return counts_[kind]; }
    uint64_t connected() const { return counts_[IOCPNET_EVENT_CONNECTED]; }
    uint64_t disconnected() const { return counts_[IOCPNET_EVENT_DISCONNECTED]; }
    uint64_t received_bytes() const { return received_bytes_; }
    iocpnet_service_statistics stats() const;

private:
    static void IOCPNET_CALL note(const iocpnet_event *event, void *user);

    iocpnet_service service_ = 0;
    std::atomic<uint64_t> counts_[IOCPNET_EVENT_KIND_COUNT] = {};
    std::atomic<uint64_t> received_bytes_{0};
    iocpnet_callback callbacks_[IOCPNET_EVENT_KIND_COUNT] = {};
    void *users_[IOCPNET_EVENT_KIND_COUNT] = {};
};

} // namespace fault_test
