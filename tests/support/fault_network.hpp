/*
 * Two networks of the test's own, joined by a cable, in which packets can be dropped, answered with resets, and interfaces
 * be taken down, while the machine's own network stays as it is. Linux, as root.
 */
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "support/api_fixture.hpp"

namespace fault_test
{

/* True when the process may do what only the administrator may; false with the reason printed. In CI that is a failure. */
bool is_administrator();

/* Runs a shell command; false, with what it printed, when it fails. */
bool run_command(const std::string &command);

/*
 * The thread that makes it lives in the first network ("here", 10.99.0.1, fe80::1) until the object ends, and so do the
 * threads that it starts and the sockets that they open. The peers live in the second ("there", 10.99.0.2, fe80::2).
 */
class Network
{
public:
    Network();
    Network(const Network &) = delete;
    Network &operator=(const Network &) = delete;
    /* The thread returns to the network that it came from; what was made is gone with its last socket. */
    ~Network();

    /* Runs the work in the network of the peers. */
    void there(const std::function<void()> &work);
    api_test::Socket listen_there();
    api_test::Socket connect_there(const std::string &address);

    /* A rule of nftables for all TCP packets that arrive there: "drop", "reject with tcp reset". */
    void filter(const std::string &verdict);
    void stop_filtering();
    /* How often the system sends again before it gives a connection up. */
    void set_retries(int count);
    /* The number by which an address of the own interface is scoped. */
    static std::string scope();

private:
    int home_ = -1;
    int here_ = -1;
    int there_ = -1;
};

/* A test of one port, inside such a network. */
class NetworkTest : public api_test::PortTest
{
protected:
    void SetUp() override;
    void TearDown() override;

    /* Opens a listener of the host, at a free port of 10.99.0.1. */
    static std::string listen(api_test::Host &host, const std::string &address = "10.99.0.1:0");
    /* Connects a session to a peer there; both ends, open. */
    iocpnet_session connect(api_test::Host &host, api_test::Socket &peer);
    /* Connects with a time limit in milliseconds, and gives the event that tells of the failure. */
    static iocpnet_event fail_to_connect(api_test::Host &host, const std::string &address, uint32_t timeout_ms);
    /* The last event of a session, once it has come. */
    static iocpnet_event end_of(api_test::Host &host, iocpnet_session session);

    std::unique_ptr<Network> network;
};

} // namespace fault_test
