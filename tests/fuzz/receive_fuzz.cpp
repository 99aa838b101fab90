/*
 * The stream of a peer in pieces of any size, urgent bytes among them, in each way of driving and delivery: it arrives
 * whole, in order, in events of at most receive_buffer_bytes, however it was cut and however often receiving was paused.
 */
#include <chrono>
#include <vector>

#include "fuzz/input.hpp"
#include "fuzz/network.hpp"
#include "iocpnet.h"
#include "support/api_recorder.hpp"
#include "support/api_socket.hpp"

namespace
{

/* More than the buffers of the system hold, with a peer that sends while receiving is paused. */
constexpr size_t stream_max = 600000;
constexpr std::chrono::seconds wait_limit{15};

class Reception
{
public:
    explicit Reception(fuzz::Input &input) : input_(input), choices_(input.byte()) {}

    void run()
    {
        open();
        while (!input_.is_empty()) {
            step();
        }
        finish();
    }

private:
    bool host_drives() const { return (choices_ & 1) != 0; }
    bool is_polled() const { return (choices_ & 2) != 0; }

    void open()
    {
        static const uint32_t buffers[] = {1024, 1025, 4096, 65536};
        static const uint64_t queues[] = {0, 2000, 100000, 4 * 1024 * 1024};
        iocpnet_service_options options;
        iocpnet_service_options_init(&options, sizeof options);
        /* io_uring now and then: its rings take long to make. */
        options.port = choices_ >> 2 == 0 ? IOCPNET_PORT_IO_URING : IOCPNET_PORT_EPOLL;
        options.driving = host_drives() ? IOCPNET_DRIVING_HOST : IOCPNET_DRIVING_LIBRARY;
        options.delivery = is_polled() ? IOCPNET_DELIVERY_BATCHES : IOCPNET_DELIVERY_CALLBACKS;
        buffer_bytes_ = buffers[input_.below(4)];
        options.receive_buffer_bytes = buffer_bytes_;
        options.event_queue_bytes_max = queues[input_.below(4)];
        int32_t created = iocpnet_service_create(&options, &service_);
        if (created == IOCPNET_E_NOT_SUPPORTED) {
            options.port = IOCPNET_PORT_EPOLL;
            created = iocpnet_service_create(&options, &service_);
        }
        FUZZ_REQUIRE(created == IOCPNET_OK);
        for (uint32_t kind = IOCPNET_EVENT_CONNECTED; !is_polled() && kind <= IOCPNET_EVENT_SERVICE_STOPPED; kind++) {
            FUZZ_REQUIRE(iocpnet_service_set_callback(service_, kind, called_back, this) == IOCPNET_OK);
        }
        iocpnet_listener listener = 0;
        char address[64];
        FUZZ_REQUIRE(iocpnet_listener_open(service_, "127.0.0.1:0", nullptr, &listener) == IOCPNET_OK);
        FUZZ_REQUIRE(iocpnet_listener_address(listener, address, sizeof address) > 0);
        FUZZ_REQUIRE(iocpnet_service_start(service_) == IOCPNET_OK);
        peer_ = api_test::Socket::connect(address);
        FUZZ_REQUIRE(peer_.is_open());
        wait(IOCPNET_EVENT_CONNECTED);
        session_ = recorder_.nth(0);
    }

    static void IOCPNET_CALL called_back(const iocpnet_event *event, void *user)
    {
        static_cast<Reception *>(user)->handle(*event);
    }

    void handle(const iocpnet_event &event)
    {
        FUZZ_REQUIRE(event.kind != IOCPNET_EVENT_RECEIVED || event.size <= buffer_bytes_);
        recorder_.begin(event);
        handled_[event.kind]++;
        recorder_.end(event);
    }

    /* One look at what is there. */
    void drive(uint32_t timeout_ms)
    {
        if (is_polled()) {
            iocpnet_event events[8];
            const uint32_t capacity = 1 + input_.below(8);
            const int32_t count = iocpnet_service_poll(service_, 0, events, capacity, timeout_ms);
            FUZZ_REQUIRE(count >= 0 && count <= static_cast<int32_t>(capacity));
            for (int32_t i = 0; i < count; i++) {
                handle(events[i]);
            }
        } else if (host_drives()) {
            FUZZ_REQUIRE(iocpnet_service_dispatch(service_, 0, timeout_ms) >= 0);
        }
    }

    void wait(uint32_t kind)
    {
        if (!is_polled() && !host_drives()) {
            FUZZ_REQUIRE(
                recorder_.wait([kind](const api_test::Records &records) { return records.counts[kind] != 0; }));
            return;
        }
        const auto deadline = std::chrono::steady_clock::now() + wait_limit;
        while (handled_[kind] == 0 && std::chrono::steady_clock::now() < deadline) {
            drive(1);
        }
        if (handled_[kind] == 0) {
            std::fprintf(stderr, "%zu bytes sent; %s\n", sent_.size(), api_test::describe(recorder_.copy()).c_str());
        }
        FUZZ_REQUIRE(handled_[kind] != 0);
    }

    void step()
    {
        switch (input_.below(8)) {
        case 0:
        case 1:
            send(1 + input_.below(8));
            break;
        case 2:
            send(1 + input_.below(200));
            break;
        case 3:
            send(1 + input_.below(65535));
            break;
        case 4:
            drive(0);
            break;
        case 5:
            FUZZ_REQUIRE(iocpnet_session_pause_receive(session_) == IOCPNET_OK);
            break;
        case 6:
            FUZZ_REQUIRE(iocpnet_session_resume_receive(session_) == IOCPNET_OK);
            break;
        default:
            send_urgent();
            break;
        }
    }

    void send(size_t size)
    {
        const std::string bytes = fuzz::stream(sent_.size(), std::min(size, stream_max - sent_.size()));
        sent_.append(bytes, 0, bytes.empty() ? 0 : peer_.send_some(bytes));
    }

    void send_urgent()
    {
        const std::string byte = fuzz::stream(sent_.size(), sent_.size() < stream_max ? 1 : 0);
        if (!byte.empty() && peer_.writable_within(0) && peer_.send_urgent(byte[0])) {
            sent_ += byte;
        }
    }

    void finish()
    {
        const bool resets = input_.below(8) == 1;
        if (resets) {
            peer_.reset();
        } else {
            peer_.shutdown_send();
        }
        iocpnet_session_resume_receive(session_);
        wait(IOCPNET_EVENT_DISCONNECTED);
        judge(recorder_.session(session_), resets);
        FUZZ_REQUIRE(iocpnet_service_destroy(service_) == IOCPNET_OK);
        FUZZ_REQUIRE(recorder_.copy().violations.empty());
        iocpnet_live_objects live;
        const iocpnet_live_objects none = {};
        FUZZ_REQUIRE(iocpnet_count_live_objects(&live, sizeof live) == IOCPNET_OK);
        FUZZ_REQUIRE(std::memcmp(&live, &none, sizeof live) == 0);
    }

    void judge(const api_test::SessionRecord &record, bool resets) const
    {
        FUZZ_REQUIRE(sent_.compare(0, record.received.size(), record.received) == 0);
        FUZZ_REQUIRE(record.last.fields.close_reason == (resets ? IOCPNET_CLOSE_RESET : IOCPNET_CLOSE_PEER_CLOSED));
        FUZZ_REQUIRE(resets || record.received.size() == sent_.size());
    }

    fuzz::Input &input_;
    const uint8_t choices_;
    api_test::Recorder recorder_;
    api_test::Socket peer_;
    iocpnet_service service_ = 0;
    iocpnet_session session_ = 0;
    uint32_t buffer_bytes_ = 0;
    uint32_t handled_[IOCPNET_EVENT_KIND_COUNT] = {}; /* the thread that handles events */
    std::string sent_;
};

} // namespace

extern "C" int LLVMFuzzerInitialize(int *, char ***)
{
    fuzz::use_private_network();
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    Reception(input).run();
    return 0;
}
