#include "support/scale_flood.hpp"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace scale_test
{

using api_test::Entry;
using api_test::Kind;
using api_test::Table;
using api_test::World;
using api_test::Wrong;

namespace
{

iocpnet_event events[1];

/* Right arguments at the wrong time, which the table has not. */
void add_wrong_states(Table &table, const World &world)
{
    const World *w = &world;
    const std::set<int32_t> state = {IOCPNET_E_INVALID_STATE};
    const std::set<int32_t> argument = {IOCPNET_E_INVALID_ARGUMENT};
    const auto add = [&table](const char *name, const char *what, const api_test::Call &call,
                              const std::set<int32_t> &expected) {
        table[name].wrong.push_back({what, call, expected});
    };
    add(
        "iocpnet_service_start", "started", [=] { return iocpnet_service_start(w->service); }, state);
    add(
        "iocpnet_service_set_callback", "started",
        [=] { return iocpnet_service_set_callback(w->service, IOCPNET_EVENT_SENT, nullptr, nullptr); }, state);
    add(
        "iocpnet_service_set_callback", "batches",
        [=] { return iocpnet_service_set_callback(w->polled, IOCPNET_EVENT_SENT, nullptr, nullptr); }, argument);
    add(
        "iocpnet_service_dispatch", "the library drives", [=] { return iocpnet_service_dispatch(w->service, 0, 0); },
        state);
    add(
        "iocpnet_service_dispatch", "batches", [=] { return iocpnet_service_dispatch(w->polled, 0, 0); }, state);
    add(
        "iocpnet_service_dispatch", "not started", [=] { return iocpnet_service_dispatch(w->fresh, 0, 0); }, state);
    add(
        "iocpnet_service_poll", "callbacks", [=] { return iocpnet_service_poll(w->driven, 0, events, 1, 0); }, state);
    add(
        "iocpnet_session_connect", "not started",
        [=] {
            uint64_t session = 0;
            return iocpnet_session_connect(w->fresh, w->address.c_str(), nullptr, &session);
        },
        state);
}

/* Functions that can not be misused are called all the same. */
void add_calls_of_the_rest(Table &table)
{
    table["iocpnet_version"].wrong = {{"", [] { return iocpnet_version() == IOCPNET_VERSION ? 0 : 1; }, {0}}};
    table["iocpnet_last_os_error"].wrong = {{"", [] { return iocpnet_last_os_error() >= 0 ? 0 : 1; }, {0}}};
}

} // namespace

class Flood::Source
{
public:
    explicit Source(uint64_t seed) : engine_(seed) {}

    uint64_t any() { return engine_(); }
    size_t below(size_t limit) { return static_cast<size_t>(engine_() % limit); }
    template <typename Element>
    const Element &one_of(const std::vector<Element> &elements)
    {
        return elements[below(elements.size())];
    }

private:
    std::mt19937_64 engine_;
};

Flood::Flood(const World &world, Handles handles) : handles_(std::move(handles))
{
    Table table = api_test::table_of(world);
    add_wrong_states(table, world);
    add_calls_of_the_rest(table);
    functions_ = std::vector<Function>(table.size());
    size_t i = 0;
    for (const auto &[name, entry] : table) {
        functions_[i].name = name;
        functions_[i].entry = entry;
        i++;
    }
}

bool Flood::is_live(uint64_t handle) const
{
    return std::any_of(handles_.live.begin(), handles_.live.end(),
                       [handle](const auto &live) { return live.first == handle; });
}

/* A live handle with one or two other bits. */
uint64_t Flood::flipped(Source &source) const
{
    uint64_t handle = source.one_of(handles_.live).first;
    const size_t flips = 1 + source.below(2);
    for (size_t i = 0; i < flips; i++) {
        handle ^= (UINT64_C(1) << source.below(64)) & handles_.flippable;
    }
    return is_live(handle) ? 0 : handle;
}

uint64_t Flood::wrong_handle(Kind kind, Source &source) const
{
    switch (source.below(5)) {
    case 0:
        return source.one_of(handles_.stale);
    case 1:
        return flipped(source);
    case 2: {
        const auto &[handle, its_kind] = source.one_of(handles_.live);
        return its_kind == kind ? 0 : handle;
    }
    case 3:
        return source.any();
    default:
        return source.any() >> source.below(64) & handles_.flippable;
    }
}

bool Flood::call_with_handle(const Function &function, Source &source) const
{
    const uint64_t handle = wrong_handle(function.entry.kind, source);
    const int32_t status = function.entry.with_handle(handle);
    if (status != IOCPNET_E_INVALID_HANDLE) {
        ADD_FAILURE() << function.name << " with 0x" << std::hex << handle << " gave " << iocpnet_status_name(status);
    }
    return status == IOCPNET_E_INVALID_HANDLE;
}

bool Flood::call(Function &function, Source &source)
{
    function.calls++;
    if (function.entry.with_handle && (function.entry.wrong.empty() || source.below(4) != 0)) {
        return call_with_handle(function, source);
    }
    if (function.entry.wrong.empty()) {
        return true;
    }
    const Wrong &wrong = source.one_of(function.entry.wrong);
    const int32_t status = wrong.call();
    const bool refused = wrong.expected.count(status) == 1;
    if (!refused) {
        ADD_FAILURE() << function.name << ": " << wrong.what << " gave " << iocpnet_status_name(status);
    }
    return refused;
}

void Flood::run(uint64_t seed, uint64_t calls)
{
    Source source(seed);
    uint64_t made = 0;
    while (made < calls && !failed_) {
        if (!call(functions_[source.below(functions_.size())], source)) {
            failed_ = true;
        }
        made++;
    }
    calls_ += made;
}

uint64_t Flood::fewest() const
{
    return std::min_element(functions_.begin(), functions_.end(),
                            [](const Function &a, const Function &b) { return a.calls < b.calls; })
        ->calls;
}

} // namespace scale_test
