/* Threads that can not be created: for every one of a service's life, once and for ever after, everything unwinds. */
#include <memory>
#include <vector>

#include "support/api_fixture.hpp"

#if defined(__linux__)

#include <cerrno>

#include "fault/faults.hpp"

namespace
{

/* The k-th thread and all after it, or only that one, can not be made. */
class ThreadShortage
{
public:
    ThreadShortage(uint32_t k, bool for_ever)
        : fault_(fault_test::Call::pthread_create, EAGAIN, for_ever ? fault_test::Fault::for_ever : 1, k)
    {
    }
    bool struck() const { return fault_.failed() > 0; }

    static constexpr int32_t status = IOCPNET_E_NO_MEMORY;
    static constexpr int32_t os_error = EAGAIN;

private:
    fault_test::Fault fault_;
};

} // namespace

#else

#include "support/import_fault.hpp"

extern "C" {
extern decltype(&CreateEventW) __imp_CreateEventW;
}

namespace
{

/* Each thread of the library needs an event for its start, and nothing else does. */
class ThreadShortage
{
public:
    ThreadShortage(uint32_t k, bool for_ever)
        : fault_(nullptr, ERROR_TOO_MANY_OPEN_FILES, [this, k, for_ever](auto &&...) { return strikes(k, for_ever); })
    {
    }
    bool struck() const { return struck_; }

    static constexpr int32_t status = IOCPNET_E_NO_DESCRIPTORS;
    static constexpr int32_t os_error = ERROR_TOO_MANY_OPEN_FILES;

private:
    bool strikes(uint32_t k, bool for_ever)
    {
        const uint32_t n = seen_++;
        const bool strikes = n == k || (for_ever && n > k);
        struck_ = struck_ || strikes;
        return strikes;
    }

    uint32_t seen_ = 0;
    bool struck_ = false;
    port_test::ImportFault<__imp_CreateEventW> fault_;
};

} // namespace

#endif

using namespace api_test;

namespace
{

constexpr uint32_t dispatchers = 4;

void want_dispatchers(iocpnet_service_options &options)
{
    options.dispatcher_count = dispatchers;
}

void IOCPNET_CALL ignore_line(int32_t, const char *, const char *, void *)
{
}

void expect_shortage(int32_t status)
{
    EXPECT_EQ(ThreadShortage::status, status) << iocpnet_status_name(status);
    EXPECT_EQ(ThreadShortage::os_error, iocpnet_last_os_error());
}

class MissingThread : public PortTest
{
};
API_TEST_ON_EVERY_PORT(MissingThread);

TEST_P(MissingThread, EachDispatcherThatCanNotStartUnwindsTheStartWhichCanBeTriedAgain)
{
    Host host(callbacks(), want_dispatchers);
    host.echo();
    const std::string address = host.listen();
    for (const bool for_ever : {false, true}) {
        for (uint32_t k = 0; k < dispatchers; k++) {
            const ThreadShortage shortage(k, for_ever);
            expect_shortage(iocpnet_service_start(host.service()));
            EXPECT_TRUE(shortage.struck());
            EXPECT_EQ(0u, live_objects().threads);
        }
    }
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("echo"));
    EXPECT_EQ("echo", peer.receive(4));
}

TEST_P(MissingThread, EachOfAServicesLifeMayBeMissing)
{
    bool struck = true;
    uint32_t k = 0;
    for (; struck; k++) {
        for (const bool for_ever : {false, true}) {
            SCOPED_TRACE(std::to_string(k) + (for_ever ? " and all after it" : " only"));
            const ThreadShortage shortage(k, for_ever);
            EXPECT_LE(iocpnet_set_log_callback(ignore_line, IOCPNET_LOG_DEBUG, nullptr), IOCPNET_OK);
            iocpnet_service_options options;
            iocpnet_service_options_init(&options, sizeof options);
            options.port = GetParam();
            options.dispatcher_count = dispatchers;
            iocpnet_service service = 0;
            const int32_t created = iocpnet_service_create(&options, &service);
            if (created == IOCPNET_OK) {
                const int32_t started = iocpnet_service_start(service);
                EXPECT_EQ(started == IOCPNET_OK ? dispatchers + 1 : 1, live_objects().threads);
                EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
            } else {
                EXPECT_EQ(ThreadShortage::status, created);
            }
            struck = shortage.struck();
            EXPECT_EQ(IOCPNET_OK, iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr));
            EXPECT_EQ(0u, live_objects().threads);
            expect_nothing_alive();
        }
    }
    EXPECT_EQ(dispatchers + 2, k) << "the log's thread, one for each dispatcher, and a round without a shortage";
}

TEST_P(MissingThread, LogThatCanNotHaveOneIsAnErrorOfTheServiceThatNeedsIt)
{
    ASSERT_EQ(IOCPNET_OK, iocpnet_set_log_callback(ignore_line, IOCPNET_LOG_DEBUG, nullptr));
    {
        const ThreadShortage shortage(0, false);
        iocpnet_service service = 0;
        expect_shortage(iocpnet_service_create(nullptr, &service));
    }
    EXPECT_EQ(0u, live_objects().threads);
    EXPECT_EQ(IOCPNET_OK, iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr));
}

TEST_P(MissingThread, LogThatIsTurnedOnWithoutOneStaysOffAndServicesGoOn)
{
    Host host(callbacks());
    host.echo();
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    {
        const ThreadShortage shortage(0, false);
        EXPECT_EQ(ThreadShortage::status, iocpnet_set_log_callback(ignore_line, IOCPNET_LOG_DEBUG, nullptr));
    }
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("echo"));
    EXPECT_EQ("echo", peer.receive(4));
}

TEST_P(MissingThread, DestroyInsideACallbackThatLacksOneCanBeTriedAgain)
{
    Host host(callbacks());
    int32_t first = 0;
    std::unique_ptr<ThreadShortage> shortage = std::make_unique<ThreadShortage>(1, false); /* 0 is the dispatcher */
    host.on(IOCPNET_EVENT_RECEIVED, [&](const iocpnet_event &) {
        if (first == 0) {
            first = host.destroy_inside();
            EXPECT_EQ(ThreadShortage::os_error, iocpnet_last_os_error());
        } else {
            EXPECT_EQ(IOCPNET_PENDING, host.destroy_inside());
        }
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("a"));
    ASSERT_TRUE(host.wait([](const Records &r) { return r.received_bytes() == 1; }));
    EXPECT_EQ(ThreadShortage::status, first);
    Socket served = Socket::connect(address); /* all goes on */
    ASSERT_TRUE(host.wait_connected(2));
    ASSERT_TRUE(served.send("b"));
    EXPECT_EQ("", served.receive_all());
}

} // namespace
