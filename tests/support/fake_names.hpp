/* In place of the system's resolver: names with the addresses, the errors and the delays that a test wants. */
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "support/api_environment.hpp"

extern "C" {
#include "net/resolver.h"
#include "net/test_hooks.h"
#include "util/memory.h"
}

namespace api_test
{

class FakeNames
{
public:
    FakeNames()
    {
        hook_ = {answer, this};
        icn_test_set_names(&hook_);
    }
    FakeNames(const FakeNames &) = delete;
    FakeNames &operator=(const FakeNames &) = delete;
    /* Every lookup has come back by then: the services are gone. */
    ~FakeNames() { icn_test_set_names(nullptr); }

    /* Addresses, with any port, which is ignored. */
    void add(const std::string &name, const std::vector<std::string> &addresses)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        for (const std::string &text : addresses) {
            icn_address address = {};
            icn_address_parse(text.c_str(), &address);
            address.port = 0;
            names_[name].addresses.push_back(address);
        }
    }
    void fail(const std::string &name, int32_t status, int32_t os_error)
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        names_[name].result = {status, os_error};
    }
    /* Lookups hang from now on. */
    void hold()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        held_ = true;
    }
    void release()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        held_ = false;
        changed_.notify_all();
    }
    /* So many lookups have begun. */
    bool wait_asked(uint32_t count)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, wait_limit, [&] { return asked_ >= count; });
    }
    uint32_t asked()
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        return asked_;
    }

private:
    struct Answer {
        std::vector<icn_address> addresses;
        icn_result result = {};
    };

    static icn_result answer(void *context, const char *name, icn_address *addresses, uint32_t capacity,
                             uint32_t *count)
    {
        auto *self = static_cast<FakeNames *>(context);
        std::unique_lock<std::mutex> lock(self->mutex_);
        self->asked_++;
        self->changed_.notify_all();
        self->changed_.wait(lock, [&] { return !self->held_; });
        *count = 0;
        const auto found = self->names_.find(name);
        if (found == self->names_.end()) {
            return {IOCPNET_E_NAME_NOT_FOUND, 0};
        }
        for (const icn_address &address : found->second.addresses) {
            if (*count < capacity) {
                addresses[(*count)++] = address;
            }
        }
        return found->second.result;
    }

    icn_test_names hook_ = {};
    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, Answer> names_;
    bool held_ = false;
    uint32_t asked_ = 0;
};

} // namespace api_test
