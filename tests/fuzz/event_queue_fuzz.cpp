/* The event queue of a dispatcher, against a list of what was appended. Producer and consumer are the same thread. */
#include <deque>
#include <memory>
#include <vector>

#include "fuzz/input.hpp"

extern "C" {
#include "net/session.h"
#include "service/event_queue.h"
#include "util/handle.h"
#include "util/memory.h"
}

namespace
{

constexpr uint64_t bytes_max = 3000;

enum class What {
    event,
    end_of_stream,
    end
};

/* A session that is only looked at, never opened. It is finalized, not freed, when its handle ends. */
struct Session {
    icn_session session = {};
    bool ended = false;
    bool end_of_stream = false;
    bool finalized = false;
};

struct Record {
    What what;
    Session *session;
    uint32_t kind;
    std::string bytes;
    uint64_t size;
    uint64_t space; /* in the queue */
};

class Machine
{
public:
    explicit Machine(fuzz::Input &input) : input_(input)
    {
        wanted_ = input.flag() ? ~UINT64_C(0) : ~IOCPNET_EVENT_BIT(IOCPNET_EVENT_DISCONNECTED);
        loop_.roster = &roster_;
        icn_event_queue_init(&queue_, bytes_max, wanted_);
    }

    void run()
    {
        while (!input_.is_empty()) {
            step();
            check();
        }
        end();
    }

private:
    void step()
    {
        switch (input_.below(12)) {
        case 0:
        case 1:
        case 2:
            append(IOCPNET_EVENT_RECEIVED);
            break;
        case 3:
            append(IOCPNET_EVENT_SENT);
            break;
        case 4:
            append_end_of_stream();
            break;
        case 5:
            append_end();
            break;
        case 6:
            publish();
            break;
        case 7:
        case 8:
            fetch(1 + input_.below(8));
            break;
        case 9:
            reclaim();
            break;
        case 10:
            starve_or_feed();
            break;
        default:
            other();
            break;
        }
    }

    void other()
    {
        switch (input_.below(4)) {
        case 0:
            icn_event_queue_append_stopped(&queue_);
            stopped_ = true;
            break;
        case 1:
            icn_event_queue_wake(&queue_);
            FUZZ_REQUIRE(icn_event_queue_wait(&queue_, IOCPNET_INFINITE));
            break;
        case 2:
            icn_u8_store(&any().session.close_claim, ICN_CLOSE_BY_HOST);
            break;
        default:
            failing_ = true;
            icn_memory_fail(input_.below(3), input_.flag() ? 1 : 0);
            break;
        }
    }

    static void finalize(void *object) { static_cast<Session *>(object)->finalized = true; }

    Session &make()
    {
        sessions_.push_back(std::make_unique<Session>());
        Session &made = *sessions_.back();
        made.session.loop = &loop_;
        made.session.announced = true;
        made.session.kick.pending.value = 1; /* a kick is on its way: nothing more is pushed */
        icn_list_init(&made.session.loop_node);
        FUZZ_REQUIRE(icn_handle_create(ICN_HANDLE_SESSION, &made, finalize, &made.session.handle) == IOCPNET_OK);
        icn_handle_unpin(made.session.handle);
        return made;
    }

    /* One that has not ended. */
    Session &any()
    {
        Session *found = sessions_.empty() ? nullptr : sessions_[input_.below(uint32_t(sessions_.size()))].get();
        return found == nullptr || found->ended ? make() : *found;
    }

    void append(uint32_t kind)
    {
        Session &session = any();
        if (session.end_of_stream) {
            return;
        }
        iocpnet_event event = {};
        const uint32_t size = 1 + (input_.below(5) == 0 ? input_.below(65535) : input_.below(200));
        const bool has_bytes = kind == IOCPNET_EVENT_RECEIVED;
        const std::string bytes = has_bytes ? fuzz::stream(made_, size) : "";
        event.kind = kind;
        event.size = size;
        event.data = has_bytes ? bytes.data() : nullptr;
        keep(icn_event_queue_append(&queue_, &session.session, &event), {What::event, &session, kind, bytes, size, 0});
        made_ += size;
    }

    void append_end_of_stream()
    {
        Session &session = any();
        if (!session.end_of_stream) {
            const bool kept = icn_event_queue_append_end_of_stream(&queue_, &session.session);
            session.end_of_stream = kept;
            keep(kept, {What::end_of_stream, &session, 0, "", 0, 0});
        }
    }

    void keep(bool kept, Record record)
    {
        if (queue_.writing != block_) {
            /* A new block lets the consumer see what is in those before it. */
            block_ = queue_.writing;
            show();
        }
        const uint64_t before = bytes_;
        bytes_ = icn_event_queue_bytes(&queue_);
        FUZZ_REQUIRE(kept || failing_);
        if (kept) {
            record.space = bytes_ - before;
            FUZZ_REQUIRE(record.space > record.bytes.size());
            hidden_.push_back(record);
        } else {
            FUZZ_REQUIRE(bytes_ == before);
        }
    }

    void append_end()
    {
        Session &session = any();
        session.ended = true;
        icn_u8_store(&session.session.state, ICN_SESSION_ENDED);
        icn_event_queue_append_end(&queue_, &session.session);
        show();
        shown_.push_back({What::end, &session, IOCPNET_EVENT_DISCONNECTED, "", 0, 0});
    }

    void publish()
    {
        icn_event_queue_publish(&queue_);
        show();
    }

    void show()
    {
        shown_.insert(shown_.end(), hidden_.begin(), hidden_.end());
        hidden_.clear();
    }

    static bool is_skipped(const Record &record)
    {
        return record.kind == IOCPNET_EVENT_RECEIVED &&
               icn_u8_load(&record.session->session.close_claim) == ICN_CLOSE_BY_HOST;
    }

    /* Takes the first record off; true when it is an event for the host. */
    bool take(Record *record)
    {
        *record = shown_.front();
        shown_.pop_front();
        bytes_ -= record->space;
        if (record->what == What::end_of_stream) {
            lent_ends_of_stream_.push_back(record->session);
            return false;
        }
        if (record->what == What::end) {
            lent_.push_back(record->session);
            return (wanted_ & IOCPNET_EVENT_BIT(IOCPNET_EVENT_DISCONNECTED)) != 0;
        }
        return !is_skipped(*record);
    }

    void fetch(uint32_t capacity)
    {
        std::vector<iocpnet_event> events(capacity);
        const uint32_t count = icn_event_queue_fetch(&queue_, events.data(), capacity);
        uint32_t at = 0;
        while (at < capacity && !shown_.empty()) {
            Record record;
            if (take(&record)) {
                FUZZ_REQUIRE(at < count);
                compare(events[at++], record);
            }
        }
        if (at < capacity && stopped_) {
            stopped_ = false;
            FUZZ_REQUIRE(at < count && events[at++].kind == IOCPNET_EVENT_SERVICE_STOPPED);
        }
        FUZZ_REQUIRE(at == count);
        borrowed_.insert(borrowed_.end(), events.begin(), events.begin() + count);
        if (count == 0) {
            told();
        }
    }

    void compare(const iocpnet_event &event, const Record &record)
    {
        FUZZ_REQUIRE(event.kind == record.kind && event.session == record.session->session.handle);
        FUZZ_REQUIRE(event.size == record.size && (event.data == nullptr) == record.bytes.empty());
        lent_bytes_.push_back(record.bytes);
        FUZZ_REQUIRE(event.data == nullptr || std::memcmp(event.data, record.bytes.data(), record.bytes.size()) == 0);
    }

    /* What was lent is the host's until now. */
    void reclaim()
    {
        size_t next = 0;
        for (const iocpnet_event &event : borrowed_) {
            if (event.kind != IOCPNET_EVENT_SERVICE_STOPPED) {
                const std::string &bytes = lent_bytes_[next++];
                FUZZ_REQUIRE(bytes.empty() || std::memcmp(event.data, bytes.data(), bytes.size()) == 0);
            }
        }
        borrowed_.clear();
        lent_bytes_.clear();
        icn_event_queue_reclaim(&queue_);
        told();
    }

    void told()
    {
        for (Session *each : lent_ends_of_stream_) {
            FUZZ_REQUIRE(icn_u8_load(&each->session.end_seen) == 1);
        }
        lent_ends_of_stream_.clear();
        for (Session *each : lent_) {
            FUZZ_REQUIRE(each->finalized);
        }
        lent_.clear();
    }

    void starve_or_feed()
    {
        const bool room = bytes_ <= bytes_max / 2;
        if (input_.flag()) {
            FUZZ_REQUIRE(icn_event_queue_starve(&queue_) == !room);
            starving_ = !room;
        } else {
            FUZZ_REQUIRE(icn_event_queue_may_feed(&queue_) == (starving_ && room));
            starving_ = starving_ && !room;
        }
    }

    void check()
    {
        FUZZ_REQUIRE(icn_event_queue_bytes(&queue_) == bytes_);
        FUZZ_REQUIRE(icn_event_queue_is_full(&queue_) == (bytes_ > bytes_max));
        FUZZ_REQUIRE(icn_event_queue_has_events(&queue_) == (!shown_.empty() || stopped_));
        for (const Session *each : lent_) {
            FUZZ_REQUIRE(!each->finalized);
        }
        for (const Session *each : lent_ends_of_stream_) {
            FUZZ_REQUIRE(icn_u8_load(&each->session.end_seen) == 0);
        }
    }

    void end()
    {
        icn_memory_fail(0, 0);
        icn_event_queue_discard(&queue_);
        for (const auto &each : sessions_) {
            FUZZ_REQUIRE(each->finalized == each->ended);
            if (!each->ended) {
                icn_session_release(&each->session);
            }
        }
        icn_event_queue_fini(&queue_);
        FUZZ_REQUIRE(icn_memory_blocks(ICN_MEMORY_EVENT_BUFFER) == 0);
    }

    fuzz::Input &input_;
    icn_roster roster_ = {};
    icn_loop loop_ = {};
    icn_event_queue queue_ = {};
    uint64_t wanted_;
    std::vector<std::unique_ptr<Session>> sessions_;
    std::deque<Record> hidden_; /* appended, not published */
    std::deque<Record> shown_;  /* published, not fetched */
    std::vector<iocpnet_event> borrowed_;
    std::vector<std::string> lent_bytes_; /* what the borrowed events point to */
    std::vector<Session *> lent_;
    std::vector<Session *> lent_ends_of_stream_;
    const icn_event_block *block_ = nullptr; /* that is written to */
    uint64_t bytes_ = 0;
    uint64_t made_ = 0;
    bool stopped_ = false;
    bool starving_ = false;
    bool failing_ = false;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    Machine(input).run();
    return 0;
}
