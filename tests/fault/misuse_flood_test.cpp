/*
 * Millions of wrong calls of every exported function, from one thread and from several, while services live, work, come
 * and go: each is refused with the right status, and nothing is harmed.
 */
#include <thread>

#include "support/api_fixture.hpp"
#include "support/scale_flood.hpp"

using namespace api_test;
using scale_test::Flood;
using scale_test::Handles;

namespace
{

/* Work of another thread, again and again until it is stopped. */
class Worker
{
public:
    explicit Worker(const std::function<void()> &work)
        : thread_([this, work] {
              while (!stop_) {
                  work();
                  rounds_++;
              }
          })
    {
    }
    ~Worker()
    {
        stop_ = true;
        thread_.join();
        EXPECT_GT(rounds_, 0u);
    }

private:
    std::atomic<bool> stop_{false};
    uint64_t rounds_ = 0;
    std::thread thread_;
};

/* A service that serves one session. All its handles, which are stale when it returns. */
std::vector<uint64_t> live_and_die(const Mode &mode)
{
    Host host(mode);
    host.echo();
    const std::string address = host.listen();
    EXPECT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_TRUE(host.wait_connected(1));
    return {host.service(), host.listener(), host.recorder().nth(0)};
}

class MisuseFlood : public PortTest
{
protected:
    void SetUp() override
    {
        PortTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        world = std::make_unique<World>(callbacks());
        outputs = {77, &outputs, {7, 7, 7}, {7, 7, 7, 7, 7}};
        handles.live = {{world->service, Kind::service},   {world->polled, Kind::service},
                        {world->driven, Kind::service},    {world->fresh, Kind::service},
                        {world->listener, Kind::listener}, {world->session, Kind::session},
                        {world->buffer, Kind::buffer},     {world->group, Kind::group}};
        for (uint32_t i = 0; i < 20; i++) {
            const std::vector<uint64_t> ended = live_and_die(callbacks());
            handles.stale.insert(handles.stale.end(), ended.begin(), ended.end());
        }
    }

    void TearDown() override
    {
        if (world) {
            world->expect_unharmed();
        }
        EXPECT_EQ(77u, outputs.handle);
        EXPECT_EQ(&outputs, outputs.user);
        EXPECT_EQ(7u, outputs.stopped.bytes_unsent);
        world.reset();
        PortTest::TearDown();
    }

    void run(uint32_t threads, uint32_t calls_each)
    {
        Flood flood(*world, handles);
        Random random;
        std::vector<uint64_t> seeds(threads);
        std::generate(seeds.begin(), seeds.end(), [&] { return random.any(); });
        const auto start = Clock::now();
        run_on_threads(threads, [&](uint32_t i) { flood.run(seeds[i], calls_each); });
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        EXPECT_EQ(uint64_t{threads} * calls_each, flood.calls());
        EXPECT_GT(flood.fewest(), calls_each / 100);
        std::printf("figures: misuse on %s, %u threads: %llu calls, %.0f a second, at least %llu of each function\n",
                    port_name(GetParam()).c_str(), threads, static_cast<unsigned long long>(flood.calls()),
                    static_cast<double>(flood.calls()) / seconds, static_cast<unsigned long long>(flood.fewest()));
        std::printf("total: wrong calls = %llu\n", static_cast<unsigned long long>(flood.calls()));
    }

    void echo_once()
    {
        ASSERT_TRUE(world->peer.send("at work!"));
        ASSERT_EQ("at work!", world->peer.receive(8));
    }

    std::unique_ptr<World> world;
    Handles handles;
};
API_TEST_ON_EVERY_PORT(MisuseFlood);

TEST_P(MisuseFlood, OneThreadIsRefusedWhileASessionEchoes)
{
    const Worker echo([this] { echo_once(); });
    run(1, scaled(5000000));
}

TEST_P(MisuseFlood, SeveralThreadsAreRefusedWhileServicesComeAndGo)
{
    /* A flipped position might be that of a handle that lives for a moment. */
    handles.flippable = ~UINT64_C(0xFFFFFF);
    const Worker echo([this] { echo_once(); });
    const Worker churn([this] { live_and_die(callbacks()); });
    run(4, scaled(2500000));
}

} // namespace
