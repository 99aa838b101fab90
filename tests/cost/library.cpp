#include <array>
#include <vector>

#include "cost/require.hpp"
#include "cost/server.hpp"
#include "iocpnet.h"

namespace cost
{

namespace
{

iocpnet_service make_service(uint32_t port, uint32_t delivery)
{
    iocpnet_service service = 0;
    iocpnet_service_options options;
    require(iocpnet_service_options_init(&options, sizeof options), "iocpnet_service_options_init");
    options.port = port;
    options.driving = IOCPNET_DRIVING_HOST;
    options.delivery = delivery;
    require(iocpnet_service_create(&options, &service), "iocpnet_service_create");
    return service;
}

class Library : public LibraryServer
{
public:
    explicit Library(iocpnet_service service) : service_(service) {}
    ~Library() override { require(iocpnet_service_destroy(service_), "iocpnet_service_destroy"); }

    std::string address() const override;
    uint64_t accepted() const override { return sessions_.size(); }
    void send_to_all(Meter &meter, const std::string &message) override;
    void look_up_all(Meter &meter) override;

protected:
    void start(const iocpnet_framing *framing = nullptr);
    void add(iocpnet_session session) { sessions_.push_back(session); }

    const iocpnet_service service_;

private:
    iocpnet_listener listener_ = 0;
    std::vector<iocpnet_session> sessions_;
};

iocpnet_framing length_in_front()
{
    iocpnet_framing framing;
    require(iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_LENGTH), "iocpnet_framing_init");
    framing.flags = IOCPNET_FRAMING_KEEP;
    framing.length_width = 1;
    framing.header_bytes = 1;
    framing.length_adjustment = -1;
    return framing;
}

void Library::start(const iocpnet_framing *framing)
{
    iocpnet_listener_options options;
    require(iocpnet_listener_options_init(&options, sizeof options), "iocpnet_listener_options_init");
    options.framing = framing;
    require(iocpnet_listener_open(service_, "127.0.0.1:0", &options, &listener_), "iocpnet_listener_open");
    require(iocpnet_service_start(service_), "iocpnet_service_start");
}

std::string Library::address() const
{
    std::array<char, 64> text{};
    require(iocpnet_listener_address(listener_, text.data(), static_cast<uint32_t>(text.size())),
            "iocpnet_listener_address");
    return text.data();
}

void Library::send_to_all(Meter &meter, const std::string &message)
{
    meter.begin();
    for (const iocpnet_session session : sessions_) {
        require(iocpnet_session_send(session, message.data(), message.size()), "iocpnet_session_send");
    }
    meter.end();
}

void Library::look_up_all(Meter &meter)
{
    void *value = nullptr;
    meter.begin();
    for (const iocpnet_session session : sessions_) {
        require(iocpnet_session_get_user(session, &value), "iocpnet_session_get_user");
    }
    meter.end();
}

class Callbacks : public Library
{
public:
    Callbacks(uint32_t port, uint32_t copies, const iocpnet_framing *framing = nullptr);

    uint64_t turn(Meter &meter) override;

private:
    static void IOCPNET_CALL on_connected(const iocpnet_event *event, void *user);
    static void IOCPNET_CALL on_received(const iocpnet_event *event, void *user);
    static void IOCPNET_CALL on_received_copying(const iocpnet_event *event, void *user);

    const uint32_t copies_;
    uint64_t messages_ = 0;
};

Callbacks::Callbacks(uint32_t port, uint32_t copies, const iocpnet_framing *framing)
    : Library(make_service(port, IOCPNET_DELIVERY_CALLBACKS)), copies_(copies)
{
    const iocpnet_callback received = copies == 1 ? on_received : on_received_copying;
    require(iocpnet_service_set_callback(service_, IOCPNET_EVENT_CONNECTED, on_connected, this), "set_callback");
    require(iocpnet_service_set_callback(service_, IOCPNET_EVENT_RECEIVED, received, this), "set_callback");
    start(framing);
}

void Callbacks::on_connected(const iocpnet_event *event, void *user)
{
    static_cast<Callbacks *>(user)->add(event->session);
}

void Callbacks::on_received(const iocpnet_event *event, void *user)
{
    ++static_cast<Callbacks *>(user)->messages_;
    require(iocpnet_session_send(event->session, event->data, event->size), "iocpnet_session_send");
}

void Callbacks::on_received_copying(const iocpnet_event *event, void *user)
{
    auto *self = static_cast<Callbacks *>(user);
    ++self->messages_;
    for (uint32_t i = 0; i < self->copies_; ++i) {
        require(iocpnet_session_send(event->session, event->data, event->size), "iocpnet_session_send");
    }
}

uint64_t Callbacks::turn(Meter &meter)
{
    const uint64_t before = messages_;
    meter.begin();
    const int32_t result = iocpnet_service_dispatch(service_, 0, 0);
    meter.end();
    require(result, "iocpnet_service_dispatch");
    return messages_ - before;
}

class Batches : public Library
{
public:
    explicit Batches(uint32_t port, const iocpnet_framing *framing = nullptr)
        : Library(make_service(port, IOCPNET_DELIVERY_BATCHES))
    {
        start(framing);
    }

    uint64_t turn(Meter &meter) override;
    /* What the host sends leaves with the next poll. */
    uint64_t rounds_kept() const override { return 1; }

private:
    uint64_t handle(const iocpnet_event &event);

    static constexpr uint32_t capacity = 512;
    std::array<iocpnet_event, capacity> events_{};
};

inline uint64_t Batches::handle(const iocpnet_event &event)
{
    if (event.kind == IOCPNET_EVENT_RECEIVED) {
        require(iocpnet_session_send(event.session, event.data, event.size), "iocpnet_session_send");
        return 1;
    }
    if (event.kind == IOCPNET_EVENT_CONNECTED) {
        add(event.session);
    }
    return 0;
}

uint64_t Batches::turn(Meter &meter)
{
    uint64_t messages = 0;
    meter.begin();
    const int32_t count = iocpnet_service_poll(service_, 0, events_.data(), capacity, 0);
    for (int32_t i = 0; i < count; ++i) {
        messages += handle(events_[static_cast<size_t>(i)]);
    }
    meter.end();
    require(count, "iocpnet_service_poll");
    return messages;
}

} // namespace

std::unique_ptr<LibraryServer> make_callbacks(uint32_t port, uint32_t copies)
{
    return std::make_unique<Callbacks>(port, copies);
}

std::unique_ptr<LibraryServer> make_framed(uint32_t port)
{
    const iocpnet_framing framing = length_in_front();
    return std::make_unique<Callbacks>(port, 1, &framing);
}

std::unique_ptr<LibraryServer> make_framed_batches(uint32_t port)
{
    const iocpnet_framing framing = length_in_front();
    return std::make_unique<Batches>(port, &framing);
}

std::unique_ptr<LibraryServer> make_batches(uint32_t port)
{
    return std::make_unique<Batches>(port);
}

bool has_port(uint32_t port)
{
    iocpnet_service service = 0;
    iocpnet_service_options options;
    require(iocpnet_service_options_init(&options, sizeof options), "iocpnet_service_options_init");
    options.port = port;
    const int32_t status = iocpnet_service_create(&options, &service);
    if (status == IOCPNET_OK) {
        require(iocpnet_service_destroy(service), "iocpnet_service_destroy");
    }
    return status == IOCPNET_OK;
}

} // namespace cost
