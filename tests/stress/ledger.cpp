#include "stress/ledger.hpp"

#include <unordered_map>
#include <utility>

#include "stress/check.hpp"
#include "stress/wire.hpp"

namespace stress
{

namespace
{

std::string describe(const End &end)
{
    return end.who + " at " + end.local + " (sent " + std::to_string(end.sent) + (end.sent_final ? "" : " at most") +
           ", received " + std::to_string(end.received) + (end.saw_end ? ", saw the end)" : ")");
}

void compare(const End &sender, const End &receiver)
{
    if (receiver.received > sender.sent) {
        violate("more was received than sent: from " + describe(sender) + " to " + describe(receiver));
    } else if (Wire::is_on_wine()) {
        return;
    } else if (receiver.saw_end && sender.aborted) {
        violate("a connection was aborted, and ended in order: from " + describe(sender) + " to " + describe(receiver));
    } else if (receiver.saw_end && sender.sent_final && receiver.received != sender.sent) {
        violate("a stream ended in order, and bytes are missing: from " + describe(sender) + " to " +
                describe(receiver));
    }
}

} // namespace

void Ledger::add(End end)
{
    if (!end.local.empty() && !end.remote.empty()) {
        const std::lock_guard<std::mutex> lock(mutex_);
        ends_.push_back(std::move(end));
    }
}

uint64_t Ledger::settle()
{
    const std::lock_guard<std::mutex> lock(mutex_);
    /* NULL: several connections had these addresses, one after another. */
    std::unordered_map<std::string, const End *> by_addresses;
    for (const End &end : ends_) {
        const auto placed = by_addresses.emplace(end.local + "|" + end.remote, &end);
        if (!placed.second) {
            placed.first->second = nullptr;
        }
    }
    uint64_t pairs = 0;
    for (const auto &entry : by_addresses) {
        const End *end = entry.second;
        const auto other = end == nullptr ? by_addresses.end() : by_addresses.find(end->remote + "|" + end->local);
        if (other != by_addresses.end() && other->second != nullptr) {
            compare(*end, *other->second);
            pairs++;
        }
    }
    return pairs / 2;
}

} // namespace stress
