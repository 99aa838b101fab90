// The load of the dummy client: its sessions, what they send, and the check of what comes back.
#ifndef SAMPLE_LOAD_HPP
#define SAMPLE_LOAD_HPP

#include "histogram.hpp"
#include "payload.hpp"
#include "report.hpp"

#include <iocpnet.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

namespace sample
{

struct load_options {
    std::string connect = "127.0.0.1:7000";
    std::uint32_t sessions = 100;
    std::uint32_t size = 100;   // bytes of a message
    std::uint64_t messages = 0; // on each session; 0: no limit
    std::uint32_t depth = 1;    // messages of a session on their way at once
    bool reconnect = false;
};

class load
{
public:
    load(const load_options &options, std::uint32_t dispatchers)
        : options_(options), lanes_(dispatchers), peers_(options.sessions)
    {
        for (lane_state &lane : lanes_) {
            lane.message.resize(options_.size);
        }
        for (peer_state &peer : peers_) {
            peer.sent_at.resize(options_.depth);
            waiting_.push_back({&peer, clock::now()});
        }
    }

    // Its handlers run on the dispatchers, never two at a time for one session.
    void attach(iocpnet::service &service)
    {
        service_ = &service;
        service.on_connected([this](const iocpnet::event &event) { connected(event); }).value();
        service.on_received([this](const iocpnet::event &event) { received(event); }).value();
        service.on_writable([this](const iocpnet::event &event) { send_more(event); }).value();
        service.on_disconnected([this](const iocpnet::event &event) { disconnected(event); }).value();
        service.on_connect_failed([this](const iocpnet::event &event) { connect_failed(event); }).value();
    }

    // Main thread, often: connects what waits for it, a window at a time, so that no back-log overflows.
    void connect_more()
    {
        while (peer_state *peer = next_to_connect()) {
            connect(*peer);
        }
    }

    // No new message is sent; each session ends when its last echo has come back.
    void finish()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        finishing_ = true;
        waiting_.clear();
    }

    bool has_ended()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return waiting_.empty() && connecting_ == 0 && open_ == 0;
    }

    traffic totals() const
    {
        traffic totals;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            totals.sessions = open_;
        }
        for (const lane_state &lane : lanes_) {
            totals.messages += lane.messages.load(std::memory_order_relaxed);
            totals.bytes += lane.bytes.load(std::memory_order_relaxed);
            lane.round_trips.add_to(totals.times);
        }
        return totals;
    }

    // True if echoes came back, every byte was right, and no session failed.
    bool print_verdict() const
    {
        const bool has_echoes = totals().messages != 0;
        const std::uint64_t failed = failed_.load(), wrong = wrong_.load();
        std::printf("verdict: %llu sessions failed, %llu got wrong bytes%s\n", static_cast<unsigned long long>(failed),
                    static_cast<unsigned long long>(wrong), has_echoes ? "" : ", no message came back");
        return has_echoes && failed == 0 && wrong == 0;
    }

private:
    static constexpr std::uint32_t connecting_max = 256;
    static constexpr std::chrono::milliseconds reconnect_delay{200};
    static constexpr std::uint64_t failures_printed_max = 10;

    // A session, over all its connections: its user value. Its handlers alone touch it.
    struct peer_state {
        std::uint64_t first = 0;                // message of this connection
        std::uint64_t sent = 0;                 // messages
        std::uint64_t echoed = 0;               // messages that came back whole
        std::size_t offset = 0;                 // bytes of the next one that came back
        std::vector<clock::time_point> sent_at; // of the messages on their way: a ring
    };

    // What the sessions of one dispatcher share. Its thread alone writes it.
    struct alignas(64) lane_state {
        histogram round_trips;
        std::atomic<std::uint64_t> messages{0};
        std::atomic<std::uint64_t> bytes{0};
        std::vector<std::byte> message; // the next one to be sent
    };

    struct waiting_peer {
        peer_state *peer;
        clock::time_point due;
    };

    // The next peer to connect, counted as connecting; NULL when none is due or enough are connecting already.
    peer_state *next_to_connect()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (waiting_.empty() || connecting_ == connecting_max || waiting_.front().due > clock::now()) {
            return nullptr;
        }
        peer_state *peer = waiting_.front().peer;
        waiting_.pop_front();
        ++connecting_;
        return peer;
    }

    void connect(peer_state &peer)
    {
        iocpnet::connect_options options;
        options.user = &peer;
        const auto session = service_->connect(options_.connect, options);
        if (session.code() == IOCPNET_E_INVALID_ADDRESS) {
            session.value(); // throws: no other session will do better
        }
        if (!session) {
            end_connecting();
            lose(peer, session.text());
        }
    }

    void connected(const iocpnet::event &event)
    {
        auto &peer = *event.user<peer_state>();
        peer.first = peer.echoed = peer.sent; // goes on counting, so that no two connections send the same
        peer.offset = 0;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            --connecting_;
            ++open_;
        }
        send_more(event);
    }

    // Keeps as many messages on their way as are wanted. A full send queue goes on with the writable event.
    void send_more(const iocpnet::event &event)
    {
        auto &peer = *event.user<peer_state>();
        std::vector<std::byte> &message = lanes_[event.dispatcher()].message;
        while (peer.sent - peer.echoed < options_.depth && !has_sent_all(peer)) {
            payload(number_of(peer), peer.sent).fill(message.data(), message.size());
            peer.sent_at[peer.sent % options_.depth] = clock::now();
            if (!event.session().send(message)) {
                return;
            }
            ++peer.sent;
        }
        if (peer.sent == peer.echoed) {
            event.session().disconnect();
        }
    }

    void received(const iocpnet::event &event)
    {
        auto &peer = *event.user<peer_state>();
        lane_state &lane = lanes_[event.dispatcher()];
        const auto now = clock::now();
        const std::byte *data = event.data().data();
        std::size_t left = event.data().size();
        while (left > 0) {
            const std::size_t size = std::min(left, options_.size - peer.offset);
            if (peer.echoed == peer.sent || !payload(number_of(peer), peer.echoed).matches(data, size, peer.offset)) {
                reject(event.session(), peer);
                return;
            }
            data += size;
            left -= size;
            add(lane.bytes, size);
            accept(lane, peer, size, now);
        }
        send_more(event);
    }

    // Bytes that were right. The last ones of a message end its round trip.
    void accept(lane_state &lane, peer_state &peer, std::size_t size, clock::time_point now)
    {
        peer.offset += size;
        if (peer.offset == options_.size) {
            lane.round_trips.record(nanoseconds_between(peer.sent_at[peer.echoed % options_.depth], now));
            add(lane.messages, 1);
            ++peer.echoed;
            peer.offset = 0;
        }
    }

    void reject(iocpnet::session session, const peer_state &peer)
    {
        wrong_.fetch_add(1);
        std::fprintf(stderr, "session %zu: wrong bytes in message %llu, from byte %zu on\n", number_of(peer),
                     static_cast<unsigned long long>(peer.echoed), peer.offset);
        session.abort();
    }

    void disconnected(const iocpnet::event &event)
    {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            --open_;
        }
        if (event.reason() != iocpnet::close_reason::requested) {
            lose(*event.user<peer_state>(), iocpnet::name(event.reason()));
        }
    }

    void connect_failed(const iocpnet::event &event)
    {
        end_connecting();
        lose(*event.user<peer_state>(), event.status().text());
    }

    void end_connecting()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        --connecting_;
    }

    // A session that ended, or could not begin, against our will.
    void lose(peer_state &peer, const char *cause)
    {
        if (options_.reconnect) {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (!finishing_) {
                waiting_.push_back({&peer, clock::now() + reconnect_delay});
            }
        } else if (failed_.fetch_add(1) < failures_printed_max) {
            std::fprintf(stderr, "session %zu failed: %s\n", number_of(peer), cause);
        }
    }

    std::size_t number_of(const peer_state &peer) const { return static_cast<std::size_t>(&peer - peers_.data()); }

    bool has_sent_all(const peer_state &peer) const
    {
        return finishing_ || (options_.messages != 0 && peer.sent - peer.first == options_.messages);
    }

    // There is no other writer, so that a plain store suffices.
    static void add(std::atomic<std::uint64_t> &counter, std::uint64_t value)
    {
        counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
    }

    const load_options options_;
    iocpnet::service *service_ = nullptr;
    std::vector<lane_state> lanes_; // one for each dispatcher
    std::vector<peer_state> peers_; // one for each session
    std::atomic<bool> finishing_{false};
    std::atomic<std::uint64_t> failed_{0};
    std::atomic<std::uint64_t> wrong_{0};

    mutable std::mutex mutex_; // of what follows
    std::deque<waiting_peer> waiting_;
    std::uint64_t connecting_ = 0;
    std::uint64_t open_ = 0;
};

} // namespace sample

#endif
