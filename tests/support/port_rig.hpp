/*
 * What the tests of the port contract stand on: a port of one kind, operations that record their completions and check
 * the rules that hold always, and links, each an endpoint on the port with a raw peer.
 * Header only: it calls inside the library, which most of the test binaries can not.
 */
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/api_environment.hpp"
#include "support/api_socket.hpp"

extern "C" {
#include "port/port.h"
#include "util/live.h"
}

namespace port_test
{

using api_test::Socket;

constexpr uint32_t default_budget = 64;
/* Added to the kind: a port that one thread drives, which io_uring serves by another kind of ring. */
constexpr uint32_t one_thread_ring = 0x100;
constexpr uint32_t default_buffer = 16384;

/* Flags of one port that tell whether a completion comes at a time when it may. */
struct Moment {
    bool running = false;  /* inside icn_port_run */
    bool starting = false; /* inside a call that starts an operation */
    uint32_t completions = 0;
};

struct Completion {
    int32_t status;
    int32_t os_error;
    bool more;
    uint32_t size;
};

/* An operation that records. A violation of the contract fails the test at once, whatever the test is about. */
class Operation
{
public:
    Operation(Moment &moment, icn_operation &raw) : moment_(moment), raw_(raw) {}
    Operation(const Operation &) = delete;
    Operation &operator=(const Operation &) = delete;

    icn_operation *raw() { return &raw_; }
    bool in_flight() const { return in_flight_; }
    uint32_t started() const { return started_; }
    /* Completions with more == false. */
    uint32_t finished() const { return finished_; }
    const std::vector<Completion> &completions() const { return completions_; }
    Completion last() const { return completions_.empty() ? Completion{1, 0, false, 0} : completions_.back(); }
    /* All bytes that a receive got. */
    std::string &data() { return data_; }
    /* All sockets that an accept got and nobody took. */
    std::deque<icn_os_socket> &accepted() { return accepted_; }

    /* Runs inside each completion, after it was recorded. */
    std::function<void(const icn_completion &)> hook;

    /* Around each call that starts the operation. */
    template <typename Call>
    void start(Call call)
    {
        EXPECT_FALSE(in_flight_);
        in_flight_ = true;
        ++started_;
        const bool before = std::exchange(moment_.starting, true);
        call();
        moment_.starting = before;
    }

    void record(const icn_completion &completion)
    {
        EXPECT_TRUE(moment_.running) << "a completion outside of run";
        EXPECT_FALSE(moment_.starting) << "a completion inside the call that starts an operation";
        EXPECT_TRUE(in_flight_) << "a completion after the last one";
        EXPECT_FALSE(completion.more && completion.status != IOCPNET_OK) << "an error that goes on";
        ++moment_.completions;
        completions_.push_back({completion.status, completion.os_error, completion.more, completion.size});
        if (completion.data != nullptr) {
            data_.append(static_cast<const char *>(completion.data), completion.size);
        }
        if (completion.accepted != ICN_OS_SOCKET_NONE) {
            EXPECT_EQ(raw_.kind, ICN_OPERATION_ACCEPT);
            accepted_.push_back(completion.accepted);
        }
        if (!completion.more) {
            in_flight_ = false;
            ++finished_;
        }
        if (hook) {
            hook(completion);
        }
    }

private:
    Moment &moment_;
    icn_operation &raw_;
    bool in_flight_ = false;
    uint32_t started_ = 0;
    uint32_t finished_ = 0;
    std::vector<Completion> completions_;
    std::string data_;
    std::deque<icn_os_socket> accepted_;
};

inline iocpnet_iovec piece(const void *data, size_t size)
{
    iocpnet_iovec made = {};
    made.size = size;
    made.data = data;
    return made;
}

class Link;

/* An endpoint that knows its link. */
struct Endpoint : icn_endpoint {
    explicit Endpoint(Link &owner) : icn_endpoint(), link(owner)
    {
        icn_endpoint_init(this, ICN_OS_SOCKET_NONE, ICN_ADDRESS_IPV4);
    }

    Link &link;
};

/* An endpoint on a port with a reading and a writing operation, and the raw peer at its other end. */
class Link
{
public:
    Link(icn_port *port, Moment &moment)
        : endpoint(*this), reader(moment, endpoint.reader), writer(moment, endpoint.writer), port_(port)
    {
    }

    static void on_read(icn_operation *operation, const icn_completion *completion)
    {
        of(ICN_CONTAINER(operation, icn_endpoint, reader)).reader.record(*completion);
    }
    static void on_written(icn_operation *operation, const icn_completion *completion)
    {
        of(ICN_CONTAINER(operation, icn_endpoint, writer)).writer.record(*completion);
    }

    bool is_attached() const { return endpoint.socket != ICN_OS_SOCKET_NONE; }
    bool in_flight() const { return reader.in_flight() || writer.in_flight(); }

    void open()
    {
        ASSERT_EQ(icn_os_socket_open(ICN_ADDRESS_IPV4, &endpoint.socket).status, IOCPNET_OK);
        attach(endpoint.socket);
    }
    void attach(icn_os_socket socket)
    {
        endpoint.socket = socket;
        ASSERT_EQ(icn_port_attach(port_, &endpoint).status, IOCPNET_OK);
    }
    void detach() { icn_port_detach(port_, &endpoint); }

    void connect(const icn_address &address)
    {
        writer.start([&] { icn_port_connect(port_, &endpoint, &address); });
    }
    void accept(uint32_t count = 4)
    {
        reader.start([&] { icn_port_accept(port_, &endpoint, count); });
    }
    void receive()
    {
        reader.start([&] { icn_port_receive(port_, &endpoint); });
    }
    void send(const std::vector<iocpnet_iovec> &pieces)
    {
        writer.start([&] { icn_port_send(port_, &endpoint, pieces.data(), static_cast<uint32_t>(pieces.size())); });
    }
    /* Of bytes that the link keeps. */
    void send(const std::string &bytes)
    {
        kept_ = bytes;
        send({piece(kept_.data(), kept_.size())});
    }

    /* Sends all of `bytes`, which must stay, however often the port takes only a part. */
    void send_all(const std::string &bytes)
    {
        unsent_ = bytes.data();
        unsent_size_ = bytes.size();
        writer.hook = [this](const icn_completion &completion) { send_on(completion); };
        send({piece(unsent_, unsent_size_)});
    }
    size_t unsent() const { return unsent_size_; }

    void cancel()
    {
        icn_port_cancel(port_, reader.raw());
        icn_port_cancel(port_, writer.raw());
    }

    Endpoint endpoint;
    Operation reader;
    Operation writer;
    Socket peer;

private:
    static Link &of(icn_endpoint *endpoint) { return static_cast<Endpoint *>(endpoint)->link; }

    void send_on(const icn_completion &completion)
    {
        ASSERT_LE(completion.size, unsent_size_);
        unsent_ += completion.size;
        unsent_size_ -= completion.size;
        if (completion.status == IOCPNET_OK && unsent_size_ > 0) {
            send({piece(unsent_, unsent_size_)});
        }
    }

    icn_port *port_;
    std::string kept_;
    const char *unsent_ = nullptr;
    size_t unsent_size_ = 0;
};

/* What ports of tests tell of their operations, all of which are those of links. */
inline icn_operation_complete *const completions[ICN_OPERATION_KINDS] = {nullptr, Link::on_read, Link::on_written,
                                                                         Link::on_read, Link::on_written};

inline icn_address loopback(uint16_t port)
{
    icn_address address = {};
    address.family = ICN_ADDRESS_IPV4;
    address.ip[0] = 127;
    address.ip[3] = 1;
    address.port = port;
    return address;
}

/* The address of a raw socket of 127.0.0.1. */
inline icn_address address_of(const Socket &socket)
{
    const std::string text = socket.address();
    return loopback(static_cast<uint16_t>(std::stoul(text.substr(text.rfind(':') + 1))));
}

inline std::string text_of(const icn_address &address)
{
    return "127.0.0.1:" + std::to_string(address.port);
}

/* Appends what the peer can read now. */
inline void drain(Socket &peer, std::string &bytes)
{
    while (peer.readable_within(0)) {
        const std::string piece = peer.receive_some(1 << 16);
        if (piece.empty()) {
            return;
        }
        bytes += piece;
    }
}

/* A port with its links. At the end everything is cancelled, completed and detached, and the live counts must be back. */
class Rig
{
public:
    explicit Rig(uint32_t kind, uint32_t buffer = default_buffer, bool one_thread = false)
    {
        EXPECT_EQ(icn_os_socket_startup().status, IOCPNET_OK);
        descriptors_before_ = icn_live_count(ICN_LIVE_DESCRIPTORS);
        operations_before_ = icn_live_count(ICN_LIVE_OPERATIONS);
        icn_port_options options = {};
        options.receive_buffer_bytes = buffer;
        options.one_thread = one_thread || (kind & one_thread_ring) != 0;
        options.complete = completions;
        icn_result refused;
        opened = icn_port_open(kind & ~one_thread_ring, &options, &port, &refused);
    }
    Rig(const Rig &) = delete;
    Rig &operator=(const Rig &) = delete;
    ~Rig()
    {
        if (port != nullptr) {
            finish();
            icn_port_close(port);
        }
        EXPECT_EQ(icn_live_count(ICN_LIVE_DESCRIPTORS), descriptors_before_);
        EXPECT_EQ(icn_live_count(ICN_LIVE_OPERATIONS), operations_before_);
    }

    /* One run; its count must be what was delivered. */
    uint32_t run(uint32_t timeout_ms, uint32_t budget = default_budget)
    {
        uint32_t delivered = 0;
        const uint32_t before = moment.completions;
        moment.running = true;
        const icn_result result = icn_port_run(port, timeout_ms, budget, &delivered);
        moment.running = false;
        EXPECT_EQ(result.status, IOCPNET_OK) << result.os_error;
        EXPECT_EQ(delivered, moment.completions - before);
        EXPECT_LE(delivered, budget);
        return delivered;
    }

    /* Runs until the condition holds. False when it did not in time. */
    bool run_until(const std::function<bool()> &condition, uint32_t budget = default_budget)
    {
        const auto deadline = api_test::Clock::now() + api_test::wait_limit;
        while (!condition()) {
            if (api_test::Clock::now() > deadline) {
                return false;
            }
            run(5, budget);
        }
        return true;
    }

    /* Runs until `runs` runs in a row, each waiting a moment, had nothing to deliver. */
    void run_dry(int runs = 3)
    {
        for (int quiet = 0; quiet < runs;) {
            quiet = run(10) == 0 ? quiet + 1 : 0;
        }
    }

    Link &make_link()
    {
        links_.push_back(std::make_unique<Link>(port, moment));
        return *links_.back();
    }

    /* A link that is connected to a raw peer, with nothing in flight. */
    Link &connected_link()
    {
        Link &link = make_link();
        if (!listener_.is_open()) {
            listener_ = Socket::listen();
        }
        link.open();
        link.connect(address_of(listener_));
        EXPECT_TRUE(run_until([&] { return !link.writer.in_flight(); }));
        EXPECT_EQ(link.writer.last().status, IOCPNET_OK) << link.writer.last().os_error;
        link.peer = listener_.accept();
        EXPECT_TRUE(link.peer.is_open());
        return link;
    }

    /* A link whose endpoint listens; its address is stored. */
    Link &listening_link(icn_address &address)
    {
        Link &link = make_link();
        const icn_address any_port = loopback(0);
        const icn_os_listen_options options = {};
        icn_os_socket socket = ICN_OS_SOCKET_NONE;
        EXPECT_EQ(icn_os_socket_listen(&any_port, &options, &socket).status, IOCPNET_OK);
        EXPECT_EQ(icn_os_socket_local_address(socket, &address).status, IOCPNET_OK);
        link.attach(socket);
        return link;
    }

    /* Cancels what the link has in flight, waits for the completions and detaches it. */
    void drop(Link &link)
    {
        link.reader.hook = nullptr;
        link.writer.hook = nullptr;
        link.cancel();
        EXPECT_TRUE(run_until([&] { return !link.in_flight(); }));
        for (icn_os_socket socket : link.reader.accepted()) {
            icn_os_socket_close(socket);
        }
        link.reader.accepted().clear();
        if (link.is_attached()) {
            link.detach();
        }
    }

    Moment moment;
    icn_port *port = nullptr;
    icn_result opened = {};

private:
    void finish()
    {
        for (const auto &link : links_) {
            drop(*link);
            EXPECT_EQ(link->reader.started(), link->reader.finished());
            EXPECT_EQ(link->writer.started(), link->writer.finished());
        }
    }

    std::vector<std::unique_ptr<Link>> links_;
    Socket listener_;
    uint64_t descriptors_before_ = 0;
    uint64_t operations_before_ = 0;
};

/* A test for each kind of port that this platform has; one that the system forbids is skipped, with the cause. */
class PortTest : public testing::TestWithParam<uint32_t>
{
protected:
    void SetUp() override { open(); }
    void TearDown() override { rig.reset(); }

    void open(uint32_t buffer = default_buffer, bool one_thread = false)
    {
        rig.reset();
        rig = std::make_unique<Rig>(GetParam(), buffer, one_thread);
        if (rig->opened.status == IOCPNET_E_NOT_SUPPORTED || rig->opened.status == IOCPNET_E_ACCESS_DENIED) {
            GTEST_SKIP() << "not available here: system error " << rig->opened.os_error;
        }
        ASSERT_EQ(rig->opened.status, IOCPNET_OK) << rig->opened.os_error;
    }

    std::unique_ptr<Rig> rig;
};

inline std::vector<uint32_t> port_kinds()
{
    std::vector<uint32_t> kinds;
    for (const icn_port_functions *const *functions = icn_ports; *functions != nullptr; ++functions) {
        kinds.push_back((*functions)->kind);
        if ((*functions)->kind == IOCPNET_PORT_IO_URING) {
            kinds.push_back((*functions)->kind | one_thread_ring);
        }
    }
    return kinds;
}

inline std::string port_name(const testing::TestParamInfo<uint32_t> &info)
{
    switch (info.param) {
    case IOCPNET_PORT_EPOLL:
        return "epoll";
    case IOCPNET_PORT_IO_URING:
        return "io_uring";
    case IOCPNET_PORT_IO_URING | one_thread_ring:
        return "io_uring_one_thread";
    case IOCPNET_PORT_IOCP:
        return "iocp";
    default:
        return "unknown";
    }
}

#define PORT_SUITE(fixture)                                                                                            \
    INSTANTIATE_TEST_SUITE_P(Each, fixture, testing::ValuesIn(port_test::port_kinds()), port_test::port_name)

} // namespace port_test
