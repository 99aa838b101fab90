/* How a host ends: in order, all at once, by several threads, or inside of an event; and what has to hold then. */
#include "stress/check.hpp"
#include "stress/host.hpp"
#include "stress/watchdog.hpp"

namespace stress
{

namespace
{

/* Far beyond what it takes, also under a sanitizer on a busy machine. */
constexpr std::chrono::seconds patience{20};

} // namespace

/* True when the condition holds in time. It is looked at without the mutex. */
bool Host::wait(std::chrono::seconds limit, const std::function<bool()> &condition)
{
    const auto until = Clock::now() + limit;
    while (!condition()) {
        if (Clock::now() > until) {
            return false;
        }
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(2));
    }
    return true;
}

void Host::end()
{
    const Doing doing("the end of a host");
    switch (started_ ? random_.below(5) : 3) {
    case 0:
    case 1:
        become_quiet();
        stop_orderly(random_.chance(70) ? random_.between(1, 500) : 0);
        break;
    case 2:
        stop_orderly(random_.chance(50) ? random_.between(1, 200) : 0);
        break;
    case 3:
        end_by_many();
        break;
    default:
        end_inside();
        break;
    }
    wait_gone();
    for (std::thread &driver : drivers_) {
        driver.join();
    }
    drivers_.clear();
}

/* Nobody acts any more, the faults are over, and then all that was begun has to come to its end. */
void Host::become_quiet()
{
    const Faults::Calm calm(world_.faults);
    quiet_ = true;
    if (!wait(patience, [this] { return actors_ == 0; })) {
        violate("a call does not return: " + describe());
    }
    wait_until_at_ease();
}

void Host::wait_until_at_ease()
{
    const Doing doing("waiting for honest peers, WRITABLE and last events");
    std::string what;
    const bool at_ease = wait(patience, [this, &what] {
        what = honest_peers_ != 0 ? "an honest peer does not come to its end" : "";
        for (const std::shared_ptr<Talk> &talk : all_talks()) {
            iocpnet_session_details details = {};
            iocpnet_session_resume_receive(talk->session());
            if (talk->is_to_end()) {
                what = "a session does not end: " + talk->name();
            }
            if (talk->writable_is_due() &&
                iocpnet_session_info(talk->session(), &details, sizeof details) == IOCPNET_OK &&
                details.state == IOCPNET_SESSION_OPEN && details.send_queue_bytes == 0) {
                what = "WRITABLE does not come: " + talk->name();
            }
        }
        return what.empty();
    });
    if (!at_ease) {
        violate(what + ": " + describe());
    }
}

int32_t Host::stop(uint32_t drain_ms, iocpnet_stop_result *result)
{
    const Doing doing("stop");
    const int32_t status = iocpnet_service_stop(service_, drain_ms, result);
    world_.expect("stop", status, {IOCPNET_PENDING, IOCPNET_E_INVALID_HANDLE});
    return status;
}

void Host::violate_unended()
{
    for (const std::shared_ptr<Talk> &talk : all_talks()) {
        if (talk->state() == Talk::made || talk->state() == Talk::connected) {
            violate("a session never ended: " + talk->name() + ": " + describe());
        }
    }
}

void Host::stop_orderly(uint32_t drain_ms)
{
    iocpnet_stop_result result = {};
    const uint64_t ended_before = counts_[IOCPNET_EVENT_DISCONNECTED];
    const bool by_host = options_.driving == IOCPNET_DRIVING_HOST;
    int32_t status = stop(drain_ms, &result);
    if (status == IOCPNET_PENDING && !by_host) {
        violate("stop outside of callbacks gave PENDING: " + describe());
    }
    const bool seen = wait(patience, [this] { return all_ends_were_seen(); });
    if (!seen) {
        violate("stop does not come to its end: " + describe());
        violate_unended();
        return;
    }
    status = stop(0, &result);
    if (status != IOCPNET_OK) {
        violate("stop after SERVICE_STOPPED gave " + std::to_string(status) + ": " + describe());
    }
    strict_ = true;
    check_stopped(result, ended_before);
    world_.expect("destroy", destroy(), {});
}

/* Which sessions ended before their dispatcher knew of the stop is not known; so these are bounds. */
void Host::check_stopped(const iocpnet_stop_result &result, uint64_t ended_before)
{
    uint64_t by_stop = 0;
    uint64_t unsent_by_stop = 0;
    uint64_t unsent = 0;
    for (const std::shared_ptr<Talk> &talk : all_talks()) {
        if (talk->state() == Talk::ended) {
            const bool stopped = talk->close_reason() == IOCPNET_CLOSE_SERVICE_STOPPED;
            by_stop += stopped ? 1 : 0;
            unsent_by_stop += stopped ? talk->bytes_unsent() : 0;
            unsent += talk->bytes_unsent();
        }
    }
    const uint64_t told = result.sessions_drained + result.sessions_aborted;
    if (told < by_stop || told > counts_[IOCPNET_EVENT_DISCONNECTED] - ended_before) {
        violate("stop told of " + std::to_string(told) + " sessions, " + std::to_string(by_stop) +
                " ended with SERVICE_STOPPED: " + describe());
    }
    if (result.bytes_unsent < unsent_by_stop || result.bytes_unsent > unsent) {
        violate("stop told of " + std::to_string(result.bytes_unsent) + " bytes unsent, not of " +
                std::to_string(unsent_by_stop) + " to " + std::to_string(unsent) + ": " + describe());
    }
}

/* In batches each dispatcher has a queue of its own, and SERVICE_STOPPED is in the first one. */
bool Host::all_ends_were_seen() const
{
    iocpnet_service_statistics statistics = {};
    iocpnet_service_stats(service_, &statistics, sizeof statistics);
    return counts_[IOCPNET_EVENT_SERVICE_STOPPED] != 0 && statistics.sessions_live == 0 &&
           statistics.operations_live == 0 && statistics.disconnects == counts_[IOCPNET_EVENT_DISCONNECTED] &&
           statistics.disconnects == counts_[IOCPNET_EVENT_CONNECTED] &&
           statistics.connects_failed == counts_[IOCPNET_EVENT_CONNECT_FAILED];
}

/* Stops and destroys at once, from several threads. */
void Host::end_by_many()
{
    std::vector<std::thread> threads;
    for (uint32_t i = random_.between(1, 5); i > 0; i--) {
        threads.emplace_back([this, i] {
            Random random(derive(seed_, part_ender, i));
            const bool stops = random.chance(40);
            std::this_thread::sleep_for(std::chrono::microseconds(random.below(2000)));
            if (stops) {
                static_cast<void>(stop(random.chance(50) ? random.below(100) : 0, nullptr));
            } else {
                world_.expect("destroy", destroy(), {IOCPNET_E_INVALID_HANDLE});
            }
        });
    }
    world_.expect("destroy", destroy(), {IOCPNET_E_INVALID_HANDLE});
    for (std::thread &thread : threads) {
        thread.join();
    }
}

void Host::end_inside()
{
    destroy_inside_ = true;
    static_cast<void>(wait(std::chrono::seconds(1), [this] { return gone_ || pending_destroys_ != 0; }));
    world_.expect("destroy", destroy(), {IOCPNET_E_INVALID_HANDLE});
}

/* Batches: what they point to ends, so nobody reads there any more, the calling thread first of all. */
int32_t Host::destroy()
{
    const Doing doing("destroy");
    {
        std::unique_lock<std::mutex> lock(mutex_);
        memory_ends_ = true;
    }
    end_reading();
    while (is_batches()) {
        std::unique_lock<std::mutex> lock(mutex_);
        if (readers_ == 0) {
            break;
        }
        changed_.wait_for(lock, std::chrono::milliseconds(2));
    }
    const int32_t status = iocpnet_service_destroy(service_);
    if (status == IOCPNET_OK) {
        gone_ = true;
    } else if (status == IOCPNET_PENDING) {
        pending_destroys_++;
    }
    changed_.notify_all();
    return status == IOCPNET_PENDING ? IOCPNET_OK : status;
}

void Host::wait_gone()
{
    if (!wait(patience, [this] { return gone_.load(); })) {
        give_up("a service that is being destroyed does not go: " + describe());
    }
    quiet_ = true;
    if (!wait(patience, [this] { return actors_ == 0; })) {
        give_up("a call on a service that is gone does not return: " + describe());
    }
}

void Host::settle()
{
    const bool complete = strict_ || !is_batches();
    const bool all_sent = (options_.batch_events & IOCPNET_EVENT_BIT(IOCPNET_EVENT_SENT)) != 0 || !is_batches();
    const bool no_loss = !is_batches() || !world_.faults.memory_failed();
    uint64_t outbound = 0;
    for (const std::shared_ptr<Talk> &talk : all_talks()) {
        outbound += talk->is_outbound() ? 1 : 0;
        talk->settle(world_.ledger, all_sent && no_loss);
    }
    if (complete) {
        violate_unended();
    }
    if (complete && outbound != connects_made_) {
        violate("connects were made that had no event, or events without a connect: " + describe());
    }
    if ((pending_destroys_ != 0) != (counts_[IOCPNET_EVENT_SERVICE_DESTROYED] != 0)) {
        violate("destroys that are PENDING and SERVICE_DESTROYED do not match: " + describe());
    }
}

} // namespace stress
