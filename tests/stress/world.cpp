#include "stress/world.hpp"

#include <algorithm>
#include <utility>

#include "iocpnet.h"
#include "stress/check.hpp"
#include "stress/host.hpp"

namespace stress
{

World::World(uint64_t world_seed, std::vector<uint32_t> some_ports, bool memory_faults, bool descriptor_faults)
    : seed(world_seed), ports(std::move(some_ports)),
      faults(derive(world_seed, part_faults, 0), memory_faults, descriptor_faults)
{
}

void World::add(const std::shared_ptr<Host> &host)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    hosts_.push_back(host);
}

void World::remove(const std::shared_ptr<Host> &host)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    hosts_.erase(std::remove(hosts_.begin(), hosts_.end(), host), hosts_.end());
}

std::shared_ptr<Host> World::pick_host(Random &random)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    return hosts_.empty() ? nullptr : hosts_[random.below(hosts_.size())];
}

std::vector<std::shared_ptr<Host>> World::try_hosts()
{
    const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
    return lock.owns_lock() ? hosts_ : std::vector<std::shared_ptr<Host>>();
}

void World::add_foreign_address(const std::string &address)
{
    const std::lock_guard<std::mutex> lock(mutex_);
    foreign_.push_back(address);
}

std::string World::pick_target(Random &random)
{
    if (random.chance(50)) {
        const std::shared_ptr<Host> host = pick_host(random);
        return host == nullptr ? "" : host->pick_address(random);
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    return foreign_.empty() ? "" : foreign_[random.below(foreign_.size())];
}

std::string World::next_source()
{
    const uint32_t number = ++sources_;
    return "127." + std::to_string(1 + number / 62500 % 200) + "." + std::to_string(number / 250 % 250) + "." +
           std::to_string(1 + number % 250);
}

bool World::excuses(int32_t status) const
{
    return (status == IOCPNET_E_NO_MEMORY && faults.memory_failed()) ||
           (status == IOCPNET_E_NO_DESCRIPTORS && faults.descriptors_failed());
}

void World::expect(const char *call, int32_t status, std::initializer_list<int32_t> allowed)
{
    const bool listed = std::find(allowed.begin(), allowed.end(), status) != allowed.end();
    if (status != IOCPNET_OK && !listed && !excuses(status)) {
        violate(std::string(call) + " gave " + iocpnet_status_name(status) + ", system error " +
                std::to_string(iocpnet_last_os_error()));
    }
}

} // namespace stress
