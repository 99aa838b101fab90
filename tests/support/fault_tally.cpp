#include "support/fault_tally.hpp"

#include <gtest/gtest.h>

#include "support/api_host.hpp"

namespace fault_test
{

Tally::Tally(uint32_t port, const std::function<void(iocpnet_service_options &)> &adjust)
{
    iocpnet_service_options options;
    iocpnet_service_options_init(&options, sizeof options);
    options.port = port;
    if (adjust) {
        adjust(options);
    }
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_create(&options, &service_));
    for (uint32_t kind = 1; kind < IOCPNET_EVENT_KIND_COUNT; kind++) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_set_callback(service_, kind, note, this));
    }
}

Tally::~Tally()
{
    if (service_ != 0) {
        EXPECT_EQ(IOCPNET_OK, destroy());
    }
}

void IOCPNET_CALL Tally::note(const iocpnet_event *event, void *user)
{
    auto *tally = static_cast<Tally *>(user);
    if (event->kind == IOCPNET_EVENT_RECEIVED) {
        tally->received_bytes_ += event->size;
        iocpnet_session_send(event->session, event->data, event->size);
    }
    if (tally->callbacks_[event->kind] != nullptr) {
        tally->callbacks_[event->kind](event, tally->users_[event->kind]);
    }
    tally->counts_[event->kind]++;
}

void Tally::on(uint32_t kind, iocpnet_callback callback, void *user)
{
    callbacks_[kind] = callback;
    users_[kind] = user;
}

std::string Tally::listen(uint32_t backlog)
{
    iocpnet_listener listener = 0;
    iocpnet_listener_options options;
    iocpnet_listener_options_init(&options, sizeof options);
    options.backlog = backlog;
    EXPECT_EQ(IOCPNET_OK, iocpnet_listener_open(service_, "127.0.0.1:0", &options, &listener));
    return api_test::session_address(iocpnet_listener_address, listener);
}

int32_t Tally::start()
{
    return iocpnet_service_start(service_);
}

int32_t Tally::destroy()
{
    const int32_t status = iocpnet_service_destroy(service_);
    service_ = 0;
    return status;
}

iocpnet_service_statistics Tally::stats() const
{
    iocpnet_service_statistics statistics = {};
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_stats(service_, &statistics, sizeof statistics));
    return statistics;
}

} // namespace fault_test
