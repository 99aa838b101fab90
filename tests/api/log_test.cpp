/* The log: lines are handed to a thread of its own. What makes the library say something is a full descriptor table. */
#if defined(__linux__)

#include <algorithm>
#include <set>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

/* What a log callback was given. */
struct Lines {
    static void IOCPNET_CALL take(int32_t level, const char *component, const char *text, void *user)
    {
        auto *lines = static_cast<Lines *>(user);
        const std::lock_guard<std::mutex> lock(lines->mutex);
        lines->count++;
        lines->threads.insert(std::this_thread::get_id());
        lines->highest = std::max(lines->highest, level);
        lines->well_formed = lines->well_formed && component != nullptr && component[0] != '\0' && text != nullptr &&
                             text[0] != '\0' && std::string(text).find('\n') == std::string::npos;
    }

    uint64_t seen()
    {
        const std::lock_guard<std::mutex> lock(mutex);
        return count;
    }

    std::mutex mutex;
    uint64_t count = 0;
    int32_t highest = 0;
    bool well_formed = true;
    std::set<std::thread::id> threads;
};

/* A service with a session, to which a client then comes for which there is no descriptor. */
class Trouble
{
public:
    explicit Trouble(const std::string &port)
        : host_({static_cast<uint32_t>(std::stoul(port)), IOCPNET_DRIVING_LIBRARY, IOCPNET_DELIVERY_CALLBACKS})
    {
        const rlimit few = {64, 64};
        setrlimit(RLIMIT_NOFILE, &few);
        host_.echo();
        address_ = host_.listen();
        host_.start();
        first_ = Socket::connect(address_);
        host_.wait_connected(1);
    }

    ~Trouble() { give_back(); }

    void make()
    {
        for (int descriptor = dup(2); descriptor >= 0; descriptor = dup(2)) {
            taken_.push_back(descriptor);
        }
        close(taken_.back());
        taken_.pop_back();
        late_ = Socket::connect_later(address_);
    }

    bool still_echoes() { return first_.send("echo") && first_.receive(4) == "echo"; }

    void give_back()
    {
        for (const int descriptor : taken_) {
            close(descriptor);
        }
        taken_.clear();
    }

    std::thread::id dispatcher() { return host_.recorder().session(host_.recorder().nth(0)).first.thread; }

private:
    Host host_;
    std::string address_;
    Socket first_;
    Socket late_;
    std::vector<int> taken_;
};

int play_threads(const std::vector<std::string> &arguments)
{
    Lines lines;
    ROLE_REQUIRE(iocpnet_set_log_callback(Lines::take, IOCPNET_LOG_WARNING, &lines) == IOCPNET_OK);
    {
        Trouble trouble(arguments[0]);
        trouble.make();
        ROLE_REQUIRE(wait_until([&] { return lines.seen() > 0; }));
        ROLE_REQUIRE(lines.threads.count(trouble.dispatcher()) == 0);
    }
    ROLE_REQUIRE(iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr) == IOCPNET_OK);
    ROLE_REQUIRE(lines.threads.size() == 1);
    ROLE_REQUIRE(lines.threads.count(std::this_thread::get_id()) == 0);
    ROLE_REQUIRE(lines.well_formed);
    ROLE_REQUIRE(lines.highest <= IOCPNET_LOG_WARNING);
    return 0;
}
const RoleRegistration threads_role("log_threads", play_threads);

int play_level(const std::vector<std::string> &arguments)
{
    Lines errors;
    ROLE_REQUIRE(iocpnet_set_log_callback(Lines::take, IOCPNET_LOG_ERROR, &errors) == IOCPNET_OK);
    {
        Trouble trouble(arguments[0]);
        trouble.make();
        ROLE_REQUIRE(trouble.still_echoes());
    }
    ROLE_REQUIRE(iocpnet_set_log_callback(nullptr, IOCPNET_LOG_DEBUG, nullptr) == IOCPNET_OK);
    ROLE_REQUIRE(errors.seen() == 0); /* it is a warning */
    return 0;
}
const RoleRegistration level_role("log_level", play_level);

int play_replaced(const std::vector<std::string> &arguments)
{
    Lines first;
    Lines second;
    ROLE_REQUIRE(iocpnet_set_log_callback(Lines::take, IOCPNET_LOG_DEBUG, &first) == IOCPNET_OK);
    Trouble trouble(arguments[0]);
    ROLE_REQUIRE(iocpnet_set_log_callback(Lines::take, IOCPNET_LOG_DEBUG, &second) == IOCPNET_OK);
    const uint64_t before = first.seen();
    trouble.make();
    ROLE_REQUIRE(wait_until([&] { return second.seen() > 0; }));
    ROLE_REQUIRE(first.seen() == before);
    ROLE_REQUIRE(iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr) == IOCPNET_OK);
    return 0;
}
const RoleRegistration replaced_role("log_replaced", play_replaced);

std::atomic<bool> entered;
std::atomic<bool> released;

void IOCPNET_CALL be_slow(int32_t, const char *, const char *, void *)
{
    entered = true;
    while (!released) {
        pause_briefly();
    }
}

int play_slow(const std::vector<std::string> &arguments)
{
    ROLE_REQUIRE(iocpnet_set_log_callback(be_slow, IOCPNET_LOG_DEBUG, nullptr) == IOCPNET_OK);
    {
        Trouble trouble(arguments[0]);
        trouble.make();
        ROLE_REQUIRE(wait_until([] { return entered.load(); }));
        for (int i = 0; i < 100; i++) {
            ROLE_REQUIRE(trouble.still_echoes());
        }
        released = true;
    }
    return iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr);
}
const RoleRegistration slow_role("log_slow", play_slow);

void IOCPNET_CALL call_the_library(int32_t, const char *, const char *, void *)
{
    iocpnet_live_objects counts;
    EXPECT_EQ(IOCPNET_OK, iocpnet_count_live_objects(&counts, sizeof counts));
    EXPECT_EQ(IOCPNET_OK, iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr));
    entered = true;
}

int play_calls(const std::vector<std::string> &arguments)
{
    ROLE_REQUIRE(iocpnet_set_log_callback(call_the_library, IOCPNET_LOG_DEBUG, nullptr) == IOCPNET_OK);
    Trouble trouble(arguments[0]);
    trouble.make();
    ROLE_REQUIRE(wait_until([] { return entered.load(); }));
    return iocpnet_set_log_callback(nullptr, IOCPNET_LOG_NONE, nullptr);
}
const RoleRegistration calls_role("log_calls", play_calls);

class Log : public PortTest
{
protected:
    int play(const std::string &role) { return Process::start_role(role + " " + std::to_string(GetParam())).wait(); }
};
API_TEST_ON_EVERY_PORT(Log);

TEST_P(Log, LinesArriveOnOneThreadThatIsNoDispatcherAndNotTheCaller)
{
    EXPECT_EQ(0, play("log_threads"));
}

TEST_P(Log, NothingAboveTheLevelComes)
{
    EXPECT_EQ(0, play("log_level"));
}

TEST_P(Log, CallbackThatIsReplacedNeverRunsAgain)
{
    EXPECT_EQ(0, play("log_replaced"));
}

TEST_P(Log, SlowCallbackDoesNotSlowASessionDown)
{
    EXPECT_EQ(0, play("log_slow"));
}

TEST_P(Log, CallbackMayCallTheLibrary)
{
    EXPECT_EQ(0, play("log_calls"));
}

} // namespace

#endif
