/* Sends of state: what has not left is replaced by a newer one with the same key. */
#include <cstring>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

constexpr uint64_t queue_max = 1024 * 1024;
constexpr uint64_t extra = 256; /* that a message counts more than its bytes, while it can be replaced */

/* A dispatcher keeps so much for what other threads send. */
constexpr uint64_t kept_max = 256 * 1024;

class Latest : public ModeTest
{
};
API_TEST_IN_EVERY_MODE(Latest);

class LatestOnPort : public PortTest
{
};
API_TEST_ON_EVERY_PORT(LatestOnPort);

/* The value of a key, as it is sent. */
struct State {
    uint64_t key;
    uint64_t value;
};

std::string bytes_of(uint64_t key, uint64_t value)
{
    const State state = {key, value};
    return std::string(reinterpret_cast<const char *>(&state), sizeof state);
}

std::vector<State> states_of(const std::string &bytes)
{
    std::vector<State> states(bytes.size() / sizeof(State));
    std::memcpy(states.data(), bytes.data(), states.size() * sizeof(State));
    return states;
}

int32_t send_latest(iocpnet_session session, uint64_t key, const std::string &bytes, uint32_t flags = 0)
{
    return iocpnet_session_send_latest(session, key, bytes.data(), bytes.size(), flags);
}

int32_t send_state(iocpnet_session session, uint64_t key, uint64_t value)
{
    return send_latest(session, key, bytes_of(key, value));
}

/* A session whose peer does not read, with so much in its queue that a send that has begun does not reach what follows. */
struct Scene {
    explicit Scene(const Mode &mode, const Host::Adjust &adjust = {}, const iocpnet_conditioner *conditioner = nullptr)
        : host(mode, [&](iocpnet_service_options &options) {
              options.send_queue_bytes_max = queue_max;
              options.send_queue_bytes_low = queue_max / 4;
              if (adjust) {
                  adjust(options);
              }
          })
    {
        const std::string address = host.listen_with_small_buffers();
        EXPECT_EQ(IOCPNET_OK, host.start());
        peer = Socket::connect(address, 8192);
        EXPECT_TRUE(host.wait_connected(1));
        session = host.recorder().nth(0);
        if (conditioner != nullptr) {
            EXPECT_EQ(IOCPNET_OK, iocpnet_session_set_conditioner(session, conditioner));
        }
    }

    void hold_back()
    {
        const std::string piece(5000, 'x');
        while (session_details(session).send_queue_bytes < queue_max / 2) {
            ASSERT_EQ(IOCPNET_OK, host.send(session, piece));
            before += piece;
        }
    }

    /* Closes gracefully: what the peer received behind what held it back. */
    std::string receive_rest()
    {
        EXPECT_EQ(IOCPNET_OK, disconnect(session, IOCPNET_DISCONNECT_GRACEFUL));
        const std::string all = peer.receive_all();
        EXPECT_EQ(before, all.substr(0, before.size()));
        return all.substr(std::min(before.size(), all.size()));
    }

    Host host;
    Socket peer;
    iocpnet_session session = 0;
    std::string before;
};

TEST_P(Latest, OfWhatHasNotLeftOnlyTheNewestIsSent)
{
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    for (uint64_t value = 0; value < 100; value++) {
        ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 7, value));
    }
    EXPECT_EQ(99u, scene.host.stats().sends_replaced);
    EXPECT_EQ(bytes_of(7, 99), scene.receive_rest());
}

TEST_P(Latest, AnotherKeyIsAnotherMessage)
{
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    for (const uint64_t key : {UINT64_C(0), UINT64_C(1), UINT64_MAX, UINT64_C(1) << 63}) {
        ASSERT_EQ(IOCPNET_OK, send_state(scene.session, key, 1));
    }
    EXPECT_EQ(0u, scene.host.stats().sends_replaced);
    EXPECT_EQ(bytes_of(0, 1) + bytes_of(1, 1) + bytes_of(UINT64_MAX, 1) + bytes_of(UINT64_C(1) << 63, 1),
              scene.receive_rest());
}

TEST_P(Latest, ANewerOneHasThePlaceOfTheOlder)
{
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 1, 10));
    ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 2, 20));
    ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 1, 11));
    EXPECT_EQ(bytes_of(1, 11) + bytes_of(2, 20), scene.receive_rest());
}

TEST_P(Latest, LeavesBehindWhatWasSentBefore)
{
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    for (uint64_t i = 0; i < 10; i++) {
        const std::string text(2000, static_cast<char>('a' + i));
        ASSERT_EQ(IOCPNET_OK, scene.host.send(scene.session, text));
        scene.before += text;
    }
    ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 1, 1));
    EXPECT_EQ(bytes_of(1, 1), scene.receive_rest());
}

TEST_P(Latest, ALongerOrShorterOneReplacesToo)
{
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    for (const size_t size : {10u, 5000u, 300u, 100000u, 20u, 1u, 900u, 70000u, 40000u}) {
        ASSERT_EQ(IOCPNET_OK, send_latest(scene.session, 1, std::string(size, 'b')));
        ASSERT_EQ(IOCPNET_OK, send_latest(scene.session, 2, std::string(size, 'a')));
        /* The two are not read at one moment, in which the system may take some. */
        EXPECT_TRUE(wait_until([&] {
            const iocpnet_session_details now = session_details(scene.session);
            return scene.before.size() + 2 * (size + extra) == now.bytes_sent + now.send_queue_bytes;
        }));
    }
    EXPECT_EQ(std::string(40000, 'b') + std::string(40000, 'a'), scene.receive_rest());
}

TEST_P(Latest, AFullQueueTakesWhatReplacesAndRefusesANewKey)
{
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 1, 1));
    (void)scene.host.fill_to_the_brim(scene.session, 100);
    const std::string all_room(queue_max - session_details(scene.session).send_queue_bytes, 'r');
    if (!all_room.empty()) {
        ASSERT_EQ(IOCPNET_OK, scene.host.send(scene.session, all_room));
    }
    EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, send_state(scene.session, 2, 1));
    EXPECT_EQ(IOCPNET_OK, send_state(scene.session, 1, 2));
    EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, send_latest(scene.session, 1, "longer than the one before it"));
    EXPECT_EQ(queue_max, session_details(scene.session).send_queue_bytes);
    const std::string rest = scene.receive_rest();
    EXPECT_EQ(bytes_of(1, 2), rest.substr(0, sizeof(State)));
}

TEST_P(Latest, WhoIsRefusedIsToldWhenThereIsRoom)
{
    Scene scene(GetParam());
    const std::string accepted = scene.host.fill_to_the_brim(scene.session, 100);
    int32_t status = IOCPNET_OK;
    for (uint64_t key = 0; status == IOCPNET_OK; key++) {
        status = send_state(scene.session, key, 0);
    }
    EXPECT_EQ(IOCPNET_E_WOULD_BLOCK, status);
    EXPECT_TRUE(accepted == scene.peer.receive(accepted.size()));
    EXPECT_TRUE(scene.host.wait(
        [&](const Records &records) { return records.sessions.at(scene.session).count(IOCPNET_EVENT_WRITABLE) != 0; }));
}

TEST_P(Latest, APeerThatReadsGetsEachOne)
{
    Scene scene(GetParam());
    for (uint64_t value = 0; value < 200; value++) {
        ASSERT_EQ(IOCPNET_OK, send_state(scene.session, value % 3, value));
        ASSERT_EQ(bytes_of(value % 3, value), scene.peer.receive(sizeof(State)));
    }
    EXPECT_EQ(0u, scene.host.stats().sends_replaced);
    EXPECT_EQ(200u, scene.host.stats().sends);
}

TEST_P(Latest, MemoryIsBoundedByTheKeysNotByTheMessages)
{
    constexpr uint64_t keys = 100;
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    const uint64_t before = live_objects().allocated_bytes;
    for (uint64_t i = 0; i < 50000; i++) {
        ASSERT_EQ(IOCPNET_OK, send_state(scene.session, i % keys, i));
    }
    EXPECT_LE(live_objects().allocated_bytes, before + keys * extra + kept_max);
    EXPECT_EQ(keys * sizeof(State), scene.receive_rest().size());
}

TEST_P(Latest, AShortOneDoesNotKeepTheMemoryOfTheLongOneBefore)
{
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    const uint64_t before = live_objects().allocated_bytes;
    ASSERT_EQ(IOCPNET_OK, send_latest(scene.session, 1, std::string(queue_max / 2 - 10000, 'l')));
    ASSERT_EQ(IOCPNET_OK, send_latest(scene.session, 1, "short"));
    EXPECT_LE(live_objects().allocated_bytes, before + kept_max);
    EXPECT_EQ("short", scene.receive_rest());
}

TEST_P(Latest, ManyKeysAreEachSentOnce)
{
    constexpr uint64_t keys = 1000;
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    for (uint64_t round = 0; round < 3; round++) {
        for (uint64_t key = 0; key < keys; key++) {
            ASSERT_EQ(IOCPNET_OK, send_state(scene.session, key, round * keys + key));
        }
    }
    const std::vector<State> states = states_of(scene.receive_rest());
    ASSERT_EQ(keys, states.size());
    for (uint64_t key = 0; key < keys; key++) {
        EXPECT_EQ(key, states[key].key);
        EXPECT_EQ(2 * keys + key, states[key].value);
    }
}

TEST_P(Latest, AnAbortCountsWhatWaitedAsUnsent)
{
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 1, 1));
    ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 2, 1));
    ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 1, 2));
    ASSERT_EQ(IOCPNET_OK, disconnect(scene.session, IOCPNET_DISCONNECT_ABORT));
    ASSERT_TRUE(scene.host.wait_disconnected(1));
    const SessionRecord record = scene.host.recorder().session(scene.session);
    EXPECT_EQ(scene.before.size() + 2 * sizeof(State), record.sent_bytes + record.last.fields.bytes_unsent);
    EXPECT_EQ(0u, scene.host.stats().send_queue_bytes);
}

TEST_P(Latest, NothingIsSentOnceTheSessionCloses)
{
    Scene scene(GetParam());
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    ASSERT_EQ(IOCPNET_OK, send_state(scene.session, 1, 1));
    ASSERT_EQ(IOCPNET_OK, disconnect(scene.session, IOCPNET_DISCONNECT_GRACEFUL));
    EXPECT_EQ(IOCPNET_E_CLOSED, send_state(scene.session, 1, 2));
    EXPECT_EQ(bytes_of(1, 1), scene.receive_rest());
}

TEST_P(Latest, IsFramedWhereItIsAMessage)
{
    Scene scene(GetParam());
    EXPECT_EQ(IOCPNET_E_INVALID_STATE, send_latest(scene.session, 1, "early", IOCPNET_LATEST_MESSAGE));
    iocpnet_framing framing;
    ASSERT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, IOCPNET_FRAMING_DELIMITER));
    ASSERT_EQ(IOCPNET_OK, iocpnet_session_set_framing(scene.session, &framing));
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    ASSERT_EQ(IOCPNET_OK, send_latest(scene.session, 1, "old", IOCPNET_LATEST_MESSAGE));
    ASSERT_EQ(IOCPNET_OK, send_latest(scene.session, 1, "newer", IOCPNET_LATEST_MESSAGE));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, send_latest(scene.session, 1, "two\nlines", IOCPNET_LATEST_MESSAGE));
    EXPECT_EQ("newer\n", scene.receive_rest());
}

TEST_P(Latest, ComesToAPeerBehindAConditionerInOrderAndWhole)
{
    iocpnet_conditioner conditioner;
    ASSERT_EQ(IOCPNET_OK, iocpnet_conditioner_init(&conditioner, sizeof conditioner));
    conditioner.seed = 7;
    conditioner.delay_us = 2000;
    conditioner.jitter_us = 2000;
    conditioner.fragment_bytes = 5;
    Scene scene(GetParam(), {}, &conditioner);
    for (uint64_t value = 1; value <= 500; value++) {
        ASSERT_EQ(IOCPNET_OK, send_state(scene.session, value % 5, value));
    }
    uint64_t seen[5] = {};
    for (const State &state : states_of(scene.receive_rest())) {
        ASSERT_LT(state.key, 5u);
        EXPECT_GT(state.value, seen[state.key]);
        seen[state.key] = state.value;
    }
    for (uint64_t key = 0; key < 5; key++) {
        EXPECT_EQ(key == 0 ? 500 : 495 + key, seen[key]);
    }
}

TEST_P(Latest, BudgetIsBackWhenAllHasLeft)
{
    Scene scene(GetParam(), [](iocpnet_service_options &options) { options.memory_budget_bytes = 4 * queue_max; });
    ASSERT_NO_FATAL_FAILURE(scene.hold_back());
    for (uint64_t value = 0; value < 1000; value++) {
        ASSERT_EQ(IOCPNET_OK, send_state(scene.session, value % 50, value));
    }
    EXPECT_EQ(scene.host.stats().memory_budget_used, session_details(scene.session).send_queue_bytes);
    EXPECT_EQ(50 * sizeof(State), scene.receive_rest().size());
    EXPECT_TRUE(wait_until([&] { return scene.host.stats().memory_budget_used == 0; }));
}

TEST_P(Latest, ThreadsThatSendAtOnceLeaveTheNewestOfEach)
{
    constexpr uint64_t threads = 3;
    constexpr uint64_t last = 3000;
    Scene scene(GetParam());
    std::vector<std::thread> senders;
    for (uint64_t thread = 0; thread < threads; thread++) {
        senders.emplace_back([&scene, thread] {
            for (uint64_t value = 1; value <= last; value++) {
                EXPECT_EQ(IOCPNET_OK, send_state(scene.session, thread, value));
                EXPECT_EQ(IOCPNET_OK, send_state(scene.session, threads, value));
            }
        });
    }
    uint64_t seen[threads + 1] = {};
    while (seen[0] != last || seen[1] != last || seen[2] != last) {
        const std::vector<State> states = states_of(scene.peer.receive(sizeof(State)));
        ASSERT_EQ(1u, states.size());
        ASSERT_LE(states[0].key, threads);
        if (states[0].key != threads) {
            ASSERT_GT(states[0].value, seen[states[0].key]);
        }
        seen[states[0].key] = states[0].value;
    }
    for (std::thread &sender : senders) {
        sender.join();
    }
    EXPECT_EQ(2 * threads * last, scene.host.stats().sends);
    EXPECT_TRUE(wait_until([&] {
        const iocpnet_service_statistics stats = scene.host.stats();
        return stats.bytes_sent == sizeof(State) * (stats.sends - stats.sends_replaced);
    }));
}

TEST_P(Latest, ASessionThatEndsMeanwhileIsNoHarm)
{
    for (uint32_t round = 0; round < 20; round++) {
        Scene scene(GetParam());
        std::thread sender([&scene] {
            int32_t status = IOCPNET_OK;
            for (uint64_t value = 0; status == IOCPNET_OK; value++) {
                status = send_state(scene.session, value % 10, value);
            }
            EXPECT_TRUE(status == IOCPNET_E_CLOSED || status == IOCPNET_E_INVALID_HANDLE);
        });
        scene.peer.receive(1000);
        EXPECT_EQ(IOCPNET_OK,
                  disconnect(scene.session, round % 2 == 0 ? IOCPNET_DISCONNECT_ABORT : IOCPNET_DISCONNECT_GRACEFUL));
        scene.peer.receive_all();
        sender.join();
    }
}

TEST_P(LatestOnPort, TwoOfOneCallbackAreOne)
{
    Host host(callbacks());
    host.on(IOCPNET_EVENT_CONNECTED, [](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, "first", 5));
        EXPECT_EQ(IOCPNET_OK, send_latest(event.session, 1, "old"));
        EXPECT_EQ(IOCPNET_OK, send_latest(event.session, 1, "new"));
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, "last", 4));
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    EXPECT_EQ("firstnewlast", peer.receive(12));
}

/* What a send has begun with is little: all behind it may still be replaced. */
TEST_P(LatestOnPort, NoMoreIsOutOfReachThanOneSend)
{
    constexpr uint64_t keys = 100;
    constexpr uint64_t size = 4000;
    constexpr uint64_t window = 16384;
    const auto send_all = [](iocpnet_session session, char round) {
        for (uint64_t key = 0; key < keys; key++) {
            EXPECT_EQ(IOCPNET_OK, send_latest(session, key, std::string(size, round)));
        }
    };
    Host host(callbacks());
    host.on(IOCPNET_EVENT_CONNECTED, [&](const iocpnet_event &event) { send_all(event.session, '1'); });
    const std::string address = host.listen_with_small_buffers();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address, 8192);
    ASSERT_TRUE(wait_until([&] { return host.stats().bytes_sent >= window; }));
    send_all(host.recorder().nth(0), '2');
    const uint64_t replaced = host.stats().sends_replaced;
    /* Read later than that: what was not replaced was sent by then, or is part of the send that waits. */
    EXPECT_LE((keys - replaced) * size, host.stats().bytes_sent + window + 2 * size);
    EXPECT_EQ((2 * keys - replaced) * size, peer.receive((2 * keys - replaced) * size).size());
}

TEST_P(LatestOnPort, ComesBehindWhatTheCallbackSendsBack)
{
    Host host(callbacks());
    host.on(IOCPNET_EVENT_RECEIVED, [](const iocpnet_event &event) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_session_send(event.session, event.data, event.size));
        EXPECT_EQ(IOCPNET_OK, send_latest(event.session, 1, "state"));
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(peer.send("echo "));
    EXPECT_EQ("echo state", peer.receive(10));
}

TEST_P(LatestOnPort, BadArgumentsAreRefusedAndNothingIsQueued)
{
    Host host(callbacks(), [](iocpnet_service_options &options) {
        options.send_queue_bytes_max = 1000;
        options.send_queue_bytes_low = 100;
    });
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, send_latest(session, 1, "x", 2));
    EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, iocpnet_session_send_latest(session, 1, nullptr, 1, 0));
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, send_latest(session, 1, std::string(1001 - extra, 'x')));
    EXPECT_EQ(IOCPNET_E_TOO_LARGE, iocpnet_session_send_latest(session, 1, "x", UINT64_MAX, 0));
    EXPECT_EQ(IOCPNET_OK, iocpnet_session_send_latest(session, 1, nullptr, 0, 0));
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, send_latest(0, 1, "x"));
    EXPECT_EQ(0u, host.stats().sends);
    EXPECT_EQ(IOCPNET_OK, send_latest(session, 1, std::string(1000 - extra, 'x')));
    EXPECT_EQ(1000 - extra, peer.receive(1000 - extra).size());
}

} // namespace
