/* The contract of accepting and connecting. */
#include <set>
#include <string>
#include <vector>

#include "support/port_rig.hpp"

namespace
{

using api_test::Socket;
using port_test::Link;

class PortAccept : public port_test::PortTest
{
protected:
    /* Attaches the next accepted socket to a link of its own. */
    Link &take(Link &listener)
    {
        Link &link = rig->make_link();
        link.attach(listener.reader.accepted().front());
        listener.reader.accepted().pop_front();
        return link;
    }

    bool accepts(Link &listener, size_t count)
    {
        return rig->run_until([&] { return listener.reader.accepted().size() >= count; });
    }
};

class PortConnect : public port_test::PortTest
{
protected:
    bool finishes(const Link &link)
    {
        return rig->run_until([&] { return !link.writer.in_flight(); });
    }

    /* A connect that gets no answer: to a full back-log, where Linux ignores further attempts. */
    Link &connect_in_vain()
    {
        full = Socket::listen("127.0.0.1", 1);
        Link *link = nullptr;
        for (int i = 0; i < 20 && (link == nullptr || !link->writer.in_flight()); ++i) {
            link = &rig->make_link();
            link->open();
            link->connect(port_test::address_of(full));
            rig->run_dry();
        }
        EXPECT_TRUE(link->writer.in_flight());
        return *link;
    }

    Socket full;
};

PORT_SUITE(PortAccept);
PORT_SUITE(PortConnect);

TEST_P(PortAccept, HandsOverEachConnectionOnce)
{
    icn_address address;
    Link &listener = rig->listening_link(address);
    std::vector<Socket> peers;
    std::set<std::string> connected;
    std::set<std::string> accepted;
    listener.accept();
    for (int i = 0; i < 50; ++i) {
        peers.push_back(Socket::connect(port_test::text_of(address)));
        ASSERT_TRUE(peers.back().is_open());
        connected.insert(peers.back().address());
    }
    ASSERT_TRUE(accepts(listener, peers.size()));
    rig->run_dry();
    for (icn_os_socket socket : listener.reader.accepted()) {
        icn_address remote;
        ASSERT_EQ(icn_os_socket_remote_address(socket, &remote).status, IOCPNET_OK);
        accepted.insert(port_test::text_of(remote));
    }
    EXPECT_EQ(listener.reader.accepted().size(), peers.size());
    EXPECT_EQ(accepted, connected);
    EXPECT_TRUE(listener.reader.in_flight());
}

TEST_P(PortAccept, FindsConnectionsThatCameBeforeTheStart)
{
    icn_address address;
    Link &listener = rig->listening_link(address);
    std::vector<Socket> peers;
    for (int i = 0; i < 5; ++i) {
        peers.push_back(Socket::connect(port_test::text_of(address)));
    }
    rig->run_dry();
    listener.accept();
    EXPECT_TRUE(accepts(listener, peers.size()));
}

TEST_P(PortAccept, AcceptedSocketSendsAndReceives)
{
    icn_address address;
    Link &listener = rig->listening_link(address);
    listener.accept();
    Socket peer = Socket::connect(port_test::text_of(address));
    ASSERT_TRUE(accepts(listener, 1));
    Link &link = take(listener);
    link.receive();
    link.send("welcome");
    ASSERT_TRUE(peer.send("hello"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "hello" && !link.writer.in_flight(); }));
    EXPECT_EQ(peer.receive(7), "welcome");
}

TEST_P(PortAccept, AcceptedSocketMayBeAttachedInsideTheCompletion)
{
    icn_address address;
    Link &listener = rig->listening_link(address);
    Link *link = nullptr;
    listener.reader.hook = [&](const icn_completion &completion) {
        if (completion.accepted != ICN_OS_SOCKET_NONE) {
            link = &take(listener);
            link->receive();
        }
    };
    listener.accept();
    Socket peer = Socket::connect(port_test::text_of(address));
    ASSERT_TRUE(peer.send("hello"));
    EXPECT_TRUE(rig->run_until([&] { return link != nullptr && link->reader.data() == "hello"; }));
}

TEST_P(PortAccept, CancelledAcceptCompletesExactlyOnce)
{
    icn_address address;
    Link &listener = rig->listening_link(address);
    listener.accept();
    rig->run_dry();
    icn_port_cancel(rig->port, listener.reader.raw());
    icn_port_cancel(rig->port, listener.reader.raw());
    ASSERT_TRUE(rig->run_until([&] { return !listener.reader.in_flight(); }));
    rig->run_dry();
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_CANCELLED);
    EXPECT_EQ(listener.reader.finished(), 1u);
    EXPECT_EQ(listener.reader.completions().size(), 1u);
}

TEST_P(PortAccept, NoConnectionIsLostByCancelAndRestart)
{
    icn_address address;
    Link &listener = rig->listening_link(address);
    std::vector<Socket> peers;
    for (uint32_t i = 0; i < 20; ++i) {
        listener.accept(3);
        peers.push_back(Socket::connect(port_test::text_of(address)));
        ASSERT_TRUE(peers.back().is_open());
        if (i % 2 == 0) {
            rig->run(1);
        }
        icn_port_cancel(rig->port, listener.reader.raw());
        ASSERT_TRUE(rig->run_until([&] { return !listener.reader.in_flight(); }));
    }
    listener.accept();
    ASSERT_TRUE(accepts(listener, peers.size()));
    for (size_t i = 0; i < peers.size(); ++i) {
        Link &link = take(listener);
        link.send("x");
    }
    rig->run_dry();
    for (Socket &peer : peers) {
        EXPECT_EQ(peer.receive(1), "x");
    }
}

TEST_P(PortAccept, CancelInsideItsOwnCompletionEndsItOnce)
{
    icn_address address;
    Link &listener = rig->listening_link(address);
    std::vector<Socket> peers;
    listener.reader.hook = [&](const icn_completion &) { icn_port_cancel(rig->port, listener.reader.raw()); };
    for (int i = 0; i < 5; ++i) {
        peers.push_back(Socket::connect(port_test::text_of(address)));
    }
    listener.accept();
    ASSERT_TRUE(rig->run_until([&] { return !listener.reader.in_flight(); }));
    rig->run_dry();
    EXPECT_EQ(listener.reader.finished(), 1u);
    EXPECT_GE(listener.reader.accepted().size(), 1u);
}

TEST_P(PortAccept, ConnectionThatIsResetBeforeItIsTakenDoesNotEndTheAccept)
{
    icn_address address;
    Link &listener = rig->listening_link(address);
    for (int i = 0; i < 5; ++i) {
        Socket::connect(port_test::text_of(address)).reset();
    }
    listener.accept();
    Socket peer = Socket::connect(port_test::text_of(address));
    rig->run_dry();
    EXPECT_TRUE(listener.reader.in_flight());
    ASSERT_FALSE(listener.reader.accepted().empty());
    icn_address remote;
    ASSERT_EQ(icn_os_socket_remote_address(listener.reader.accepted().back(), &remote).status, IOCPNET_OK);
    EXPECT_EQ(port_test::text_of(remote), peer.address());
}

TEST_P(PortAccept, StormOfConnectionsIsTakenWithinTheBudgetOfEachRun)
{
    icn_address address;
    Link &listener = rig->listening_link(address);
    std::vector<Socket> peers;
    for (int i = 0; i < 100; ++i) {
        peers.push_back(Socket::connect(port_test::text_of(address)));
    }
    listener.accept();
    EXPECT_TRUE(rig->run_until([&] { return listener.reader.accepted().size() == peers.size(); }, 3));
}

TEST_P(PortConnect, SucceedsAndBothEndsTalk)
{
    Link &link = rig->connected_link();
    link.receive();
    link.send("ping");
    EXPECT_EQ(rig->run_until([&] { return !link.writer.in_flight(); }), true);
    EXPECT_EQ(link.peer.receive(4), "ping");
    ASSERT_TRUE(link.peer.send("pong"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "pong"; }));
}

TEST_P(PortConnect, ConnectedSocketKnowsItsAddresses)
{
    Link &link = rig->connected_link();
    icn_address local;
    icn_address remote;
    ASSERT_EQ(icn_os_socket_local_address(link.endpoint.socket, &local).status, IOCPNET_OK);
    ASSERT_EQ(icn_os_socket_remote_address(link.endpoint.socket, &remote).status, IOCPNET_OK);
    EXPECT_EQ(port_test::text_of(local), link.peer.peer_address());
    EXPECT_EQ(port_test::text_of(remote), link.peer.address());
}

TEST_P(PortConnect, RefusalIsReported)
{
    Socket closed = Socket::listen();
    const icn_address address = port_test::address_of(closed);
    closed.close();
    Link &link = rig->make_link();
    link.open();
    link.connect(address);
    ASSERT_TRUE(finishes(link));
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_CONNECTION_REFUSED) << link.writer.last().os_error;
    EXPECT_NE(link.writer.last().os_error, 0);
}

TEST_P(PortConnect, FailureAtOnceIsACompletionLikeEachOther)
{
    icn_address everybody = {};
    everybody.family = ICN_ADDRESS_IPV4;
    everybody.port = 7;
    std::memset(everybody.ip, 255, 4);
    Link &link = rig->make_link();
    link.open();
    link.connect(everybody);
    EXPECT_TRUE(link.writer.in_flight());
    ASSERT_TRUE(finishes(link));
    EXPECT_LT(link.writer.last().status, 0);
    EXPECT_EQ(link.writer.completions().size(), 1u);
}

TEST_P(PortConnect, WorksOnASocketThatWasAttachedLongBefore)
{
    Socket listener = Socket::listen();
    Link &link = rig->make_link();
    link.open();
    rig->run_dry(); /* the port learns that the socket is not connected */
    link.connect(port_test::address_of(listener));
    ASSERT_TRUE(finishes(link));
    ASSERT_EQ(link.writer.last().status, IOCPNET_OK) << link.writer.last().os_error;
    link.peer = listener.accept();
    link.receive();
    ASSERT_TRUE(link.peer.send("hello"));
    EXPECT_TRUE(rig->run_until([&] { return link.reader.data() == "hello"; }));
}

TEST_P(PortConnect, IsNotCompletedByWhatWasSeenOfTheSocketBefore)
{
    connect_in_vain();
    Link &first = rig->connected_link();
    first.receive();
    rig->run_dry();
    ASSERT_TRUE(first.peer.send("x"));
    ASSERT_TRUE(rig->run_until([&] { return first.reader.data() == "x"; }));
    ASSERT_TRUE(first.peer.send("y"));
    Link &link = rig->make_link();
    link.open();
    /* With a budget of 1, what is seen of the new socket may be left for the next run. */
    ASSERT_TRUE(rig->run_until([&] { return first.reader.data() == "xy"; }, 1));
    link.connect(port_test::address_of(full));
    rig->run_dry();
    EXPECT_TRUE(link.writer.in_flight());
}

TEST_P(PortConnect, CancelledConnectCompletesExactlyOnce)
{
    Socket listener = Socket::listen();
    Link &link = rig->make_link();
    link.open();
    link.connect(port_test::address_of(listener));
    icn_port_cancel(rig->port, link.writer.raw());
    ASSERT_TRUE(finishes(link));
    rig->run_dry();
    EXPECT_TRUE(link.writer.last().status == IOCPNET_E_CANCELLED || link.writer.last().status == IOCPNET_OK)
        << link.writer.last().status;
    EXPECT_EQ(link.writer.completions().size(), 1u);
}

TEST_P(PortConnect, ConnectThatGetsNoAnswerCanBeCancelled)
{
    Link &link = connect_in_vain();
    icn_port_cancel(rig->port, link.writer.raw());
    ASSERT_TRUE(finishes(link));
    EXPECT_EQ(link.writer.last().status, IOCPNET_E_CANCELLED);
    EXPECT_EQ(link.writer.completions().size(), 1u);
}

TEST_P(PortConnect, ManyConnectsAtOnceSucceedEachOnce)
{
    Socket listener = Socket::listen();
    std::vector<Link *> links;
    for (int i = 0; i < 60; ++i) {
        links.push_back(&rig->make_link());
        links.back()->open();
        links.back()->connect(port_test::address_of(listener));
    }
    for (Link *link : links) {
        ASSERT_TRUE(finishes(*link));
        EXPECT_EQ(link->writer.last().status, IOCPNET_OK);
        EXPECT_EQ(link->writer.completions().size(), 1u);
    }
}

} // namespace
