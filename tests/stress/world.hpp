/* What all threads of a round share. Any thread. */
#pragma once

#include <atomic>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "stress/faults.hpp"
#include "stress/ledger.hpp"
#include "stress/random.hpp"

namespace stress
{

class Host;

/* Parts that threads play, for derive(). */
enum Part : uint64_t {
    part_round = 1,
    part_faults,
    part_host,
    part_dispatcher,
    part_driver,
    part_ender,
    part_actor,
    part_peer,
    part_harbour
};

/* Counted for the line of figures. */
struct Tally {
    std::atomic<uint64_t> hosts{0};
    std::atomic<uint64_t> sessions{0};
    std::atomic<uint64_t> connects_failed{0};
    std::atomic<uint64_t> peers{0};
    std::atomic<uint64_t> bytes{0};
    std::atomic<uint64_t> events{0};
};

class World
{
public:
    World(uint64_t world_seed, std::vector<uint32_t> some_ports, bool memory_faults, bool descriptor_faults);

    const uint64_t seed;
    const std::vector<uint32_t> ports; /* IOCPNET_PORT_* for its hosts */
    std::atomic<bool> over{false};     /* nothing new begins */
    Ledger ledger;
    Tally tally;
    Faults faults;

    void add(const std::shared_ptr<Host> &host);
    /* A host that lives, or lived a moment ago; NULL when there is none. */
    std::shared_ptr<Host> pick_host(Random &random);
    void remove(const std::shared_ptr<Host> &host);
    /* All that live, for a report; empty when that can not be told now. */
    std::vector<std::shared_ptr<Host>> try_hosts();

    /* Addresses where no service listens: raw listeners, a port where nobody does, one that never answers. */
    void add_foreign_address(const std::string &address);
    /* Where an outbound session may go; empty: nowhere. */
    std::string pick_target(Random &random);
    /* An address of 127.0.0.0/8 that no other connection of the round comes from. */
    std::string next_source();

    /* A status that a call may give: OK, one of `allowed`, or one that the faults of the round excuse. */
    void expect(const char *call, int32_t status, std::initializer_list<int32_t> allowed);
    bool excuses(int32_t status) const;

private:
    std::mutex mutex_;
    std::vector<std::shared_ptr<Host>> hosts_;
    std::vector<std::string> foreign_;
    std::atomic<uint32_t> sources_{0};
};

} // namespace stress
