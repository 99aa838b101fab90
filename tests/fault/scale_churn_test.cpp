/*
 * A million connections on each port, half of them driven by the library and half by the host: made and accepted by the
 * library, a byte exchanged, reset. Resets leave no connection in TIME_WAIT behind, and several addresses share the ports.
 * Fewer where they take too long. ICN_CHURN=N: N of them in each test.
 */
#include <cstdlib>

#include "support/api_fixture.hpp"
#include "support/scale_process.hpp"

using namespace api_test;
using scale_test::Holdings;
using scale_test::holdings;

namespace
{

constexpr uint32_t at_a_time = 64;
constexpr uint32_t address_count = 8;
constexpr std::chrono::seconds long_enough{45};

uint64_t wanted()
{
    const char *given = std::getenv("ICN_CHURN");
    /* Under wine each connection costs its server a millisecond and more. */
    const uint64_t usual = on_windows ? 5000 : scaled(500000);
    return given != nullptr ? std::strtoull(given, nullptr, 10) : usual;
}

/* Two services: one accepts and sends a byte; the other connects, resets when the byte is there, and connects again. */
class Churn
{
public:
    Churn(const Mode &mode, uint64_t count) : wanted_(count), by_host_(mode.driving == IOCPNET_DRIVING_HOST)
    {
        server_ = create(mode);
        client_ = create(mode);
        on(server_, IOCPNET_EVENT_CONNECTED, accepted);
        on(server_, IOCPNET_EVENT_DISCONNECTED, count_lost);
        on(client_, IOCPNET_EVENT_RECEIVED, received);
        on(client_, IOCPNET_EVENT_DISCONNECTED, ended);
        on(client_, IOCPNET_EVENT_CONNECT_FAILED, failed);
        for (uint32_t i = 0; i < address_count; i++) {
            iocpnet_listener listener = 0;
            const std::string any = "127.0.0." + std::to_string(1 + i) + ":0";
            EXPECT_EQ(IOCPNET_OK, iocpnet_listener_open(server_, any.c_str(), nullptr, &listener));
            addresses_.push_back(session_address(iocpnet_listener_address, listener));
        }
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_start(server_));
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_start(client_));
    }

    ~Churn()
    {
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(client_));
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(server_));
    }

    void begin()
    {
        for (uint32_t i = 0; i < at_a_time; i++) {
            connect();
        }
    }

    /* Until all have come and gone. Progress, not the whole, is what has a limit. */
    void run()
    {
        uint64_t before = 0;
        while (!is_done() && wait_until([&] { return go_on() || client_ended_ > before + 100; })) {
            before = client_ended_;
        }
    }

    uint64_t done() const { return client_ended_; }

    /* Each connection was one on both sides, began once and ended once. */
    void expect_exact() const
    {
        const auto live = [this] { return statistics(server_).sessions_live + statistics(client_).sessions_live; };
        EXPECT_TRUE(wait_until([&] { return live() == 0; })); /* a moment after the last callback */
        const iocpnet_service_statistics server = statistics(server_);
        const iocpnet_service_statistics client = statistics(client_);
        EXPECT_EQ(0u, failures_);
        EXPECT_EQ(begun_, client.connects);
        EXPECT_EQ(begun_, server.accepts);
        EXPECT_EQ(begun_, client.disconnects_by_reason[IOCPNET_CLOSE_REQUESTED]);
        EXPECT_EQ(begun_, server.disconnects_by_reason[IOCPNET_CLOSE_RESET]);
    }

private:
    /* No more are begun. What has ended has begun the next one before it counts as ended. */
    bool is_over() const { return begun_ >= wanted_ || Clock::now() >= until_; }

    bool is_done() const { return is_over() && client_ended_ + failures_ >= begun_ && lost_ + failures_ >= begun_; }

    /* True when all is done. */
    bool go_on()
    {
        for (uint32_t i = 0; by_host_ && i < 1000 && !is_done(); i++) {
            EXPECT_GE(iocpnet_service_dispatch(client_, 0, 0), 0);
            EXPECT_GE(iocpnet_service_dispatch(server_, 0, 0), 0);
        }
        return is_done();
    }

    static iocpnet_service create(const Mode &mode)
    {
        iocpnet_service service = 0;
        iocpnet_service_options options;
        iocpnet_service_options_init(&options, sizeof options);
        options.port = mode.port;
        options.driving = mode.driving;
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_create(&options, &service));
        return service;
    }

    void on(iocpnet_service service, uint32_t kind, iocpnet_callback callback)
    {
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_set_callback(service, kind, callback, this));
    }

    static iocpnet_service_statistics statistics(iocpnet_service service)
    {
        iocpnet_service_statistics now = {};
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_stats(service, &now, sizeof now));
        return now;
    }

    void connect()
    {
        if (is_over()) {
            return;
        }
        const uint64_t number = begun_++;
        iocpnet_session session = 0;
        if (iocpnet_session_connect(client_, addresses_[number % address_count].c_str(), nullptr, &session) !=
            IOCPNET_OK) {
            failures_++;
        }
    }

    static void IOCPNET_CALL accepted(const iocpnet_event *event, void *)
    {
        iocpnet_session_send(event->session, "x", 1);
    }

    static void IOCPNET_CALL count_lost(const iocpnet_event *, void *user) { static_cast<Churn *>(user)->lost_++; }

    static void IOCPNET_CALL received(const iocpnet_event *event, void *)
    {
        disconnect(event->session, IOCPNET_DISCONNECT_ABORT);
    }

    static void IOCPNET_CALL ended(const iocpnet_event *, void *user)
    {
        auto *churn = static_cast<Churn *>(user);
        churn->connect();
        churn->client_ended_++;
    }

    static void IOCPNET_CALL failed(const iocpnet_event *, void *user)
    {
        auto *churn = static_cast<Churn *>(user);
        churn->connect();
        churn->failures_++;
    }

    const uint64_t wanted_;
    const Clock::time_point until_ = Clock::now() + long_enough;
    const bool by_host_;
    iocpnet_service server_ = 0;
    iocpnet_service client_ = 0;
    std::vector<std::string> addresses_;
    std::atomic<uint64_t> begun_{0};
    std::atomic<uint64_t> client_ended_{0};
    std::atomic<uint64_t> lost_{0};
    std::atomic<uint64_t> failures_{0};
};

std::vector<Mode> modes_of_callbacks()
{
    std::vector<Mode> modes;
    for (const Mode &mode : all_modes()) {
        if (mode.delivery == IOCPNET_DELIVERY_CALLBACKS) {
            modes.push_back(mode);
        }
    }
    return modes;
}

class ScaleChurn : public ModeTest
{
};
INSTANTIATE_TEST_SUITE_P(, ScaleChurn, testing::ValuesIn(modes_of_callbacks()),
                         [](const auto &test) { return mode_name(test.param); });

TEST_P(ScaleChurn, HalfAMillionConnectionsComeAndGoWithoutALeak)
{
    const uint64_t count = wanted();
    Churn(GetParam(), count / 100 + 1).begin();
    const Holdings before = holdings();
    {
        Churn churn(GetParam(), count);
        const auto start = Clock::now();
        churn.begin();
        churn.run();
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        churn.expect_exact();
        std::printf("figures: %llu connections churned on %s, %.0f a second\n",
                    static_cast<unsigned long long>(churn.done()), mode_name(GetParam()).c_str(),
                    static_cast<double>(churn.done()) / seconds);
        std::printf("total: connections churned = %llu\n", static_cast<unsigned long long>(churn.done()));
    }
    expect_nothing_alive();
    const Holdings after = holdings();
    EXPECT_EQ(before.descriptors, after.descriptors);
    if (!is_sanitized()) {
        EXPECT_LT(after.heap_bytes, before.heap_bytes + 64 * 1024);
        EXPECT_LT(after.resident_bytes, before.resident_bytes + 8 * 1024 * 1024);
    }
}

} // namespace
