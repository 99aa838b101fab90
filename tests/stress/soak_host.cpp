#include "stress/soak_host.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace soak
{

namespace
{

constexpr uint64_t greeting_bytes = 3000;

void require(const char *call, int32_t status)
{
    if (status < 0) {
        std::fprintf(stderr, "%s gave %s\n", call, iocpnet_status_name(status));
        std::exit(1);
    }
}

} // namespace

/* The user value of a session. */
struct Host::Session {
    bool outbound = false;
    uint64_t answered = 0;
    std::string kept; /* what the send queue did not take */
};

Host::Host(uint32_t port, uint32_t delivery, uint32_t dispatcher_count)
{
    iocpnet_service_options options;
    char text[64] = "";
    iocpnet_service_options_init(&options, sizeof options);
    options.port = port;
    options.delivery = delivery;
    options.dispatcher_count = dispatcher_count;
    /* Provided buffers are added as they are needed, up to 256, and touched little by little: small ones soon are all there. */
    options.receive_buffer_bytes = 2048;
    options.send_queue_bytes_max = 65536;
    options.send_queue_bytes_low = 16384;
    require("create", iocpnet_service_create(&options, &service_));
    if (delivery == IOCPNET_DELIVERY_CALLBACKS) {
        for (uint32_t kind = IOCPNET_EVENT_CONNECTED; kind < IOCPNET_EVENT_KIND_COUNT; kind++) {
            require("set_callback", iocpnet_service_set_callback(service_, kind, deliver, this));
        }
    }
    require("listener_open", iocpnet_listener_open(service_, "127.0.0.1:0", nullptr, &listener_));
    require("listener_address", iocpnet_listener_address(listener_, text, sizeof text));
    require("start", iocpnet_service_start(service_));
    address_ = text;
    if (delivery == IOCPNET_DELIVERY_BATCHES) {
        poller_ = std::thread([this] { poll(); });
    }
}

Host::~Host()
{
    iocpnet_service_stop(service_, 1000, nullptr);
    if (poller_.joinable()) {
        poller_.join();
    }
    require("destroy", iocpnet_service_destroy(service_));
}

void IOCPNET_CALL Host::deliver(const iocpnet_event *event, void *user)
{
    static_cast<Host *>(user)->handle(*event);
}

void Host::poll()
{
    iocpnet_event events[64];
    while (!stopped_) {
        const int32_t count = iocpnet_service_poll(service_, 0, events, 64, IOCPNET_INFINITE);
        require("poll", count);
        for (int32_t i = 0; i < count; i++) {
            handle(events[i]);
        }
    }
}

void Host::connect(const std::string &address)
{
    iocpnet_session handle = 0;
    iocpnet_connect_options options;
    auto *session = new Session;
    iocpnet_connect_options_init(&options, sizeof options);
    session->outbound = true;
    options.user = session;
    if (iocpnet_session_connect(service_, address.c_str(), &options, &handle) != IOCPNET_OK) {
        delete session;
    }
}

void Host::received(const iocpnet_event &event, Session &session)
{
    if (session.outbound) {
        session.answered += event.size;
        if (session.answered >= greeting_bytes) {
            iocpnet_session_disconnect(event.session, nullptr);
        }
        return;
    }
    session.kept.append(static_cast<const char *>(event.data), static_cast<size_t>(event.size));
    echo(event.session, session);
}

/* What the queue refuses is kept, and nothing is received until the queue has taken all of it. */
void Host::echo(iocpnet_session handle, Session &session)
{
    size_t sent = 0;
    int32_t status = IOCPNET_OK;
    while (sent < session.kept.size() && status == IOCPNET_OK) {
        const size_t size = std::min<size_t>(session.kept.size() - sent, 16384);
        status = iocpnet_session_send(handle, session.kept.data() + sent, size);
        sent += status == IOCPNET_OK ? size : 0;
    }
    session.kept.erase(0, status == IOCPNET_E_WOULD_BLOCK ? sent : session.kept.size());
    if (!session.kept.empty()) {
        iocpnet_session_pause_receive(handle);
        return;
    }
    /* An idle session costs no memory. */
    session.kept.shrink_to_fit();
    iocpnet_session_resume_receive(handle);
}

void Host::ended(Session *session) const
{
    delete session;
    if (leak_ != 0) {
        /* Volatile: else the compiler sees through it. */
        auto *lost = static_cast<volatile char *>(std::malloc(leak_));
        for (size_t i = 0; lost != nullptr && i < leak_; i += 512) {
            lost[i] = 1;
        }
    }
}

void Host::handle(const iocpnet_event &event)
{
    static const char greeting[greeting_bytes] = {};
    void *user = nullptr;
    /* Not event.user: in a batch that is what it was when the batch was fetched. */
    iocpnet_session_get_user(event.session, &user);
    auto *session = static_cast<Session *>(user);
    switch (event.kind) {
    case IOCPNET_EVENT_CONNECTED:
        if (session == nullptr) {
            iocpnet_session_set_user(event.session, new Session);
        } else {
            iocpnet_session_send(event.session, greeting, sizeof greeting);
        }
        break;
    case IOCPNET_EVENT_RECEIVED:
        received(event, *session);
        break;
    case IOCPNET_EVENT_WRITABLE:
        echo(event.session, *session);
        break;
    case IOCPNET_EVENT_DISCONNECTED:
    case IOCPNET_EVENT_CONNECT_FAILED:
        ended(session);
        break;
    case IOCPNET_EVENT_SERVICE_STOPPED:
        stopped_ = true;
        break;
    default:
        break;
    }
}

iocpnet_service_statistics Host::statistics() const
{
    iocpnet_service_statistics statistics = {};
    iocpnet_service_stats(service_, &statistics, sizeof statistics);
    return statistics;
}

} // namespace soak
