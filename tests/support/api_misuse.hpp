/*
 * The table of misuse: for every exported function how to call it with any handle, and every NULL pointer and extreme
 * value that it has to refuse.
 */
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "support/api_host.hpp"
#include "support/api_socket.hpp"

namespace api_test
{

/* Services in all states that functions ask for, a listener, a session with its peer, a shared buffer and a group. */
struct World {
    explicit World(const Mode &mode);
    ~World();

    /* All that is valid. */
    std::set<uint64_t> handles() const { return {service, listener, session, polled, driven, fresh, buffer, group}; }
    /* The session still echoes, and as many objects are alive as at first. */
    void expect_unharmed();

    Host server; /* driven by the library, echoes */
    std::string address;
    Socket peer;
    iocpnet_service service = 0;
    iocpnet_listener listener = 0;
    iocpnet_session session = 0;
    iocpnet_service polled = 0;
    iocpnet_service driven = 0;
    iocpnet_service fresh = 0;
    iocpnet_buffer buffer = 0;
    iocpnet_group group = 0;
};

enum class Kind {
    none,
    service,
    listener,
    session,
    buffer,
    group
};

using Call = std::function<int32_t()>;

struct Wrong {
    const char *what;
    Call call;
    std::set<int32_t> expected;
};

/* One exported function. */
struct Entry {
    Kind kind;
    std::function<int32_t(uint64_t)> with_handle; /* all else is right; none for a function without a handle */
    std::vector<Wrong> wrong;                     /* NULL pointers and extreme values */
};

using Table = std::map<std::string, Entry>;

/* Where calls of the table store what they must not store: each keeps its value. */
struct Outputs {
    uint64_t handle;
    void *user;
    iocpnet_stop_result stopped;
    iocpnet_broadcast_result broadcast;
};
extern Outputs outputs;

/* Its calls refer to the world. */
Table table_of(const World &world);

/* Parts of the table (api_misuse_groups.cpp). */
void add_buffer(Table &table, const World &world);
void add_group(Table &table, const World &world);
void add_schedule(Table &table, const World &world);
void add_conditioner(Table &table, const World &world);

} // namespace api_test
