/* Groups of the simulated host. */
#include "host.hpp"
#include "inside_services.hpp"
#include "invariants.hpp"
#include "world.hpp"

extern "C" {
#include "net/session.h"
#include "os/sim/choice.h"
#include "os/sim/scheduler.h"
#include "os/sim/trace.h"
}

namespace sim_test
{

namespace
{

/* NULL: the host has made none. */
Group *random_group()
{
    std::vector<Group> &groups = world.model.groups();
    return groups.empty() ? nullptr : &groups[icn_sim_choose(static_cast<uint32_t>(groups.size()))];
}

/* The handle of the group is known to be good. */
bool is_there(const Group &group)
{
    return group.destroy_calls == 0 && !world.model.service(group.service).destroy_called;
}

bool is_there(const Session &session)
{
    return !session.ended && !world.model.service(session.service).destroy_called;
}

void check_member_status(const char *function, int32_t status, const Group &group, const Session &session)
{
    check_status(function, status,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_STATE,
                          IOCPNET_E_CLOSED, IOCPNET_E_NO_MEMORY));
    if (status == IOCPNET_E_INVALID_HANDLE && is_there(group) && is_there(session)) {
        wrong_status(function, status, "neither has ended");
    }
}

/* It has not ended inside the library: its memberships have not, either. */
bool is_open(const Session &session)
{
    const Pinned<icn_session> pinned(session.handle, ICN_HANDLE_SESSION);
    return pinned.get() != nullptr && pinned.get()->state.value == ICN_SESSION_OPEN;
}

struct MemberCounts {
    uint64_t least;
    uint64_t most;
};

/* From one stamp to the other; called right after what is to be judged. */
MemberCounts count_members(const Group &group, uint64_t from, uint64_t to, const Session *without)
{
    MemberCounts counts = {};
    const GroupLog &log = world.model.ledger.groups;
    for (uint32_t i = 0; i < world.model.session_count(); i++) {
        const Session &session = world.model.session(i);
        if (session.service != group.service || &session == without) {
            continue;
        }
        counts.most += log.may_be_member(group.number, session.stream, from, to) ? 1 : 0;
        const bool through = log.is_member_through(group.number, session.stream, from, to);
        counts.least += through && is_open(session) ? 1 : 0;
    }
    return counts;
}

void check_count(const char *what, const Group &group, uint64_t count, const MemberCounts &members)
{
    if (count < members.least || count > members.most) {
        icn_sim_violation(invariant::groups, "group %u: %s %llu sessions, and has %llu to %llu members", group.number,
                          what, static_cast<unsigned long long>(count), static_cast<unsigned long long>(members.least),
                          static_cast<unsigned long long>(members.most));
    }
}

void broadcast(const Group &group, const Session *without)
{
    uint8_t bytes[header_bytes + 256];
    const uint64_t begun = world.model.stamp();
    const auto size = static_cast<uint32_t>(header_bytes + begun % 256);
    Service &service = world.model.service(group.service);
    iocpnet_buffer buffer = 0;
    const uint32_t number = world.model.ledger.broadcast_begins(size, begun, bytes);
    world.model.ledger.limit_broadcast(number, group.number, without != nullptr ? without->stream : none);
    service.broadcast_bytes += size;
    if (iocpnet_buffer_create(bytes, size, &buffer) != IOCPNET_OK) {
        return;
    }
    icn_sim_trace("group broadcast begins", group.number, number);
    iocpnet_broadcast_result result = {};
    const int32_t status = without == nullptr
                               ? iocpnet_group_broadcast(group.handle, buffer, 0, &result)
                               : iocpnet_group_broadcast_except(group.handle, buffer, &without->handle, 1, 0, &result);
    const uint64_t returned = world.model.stamp();
    world.model.ledger.broadcast_returned(number, returned);
    if (status == IOCPNET_OK) {
        check_count("a broadcast counts", group, result.queued + result.skipped + result.disconnected + result.gone,
                    count_members(group, begun, returned, without));
    }
    check_status("group broadcast", status,
                 statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_TOO_LARGE, IOCPNET_E_INVALID_STATE,
                          IOCPNET_E_CLOSED, IOCPNET_E_NO_MEMORY));
    if (status == IOCPNET_E_INVALID_HANDLE && is_there(group)) {
        wrong_status("group broadcast", status, "nobody destroyed the group");
    }
    check_status("buffer release", iocpnet_buffer_release(buffer), statuses(IOCPNET_OK));
}

} // namespace

void create_group(Service &service)
{
    iocpnet_group handle = 0;
    std::vector<Group> &groups = world.model.groups();
    if (groups.size() >= groups_max) {
        return;
    }
    const int32_t status = iocpnet_group_create(service.handle, &handle);
    check_status(
        "group create", status,
        statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE, IOCPNET_E_CLOSED, IOCPNET_E_NO_MEMORY, IOCPNET_E_LIMIT_REACHED));
    if ((status == IOCPNET_E_INVALID_HANDLE || status == IOCPNET_E_CLOSED) && !service.destroy_called) {
        wrong_status("group create", status, "nobody destroys the service");
    }
    if (status == IOCPNET_OK) {
        groups.push_back({handle, static_cast<uint32_t>(groups.size()), service.index, 0});
    }
}

void destroy_group()
{
    Group *group = random_group();
    if (group == nullptr || icn_sim_choose(3) != 1) {
        return;
    }
    group->destroy_calls++;
    icn_sim_trace("group destroy begins", group->number, 0);
    const int32_t status = iocpnet_group_destroy(group->handle);
    check_status("group destroy", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    const bool alone = group->destroy_calls == 1 && !world.model.service(group->service).destroy_called;
    if (status == IOCPNET_E_INVALID_HANDLE && alone) {
        wrong_status("group destroy", status, "nobody destroyed the group");
    }
}

void join_group(Session &session)
{
    const Group *found = random_group();
    if (found == nullptr) {
        return;
    }
    const Group &group = *found;
    GroupLog &log = world.model.ledger.groups;
    const bool was_connected = session.connected;
    const uint32_t change = log.change_begins(group.number, session.stream, true, world.model.stamp());
    icn_sim_trace("join begins", session.index, group.number);
    const int32_t status = iocpnet_group_add(group.handle, session.handle);
    log.change_returned(change, status == IOCPNET_OK, world.model.stamp());
    check_member_status("join", status, group, session);
    if (status == IOCPNET_E_INVALID_ARGUMENT && group.service == session.service) {
        wrong_status("join", status, "both are of one service");
    }
    if (status == IOCPNET_OK && group.service != session.service) {
        wrong_status("join", status, "they are of two services");
    }
    if (status == IOCPNET_E_INVALID_STATE && was_connected) {
        wrong_status("join", status, "CONNECTED had been seen");
    }
}

void leave_group(Session &session)
{
    const Group *found = random_group();
    if (found == nullptr) {
        return;
    }
    const Group &group = *found;
    GroupLog &log = world.model.ledger.groups;
    const uint32_t change = log.change_begins(group.number, session.stream, false, world.model.stamp());
    icn_sim_trace("leave begins", session.index, group.number);
    const int32_t status = iocpnet_group_remove(group.handle, session.handle);
    log.change_returned(change, status == IOCPNET_OK, world.model.stamp());
    check_member_status("leave", status, group, session);
}

void broadcast_to_group()
{
    const Group *found = random_group();
    if (found == nullptr || world.model.ledger.broadcast_count() >= broadcasts_max) {
        return;
    }
    const Session *without = icn_sim_choose(2) == 1 ? random_session() : nullptr;
    broadcast(*found, without);
}

void count_group()
{
    const Group *found = random_group();
    if (found == nullptr) {
        return;
    }
    const Group &group = *found;
    uint64_t count = 0;
    const uint64_t begun = world.model.stamp();
    const int32_t status = iocpnet_group_count(group.handle, &count);
    if (status == IOCPNET_OK) {
        check_count("it counts", group, count, count_members(group, begun, world.model.stamp(), nullptr));
    }
    check_status("group count", status, statuses(IOCPNET_OK, IOCPNET_E_INVALID_HANDLE));
    if (status == IOCPNET_E_INVALID_HANDLE && is_there(group)) {
        wrong_status("group count", status, "nobody destroyed the group");
    }
}

} // namespace sim_test
