#include "stress/peer.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "stress/conversation.hpp"
#include "stress/host.hpp"
#include "stress/watchdog.hpp"
#include "support/api_process.hpp"

namespace stress
{

namespace
{

using Clock = std::chrono::steady_clock;

void sleep_us(uint32_t microseconds)
{
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
}

/* Sends and reads like a good client, ends its stream, and reads to the end of the other one. */
void play_honest(World &world, Random &random, Wire wire)
{
    Conversation talk(world, std::move(wire), "honest");
    const size_t piece = random.chance(30) ? 5000 : 65536;
    if (random.chance(30)) {
        /* Reads late: queues fill up. */
        sleep_us(random.below(20000));
    }
    talk.prepare(random, random.chance(80) ? random.below(5000) : random.below(300000));
    while (talk.is_alive() && talk.has_unsent()) {
        talk.send_some(random.between(1, 40000));
        talk.receive_some(piece);
        talk.wait(true, 20);
    }
    if (talk.is_alive()) {
        talk.finish();
    }
    while (talk.is_alive()) {
        talk.receive_some(piece);
        talk.wait(true, 20);
    }
}

/* The others do what they do for a while, and then leave as they like. */
void leave(Random &random, Conversation &talk)
{
    if (random.chance(30)) {
        talk.reset();
    } else if (random.chance(30)) {
        talk.finish();
        talk.wait(true, static_cast<int>(random.below(20)));
        talk.receive_some(65536);
    }
}

void play_slow(World &world, Random &random, Wire wire, Clock::time_point until)
{
    Conversation talk(world, std::move(wire), "slow");
    talk.prepare(random, 200);
    while (talk.is_alive() && Clock::now() < until) {
        talk.send_some(1);
        talk.receive_some(1);
        sleep_us(random.below(2000));
    }
    leave(random, talk);
}

void play_silent(World &world, Random &random, Wire wire, Clock::time_point until)
{
    Conversation talk(world, std::move(wire), "silent");
    while (talk.is_alive() && Clock::now() < until) {
        talk.wait(true, 5);
        talk.receive_some(65536);
    }
    leave(random, talk);
}

/* Ends its stream first, and goes on reading. */
void play_half_closed(World &world, Random &random, Wire wire, Clock::time_point until)
{
    Conversation talk(world, std::move(wire), "half-closing");
    talk.prepare(random, random.below(3000));
    talk.send_some(random.below(3000));
    talk.finish();
    while (talk.is_alive() && Clock::now() < until) {
        talk.wait(true, 5);
        talk.receive_some(random.between(1, 65536));
    }
}

void play_resetting(World &world, Random &random, Wire wire)
{
    Conversation talk(world, std::move(wire), "resetting");
    talk.prepare(random, random.below(5000));
    talk.send_some(random.below(5000));
    sleep_us(random.chance(50) ? random.below(3000) : 0);
    talk.reset();
}

/* Sends all the time; reads nothing, or from time to time. */
void play_babbling(World &world, Random &random, Wire wire, Clock::time_point until)
{
    Conversation talk(world, std::move(wire), "babbling");
    const bool reads = random.chance(50);
    while (talk.is_alive() && Clock::now() < until) {
        if (!talk.has_unsent()) {
            talk.prepare(random, 50000);
        }
        talk.send_some(random.between(1, 50000));
        talk.wait(false, 2);
        if (reads) {
            talk.receive_some(65536);
        }
    }
    leave(random, talk);
}

void play_never_reading(World &world, Random &random, Wire wire, Clock::time_point until)
{
    Conversation talk(world, std::move(wire), "never reading");
    talk.prepare(random, 2000);
    talk.send_some(2000);
    while (Clock::now() < until) {
        sleep_us(5000);
    }
    leave(random, talk);
}

void play_dishonest(World &world, Random &random, Wire wire)
{
    const auto until = Clock::now() + std::chrono::milliseconds(random.between(1, random.chance(80) ? 30 : 300));
    switch (random.below(6)) {
    case 0:
        return play_slow(world, random, std::move(wire), until);
    case 1:
        return play_silent(world, random, std::move(wire), until);
    case 2:
        return play_half_closed(world, random, std::move(wire), until);
    case 3:
        return play_resetting(world, random, std::move(wire));
    case 4:
        return play_babbling(world, random, std::move(wire), until);
    default:
        return play_never_reading(world, random, std::move(wire), until);
    }
}

/* Many at once, which say nothing, and reset or leave. */
void play_crowd(World &world, Random &random, const std::string &address)
{
    std::vector<Wire> crowd;
    for (uint32_t i = random.between(5, 60); i > 0; i--) {
        crowd.push_back(Wire::connect(address, world.next_source()));
        world.tally.peers++;
    }
    sleep_us(random.below(20000));
    for (Wire &wire : crowd) {
        if (random.chance(50)) {
            wire.reset();
        }
    }
}

void visit(World &world, Random &random, Host &host)
{
    const std::string address = host.pick_address(random);
    if (address.empty()) {
        sleep_us(1000);
        return;
    }
    const Wire::Width width = random.chance(50) ? Wire::Width::wide : Wire::Width::narrow;
    if (random.chance(4)) {
        play_crowd(world, random, address);
    } else if (random.chance(60)) {
        if (host.begin_honest_peer()) {
            play_honest(world, random, Wire::connect(address, world.next_source(), width));
            host.end_honest_peer();
        }
    } else {
        play_dishonest(world, random, Wire::connect(address, world.next_source(), width));
    }
}

} // namespace

void Peers::connect_all_the_time(uint32_t index)
{
    const Doing doing("a peer that connects");
    Random random(derive(world_.seed, part_peer, index));
    while (!world_.over) {
        const std::shared_ptr<Host> host = world_.pick_host(random);
        if (host != nullptr) {
            visit(world_, random, *host);
        } else {
            sleep_us(1000);
        }
    }
}

void Peers::accept_all_the_time(uint32_t index)
{
    const Doing doing("a peer that accepts");
    Random random(derive(world_.seed, part_harbour, index));
    while (!world_.over) {
        Wire wire = harbour_.accept(5);
        if (wire.is_open()) {
            play_dishonest(world_, random, std::move(wire));
        }
    }
}

void Peers::kill_all_the_time()
{
    Random random(derive(world_.seed, part_peer, 1000));
    while (!world_.over) {
        const std::shared_ptr<Host> host = world_.pick_host(random);
        const std::string address = host != nullptr ? host->pick_address(random) : "";
        if (address.empty()) {
            sleep_us(1000);
            continue;
        }
        api_test::Process victim = api_test::Process::start_role(address);
        sleep_us(random.below(300000));
        victim.kill();
        world_.tally.peers++;
    }
}

int play_victim(const char *address)
{
    /* No host, and nobody who reads what it wrote down. */
    World world(0, {}, false, false);
    Random random(mix(static_cast<uint64_t>(Clock::now().time_since_epoch().count())));
    std::vector<std::unique_ptr<Conversation>> talks;
    const auto until = Clock::now() + std::chrono::seconds(20);
    while (Clock::now() < until) {
        if (talks.size() < 20) {
            talks.push_back(std::make_unique<Conversation>(world, Wire::connect(address), "killed"));
            talks.back()->prepare(random, random.below(100000));
        }
        for (const std::unique_ptr<Conversation> &talk : talks) {
            talk->send_some(random.below(20000));
            talk->receive_some(random.below(3) * 1000);
        }
        sleep_us(1000);
    }
    return 0;
}

/* A port where nobody listens, and one whose queue is full, so that a connect takes for ever. */
void Peers::make_dead_ends()
{
    const Wire closed = Wire::listen(1);
    world_.add_foreign_address(closed.local_address());
#if defined(__linux__)
    deaf_ = Wire::listen(0);
    deaf_queue_.push_back(Wire::connect(deaf_.local_address()));
    world_.add_foreign_address(deaf_.local_address());
#endif
}

Peers::Peers(World &world, uint32_t connecting, uint32_t accepting)
    : world_(world), harbour_(Wire::listen(64, world.seed % 2 == 0 ? Wire::Width::wide : Wire::Width::narrow))
{
    world_.add_foreign_address(harbour_.local_address());
    world_.add_foreign_address(harbour_.local_address());
    world_.add_foreign_address(harbour_.local_address());
    make_dead_ends();
    for (uint32_t i = 0; i < connecting; i++) {
        threads_.emplace_back([this, i] { connect_all_the_time(i); });
    }
    for (uint32_t i = 0; i < accepting; i++) {
        threads_.emplace_back([this, i] { accept_all_the_time(i); });
    }
    if (!Wire::is_on_wine()) {
        threads_.emplace_back([this] { kill_all_the_time(); });
    }
}

Peers::~Peers()
{
    for (std::thread &thread : threads_) {
        thread.join();
    }
}

} // namespace stress
