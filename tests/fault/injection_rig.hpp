/* An echo server, on each port with each kind of driving, one call of which fails after another. Linux only. */
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "fault/faults.hpp"
#include "fault/outcomes.hpp"
#include "support/api_fixture.hpp"
#include "support/fault_usage.hpp"

namespace fault_test
{

using namespace api_test;

/* Threads of the library drive an io_uring of one thread, the host one that threads share. */
inline std::vector<Mode> driven_modes(const std::vector<uint32_t> &ports)
{
    std::vector<Mode> modes;
    for (const uint32_t port : ports) {
        for (const uint32_t driving : {IOCPNET_DRIVING_LIBRARY, IOCPNET_DRIVING_HOST}) {
            modes.push_back({port, driving, IOCPNET_DELIVERY_CALLBACKS});
        }
    }
    return modes;
}

class InjectionTest : public ModeTest
{
protected:
    void SetUp() override
    {
        ModeTest::SetUp();
        if (!IsSkipped()) {
            descriptors_before = open_descriptors();
            host = std::make_unique<Host>(GetParam());
            host->echo();
            address = host->listen();
        }
    }
    void TearDown() override
    {
        const bool had_host = host != nullptr;
        host.reset();
        ModeTest::TearDown();
        EXPECT_TRUE(!had_host || open_descriptors() == descriptors_before);
    }

    bool on_ring() const { return GetParam().port == IOCPNET_PORT_IO_URING; }
    Call either(Call epoll, Call ring) const { return on_ring() ? ring : epoll; }

    static bool echoes(Socket &peer) { return peer.send("echo") && peer.receive(4) == "echo"; }

    void expect_served()
    {
        Socket peer = Socket::connect(address);
        EXPECT_TRUE(echoes(peer));
    }

    /* The n-th session that was seen ends, for the reason that the error has. */
    void expect_ended(size_t n, int error)
    {
        const Outcome outcome = outcome_of(error);
        ASSERT_TRUE(
            host->wait([n](const Records &r) { return r.order.size() > n && r.sessions.at(r.order[n]).ended; }));
        const iocpnet_event last = host->recorder().session(host->recorder().nth(n)).last.fields;
        EXPECT_EQ(outcome.status, last.status) << iocpnet_status_name(last.status);
        EXPECT_EQ(error, last.os_error);
        EXPECT_EQ(outcome.reason, last.close_reason) << iocpnet_close_reason_name(last.close_reason);
        const bool by_peer = outcome.reason == IOCPNET_CLOSE_RESET;
        EXPECT_EQ(by_peer ? IOCPNET_ORIGIN_PEER : IOCPNET_ORIGIN_LIBRARY, static_cast<int>(last.close_origin));
    }

    /* By one that is connected, which ends here. */
    void expect_followed(iocpnet_session session)
    {
        const iocpnet_session next = host->recorder().session(session).last.fields.next_session;
        ASSERT_TRUE(host->wait([=](const Records &r) {
            const auto found = r.sessions.find(next);
            return found != r.sessions.end() && found->second.connected;
        }));
        EXPECT_EQ(IOCPNET_OK, disconnect(next, IOCPNET_DISCONNECT_ABORT));
    }

    size_t sessions_seen() { return host->recorder().session_count(); }

    std::unique_ptr<Host> host;
    std::string address;
    uint64_t descriptors_before = 0; /* that the process had open, whatever the library counts */
};

inline bool is_in(int error, const std::vector<int> &errors)
{
    return std::find(errors.begin(), errors.end(), error) != errors.end();
}

} // namespace fault_test

#define INJECTION_SUITE_OF(fixture, ports)                                                                             \
    INSTANTIATE_TEST_SUITE_P(, fixture, testing::ValuesIn(fault_test::driven_modes(ports)),                            \
                             [](const auto &test) { return api_test::mode_name(test.param); })
#define INJECTION_SUITE(fixture) INJECTION_SUITE_OF(fixture, api_test::all_ports())
#define INJECTION_SUITE_OF_EPOLL(fixture) INJECTION_SUITE_OF(fixture, {IOCPNET_PORT_EPOLL})
#define INJECTION_SUITE_OF_IO_URING(fixture) INJECTION_SUITE_OF(fixture, {IOCPNET_PORT_IO_URING})
