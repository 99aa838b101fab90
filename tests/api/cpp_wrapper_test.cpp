/* The C++ wrapper: handlers, batches, exceptions, ownership, and that options and results pass through unchanged. */
#include <iocpnet.hpp>

#include <array>
#include <atomic>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "support/api_fixture.hpp"
#include "support/api_no_exceptions.hpp"

using namespace api_test;

namespace
{

class CppWrapper : public PortTest
{
protected:
    iocpnet::service_options options() const
    {
        return iocpnet::service_options().with_port(static_cast<iocpnet::port>(GetParam()));
    }
};
API_TEST_ON_EVERY_PORT(CppWrapper);

/* A value that another thread gives once. */
template <typename T>
class Once
{
public:
    void set(T value) { promise_.set_value(std::move(value)); }
    bool wait() { return future_.wait_for(wait_limit) == std::future_status::ready; }
    T get() { return wait() ? future_.get() : T(); }

private:
    std::promise<T> promise_;
    std::future<T> future_ = promise_.get_future();
};

const auto echo = [](iocpnet::session session, iocpnet::bytes data) { session.send(data); };

/* The listener of a service that is started with it, and its address. */
struct Listening {
    explicit Listening(iocpnet::service &service) : listener(service.listen("127.0.0.1:0").value())
    {
        service.start().value();
        address = listener.address().value().c_str();
    }
    iocpnet::listener listener;
    std::string address;
};

std::string exchange(Socket &peer, const std::string &bytes)
{
    return peer.send(bytes) ? peer.receive(bytes.size()) : "";
}

/* Under wine a reset that comes while no receive is pending reads as the end of the stream. */
bool ends_with_reset(Socket &peer)
{
    peer.receive_all();
    return peer.end() == Socket::End::reset || (on_windows && peer.end() == Socket::End::closed);
}

std::string message_of(const std::exception_ptr &cause)
{
    try {
        if (cause) {
            std::rethrow_exception(cause);
        }
    } catch (const std::exception &exception) {
        return exception.what();
    }
    return "";
}

TEST_P(CppWrapper, HandlersEcho)
{
    iocpnet::service service(options().with_dispatchers(2));
    ASSERT_TRUE(service.on_received(echo));
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    EXPECT_EQ("hello", exchange(peer, "hello"));
}

TEST_P(CppWrapper, HandlersRunInsideDispatchOfTheHost)
{
    std::thread::id thread;
    bool done = false;
    iocpnet::service service(options().with_driving(iocpnet::driving::host));
    service.on_received(echo);
    service.on_disconnected([&](iocpnet::session, iocpnet::close_reason) {
        thread = std::this_thread::get_id();
        done = true;
    });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    ASSERT_TRUE(peer.send("x"));
    peer.shutdown_send();
    wait_until([&] { return service.dispatch(0, 10).value() > 0 && done; });
    EXPECT_EQ(std::this_thread::get_id(), thread);
    EXPECT_EQ("x", peer.receive_all());
}

TEST_P(CppWrapper, BatchesEchoWhoeverDrives)
{
    for (const auto driving : {iocpnet::driving::library, iocpnet::driving::host}) {
        iocpnet::service service(options().with_driving(driving).with_delivery(iocpnet::delivery::batches));
        const Listening server(service);
        Socket peer = Socket::connect(server.address);
        ASSERT_TRUE(peer.send("hello"));
        std::size_t echoed = 0;
        wait_until([&] {
            iocpnet::event_batch<4> batch;
            const auto fetched = service.poll(batch, 0, 10).value();
            EXPECT_EQ(fetched, batch.size());
            for (const iocpnet::event &event : batch) {
                if (event.kind() == iocpnet::event_kind::received) {
                    EXPECT_TRUE(event.session().send(event.data()));
                    echoed += event.data().size();
                }
            }
            return echoed == 5;
        });
        if (driving == iocpnet::driving::host) {
            service.stop(1000).value();
            wait_until([&] {
                iocpnet::event_batch<4> batch;
                service.poll(batch, 0, 10).value();
                return peer.readable_within(0);
            });
        }
        EXPECT_EQ("hello", peer.receive(5));
    }
}

TEST_P(CppWrapper, HandlerMayTakeTheWholeEvent)
{
    Once<std::string> seen;
    iocpnet::service service(options());
    service.on_received([&](const iocpnet::event &event) { seen.set(std::string(event.data().text())); });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    ASSERT_TRUE(peer.send("x"));
    EXPECT_EQ("x", seen.get());
}

TEST_P(CppWrapper, HandlerMayOnlyBeMovable)
{
    Once<int> seen;
    iocpnet::service service(options());
    service.on_connected([&, value = std::make_unique<int>(7)](iocpnet::session) { seen.set(*value); });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    EXPECT_EQ(7, seen.get());
}

TEST_P(CppWrapper, LargeHandlersAreKeptWhole)
{
    std::array<char, 5000> pattern;
    iocpnet::service service(options());
    pattern.fill('p');
    service.on_received([pattern](iocpnet::session session, iocpnet::bytes) { session.send(pattern); });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    ASSERT_TRUE(peer.send("x"));
    EXPECT_EQ(std::string(5000, 'p'), peer.receive(5000));
}

TEST_P(CppWrapper, LaterHandlerReplacesAnEarlierOne)
{
    iocpnet::service service(options());
    auto first = std::make_shared<int>();
    service.on_received([first](iocpnet::session session, iocpnet::bytes) { session.send("first"); });
    service.on_received(echo);
    EXPECT_EQ(1, first.use_count());
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    EXPECT_EQ("hello", exchange(peer, "hello"));
}

TEST_P(CppWrapper, HandlerAfterStartIsRefused)
{
    iocpnet::service service(options());
    service.on_received(echo);
    const Listening server(service);
    auto refused = std::make_shared<int>();
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, service.on_received([refused](const iocpnet::event &) {}).code());
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, service.on_destroyed([refused] {}).code());
    EXPECT_EQ(IOCPNET_E_INVALID_STATE,
              service.on_unhandled_exception([refused](iocpnet::session, const std::exception_ptr &) {}).code());
    EXPECT_EQ(1, refused.use_count());
    Socket peer = Socket::connect(server.address);
    EXPECT_EQ("hello", exchange(peer, "hello"));
}

TEST_P(CppWrapper, ExceptionOfAHandlerAbortsItsSession)
{
    Once<std::pair<iocpnet::close_reason, std::string>> closed;
    iocpnet::service service(options());
    service.on_received([](iocpnet::session, iocpnet::bytes) { throw std::runtime_error("planted"); });
    service.on_disconnected([&](const iocpnet::event &event) {
        closed.set({event.reason(), std::string(event.close_text())});
    });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    ASSERT_TRUE(peer.send("x"));
    EXPECT_EQ(std::make_pair(iocpnet::close_reason::requested, std::string("unhandled exception")), closed.get());
    EXPECT_TRUE(ends_with_reset(peer));
}

TEST_P(CppWrapper, ExceptionOfAHandlerIsReportedWithItsSession)
{
    std::atomic<iocpnet_session> thrower{0};
    Once<std::pair<iocpnet::session, std::string>> report;
    iocpnet::service service(options());
    service.on_received([&](iocpnet::session session, iocpnet::bytes) {
        thrower = session.handle();
        throw std::runtime_error("planted");
    });
    service.on_unhandled_exception([&](iocpnet::session session, const std::exception_ptr &cause) {
        report.set({session, message_of(cause)});
    });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    ASSERT_TRUE(peer.send("x"));
    const auto reported = report.get();
    EXPECT_EQ(thrower.load(), reported.first.handle());
    EXPECT_EQ("planted", reported.second);
}

TEST_P(CppWrapper, ServiceServesOnAfterAnException)
{
    iocpnet::service service(options());
    service.on_received([](iocpnet::session session, iocpnet::bytes data) {
        if (data.text() == "bad") {
            throw 7;
        }
        session.send(data);
    });
    const Listening server(service);
    Socket bad = Socket::connect(server.address);
    ASSERT_TRUE(bad.send("bad"));
    bad.receive_all();
    Socket good = Socket::connect(server.address);
    EXPECT_EQ("good", exchange(good, "good"));
}

TEST_P(CppWrapper, FirstExceptionIsRemembered)
{
    iocpnet::service service(options());
    service.on_received(
        [](iocpnet::session, iocpnet::bytes data) { throw std::runtime_error(std::string(data.text())); });
    const Listening server(service);
    EXPECT_EQ(nullptr, service.first_unhandled_exception());
    for (const char *text : {"first", "second"}) {
        Socket peer = Socket::connect(server.address);
        ASSERT_TRUE(peer.send(text));
        peer.receive_all();
    }
    EXPECT_EQ("first", message_of(service.first_unhandled_exception()));
}

TEST_P(CppWrapper, ExceptionOfTheExceptionHandlerStopsThere)
{
    std::atomic<int> calls{0};
    iocpnet::service service(options());
    service.on_connected([](iocpnet::session) { throw 1; });
    service.on_disconnected([](iocpnet::session, iocpnet::close_reason) { throw 2; });
    service.on_unhandled_exception([&](iocpnet::session, const std::exception_ptr &) {
        ++calls;
        throw 3;
    });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    peer.receive_all();
    EXPECT_TRUE(wait_until([&] { return calls == 2; }));
}

TEST_P(CppWrapper, ServiceMayMoveWhileItsHandlersRun)
{
    iocpnet::service first(options());
    first.on_received(echo);
    const Listening server(first);
    Socket peer = Socket::connect(server.address);
    ASSERT_EQ("one", exchange(peer, "one"));
    iocpnet::service second(std::move(first));
    EXPECT_EQ("two", exchange(peer, "two"));
    iocpnet::service third(options());
    third = std::move(second);
    EXPECT_EQ("three", exchange(peer, "three"));
    EXPECT_EQ(1u, live_objects().services);
}

TEST_P(CppWrapper, MovedFromServiceGivesErrors)
{
    iocpnet::service first(options());
    const iocpnet::service second(std::move(first));
    EXPECT_EQ(0u, first.handle());
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, first.status().code());
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, first.start().code());
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, first.on_received(echo).code());
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, first.destroy().code());
    EXPECT_TRUE(second.status());
}

TEST_P(CppWrapper, HandlersGoWithTheService)
{
    auto held = std::make_shared<int>();
    {
        iocpnet::service service(options());
        service.on_received([held](const iocpnet::event &) {});
        service.on_destroyed([held] {});
        service.on_unhandled_exception([held](iocpnet::session, const std::exception_ptr &) {});
        EXPECT_EQ(4, held.use_count());
    }
    EXPECT_EQ(1, held.use_count());
}

TEST_P(CppWrapper, SecondDestroyGivesAnError)
{
    iocpnet::service service(options());
    EXPECT_EQ(IOCPNET_OK, service.destroy().code());
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, service.destroy().code());
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, service.start().code());
}

TEST_P(CppWrapper, DestroyInsideAHandlerIsPendingAndEndsWithTheDestroyedHandler)
{
    Once<std::pair<int32_t, bool>> inside;
    Once<bool> destroyed;
    std::weak_ptr<int> watched;
    auto service = std::make_unique<iocpnet::service>(options());
    {
        auto held = std::make_shared<int>();
        watched = held;
        service->on_received([&, held](const iocpnet::event &) {
            const auto status = service->destroy();
            service.reset();
            inside.set({status.code(), held != nullptr});
        });
        service->on_destroyed([&, held] { destroyed.set(held != nullptr); });
    }
    Socket peer;
    {
        const Listening server(*service);
        peer = Socket::connect(server.address);
        ASSERT_TRUE(peer.send("x"));
        EXPECT_EQ(std::make_pair(int32_t{IOCPNET_PENDING}, true), inside.get());
    }
    EXPECT_TRUE(destroyed.get());
    EXPECT_TRUE(wait_until([&] { return watched.expired(); }));
}

TEST_P(CppWrapper, DestructorInsideAHandlerWaitsForNothing)
{
    Once<bool> destroyed;
    auto service = std::make_unique<iocpnet::service>(options());
    service->on_connected([&](iocpnet::session) { service.reset(); });
    service->on_destroyed([&] { destroyed.set(true); });
    service->start().value();
    Socket peer;
    auto listener = service->listen("127.0.0.1:0").value();
    peer = Socket::connect(listener.address().value().c_str());
    EXPECT_TRUE(destroyed.get());
}

TEST_P(CppWrapper, ListenerClosesWithItsObject)
{
    iocpnet::service service(options());
    service.start().value();
    {
        auto listener = service.listen("127.0.0.1:0").value();
        EXPECT_EQ(1u, live_objects().listeners);
        iocpnet::listener other(std::move(listener));
        EXPECT_FALSE(listener);
        EXPECT_TRUE(other);
    }
    EXPECT_TRUE(wait_until([] { return live_objects().listeners == 0; }));
}

TEST_P(CppWrapper, ReleasedListenerStaysWithItsService)
{
    iocpnet::service service(options());
    service.on_received(echo);
    service.start().value();
    std::string address;
    {
        auto listener = service.listen("127.0.0.1:0").value();
        address = listener.address().value().c_str();
        listener.release();
    }
    Socket peer = Socket::connect(address);
    EXPECT_EQ("hello", exchange(peer, "hello"));
}

TEST_P(CppWrapper, ListenerMayOutliveItsService)
{
    iocpnet::listener listener;
    {
        iocpnet::service service(options());
        listener = service.listen("127.0.0.1:0").value();
    }
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, listener.address().code());
}

TEST_P(CppWrapper, FailureKeepsTheErrorOfTheSystem)
{
    Socket taken = Socket::listen();
    iocpnet::service service(options());
    const auto failed = service.listen(taken.address());
    EXPECT_EQ(IOCPNET_E_ADDRESS_IN_USE, failed.code());
    EXPECT_EQ(iocpnet_last_os_error(), failed.os_error());
    EXPECT_NE(0, failed.os_error());
}

TEST_P(CppWrapper, ConnectFailedGivesTheStatus)
{
    std::string nowhere = Socket::listen().address();
    Once<std::pair<iocpnet_session, int32_t>> failed;
    iocpnet::service service(options());
    service.on_connect_failed([&](iocpnet::session session, iocpnet::status status) {
        failed.set({session.handle(), status.code()});
    });
    service.start().value();
    const auto session = service.connect(nowhere).value();
    EXPECT_EQ(std::make_pair(session.handle(), int32_t{IOCPNET_E_CONNECTION_REFUSED}), failed.get());
}

TEST_P(CppWrapper, ConnectTakesTheUserValueFromTheStart)
{
    Socket server = Socket::listen();
    Once<int *> seen;
    iocpnet::service service(options());
    service.on_connected([&](const iocpnet::event &event) { seen.set(event.user<int>()); });
    service.start().value();
    int value = 0;
    iocpnet::connect_options connect;
    connect.user = &value;
    const auto session = service.connect(server.address(), connect).value();
    EXPECT_EQ(&value, seen.get());
    EXPECT_EQ(&value, session.user<int>().value());
    ASSERT_TRUE(session.set_user(nullptr));
    EXPECT_EQ(nullptr, session.user().value());
}

TEST_P(CppWrapper, AddressesAreThoseOfThePeer)
{
    Socket server = Socket::listen();
    Once<iocpnet::session> connected;
    iocpnet::service service(options());
    service.on_connected([&](iocpnet::session session) { connected.set(session); });
    service.start().value();
    service.connect(server.address()).value();
    Socket peer = server.accept();
    const iocpnet::session session = connected.get();
    EXPECT_EQ(server.address(), session.remote_address().value().c_str());
    EXPECT_EQ(peer.peer_address(), session.local_address().value().c_str());
    EXPECT_EQ(uint32_t{IOCPNET_SESSION_OPEN}, session.info()->state);
}

TEST_P(CppWrapper, PiecesLeaveAsOneInOrder)
{
    const std::string head = "the head, ";
    const std::vector<char> tail = {'t', 'a', 'i', 'l'};
    iocpnet::service service(options());
    service.on_received([&](iocpnet::session session, iocpnet::bytes) {
        session.sendv({head, "body and ", tail});
        session.disconnect();
    });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    ASSERT_TRUE(peer.send("x"));
    EXPECT_EQ("the head, body and tail", peer.receive_all());
}

TEST_P(CppWrapper, DisconnectOptionsComeBackInTheEvent)
{
    Once<std::pair<int64_t, std::string>> closed;
    iocpnet::service service(options());
    service.on_received([](iocpnet::session session, iocpnet::bytes) {
        iocpnet::disconnect_options kick;
        kick.mode = iocpnet::disconnect_mode::abort;
        kick.code = -42;
        kick.text = "kicked";
        session.disconnect(kick);
    });
    service.on_disconnected([&](const iocpnet::event &event) {
        EXPECT_EQ(iocpnet::close_origin::local, event.origin());
        closed.set({event.close_code(), std::string(event.close_text())});
    });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    ASSERT_TRUE(peer.send("x"));
    EXPECT_EQ(std::make_pair(int64_t{-42}, std::string("kicked")), closed.get());
    EXPECT_TRUE(ends_with_reset(peer));
}

TEST_P(CppWrapper, PausedSessionReceivesAfterResume)
{
    Once<iocpnet::session> connected;
    iocpnet::service service(options());
    service.on_connected([&](iocpnet::session session) {
        session.pause_receive();
        connected.set(session);
    });
    service.on_received(echo);
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    const iocpnet::session session = connected.get();
    EXPECT_EQ(1u, session.info()->receive_paused);
    ASSERT_TRUE(peer.send("hello"));
    ASSERT_TRUE(session.resume_receive());
    EXPECT_EQ("hello", peer.receive(5));
}

TEST_P(CppWrapper, SentAndWritableHandlersRun)
{
    std::atomic<uint64_t> sent{0};
    std::atomic<bool> writable{false};
    iocpnet::service service(options().with_send_queue_bytes_max(65536).with_send_queue_bytes_low(1024));
    service.on_connected([](iocpnet::session session) {
        while (session.send(std::string(65536, 'x'))) {
        }
    });
    service.on_sent([&](iocpnet::session, uint64_t size) { sent += size; });
    service.on_writable([&](iocpnet::session) { writable = true; });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    EXPECT_TRUE(wait_until([&] { return writable.load(); }));
    EXPECT_EQ(65536u, peer.receive(65536).size());
    EXPECT_LE(uint64_t{65536}, sent.load());
}

TEST_P(CppWrapper, StopGivesWhatBecameOfTheSessions)
{
    Once<bool> stopped;
    std::atomic<bool> connected{false};
    iocpnet::service service(options());
    service.on_connected([&](iocpnet::session) { connected = true; });
    service.on_stopped([&] { stopped.set(true); });
    const Listening server(service);
    Socket peer = Socket::connect(server.address);
    ASSERT_TRUE(wait_until([&] { return connected.load(); }));
    const auto result = service.stop(0).value();
    EXPECT_EQ(1u, result.sessions_aborted);
    EXPECT_TRUE(stopped.get());
    EXPECT_EQ(uint32_t{IOCPNET_SERVICE_STOPPED}, service.info()->state);
    EXPECT_EQ(1u, service.statistics()->disconnects);
}

TEST_P(CppWrapper, WakeEndsAPoll)
{
    iocpnet::service service(options().with_driving(iocpnet::driving::host).with_delivery(iocpnet::delivery::batches));
    service.start().value();
    ASSERT_TRUE(service.wake(0));
    iocpnet::event_batch<> batch;
    EXPECT_EQ(0u, service.poll(batch, 0, IOCPNET_INFINITE).value());
    EXPECT_EQ(batch.begin(), batch.end());
}

TEST_P(CppWrapper, OptionsReachTheService)
{
    iocpnet::service service(
        options().with_dispatchers(3).with_driving(iocpnet::driving::host).with_delivery(iocpnet::delivery::batches));
    const auto details = service.info().value();
    EXPECT_EQ(GetParam(), details.port);
    EXPECT_EQ(3u, details.dispatcher_count);
    EXPECT_EQ(uint32_t{IOCPNET_DRIVING_HOST}, details.driving);
    EXPECT_EQ(uint32_t{IOCPNET_DELIVERY_BATCHES}, details.delivery);
}

TEST_P(CppWrapper, CodeWithoutExceptionsEchoes)
{
    std::string echoed;
    const auto use = [](const char *address, void *user) {
        Socket peer = Socket::connect(address);
        *static_cast<std::string *>(user) = exchange(peer, "hello");
    };
    EXPECT_EQ(IOCPNET_OK, echo_without_exceptions(GetParam(), use, &echoed));
    EXPECT_EQ("hello", echoed);
}

} // namespace
