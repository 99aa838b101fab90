/* The structs of the ABI: their sizes, their fields, and every struct_size that a caller may give. */
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fstream>
#include <set>

#include "support/api_fields.hpp"
#include "support/api_fixture.hpp"
#include "support/api_memory.hpp"
#include "support/api_source.hpp"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

using namespace api_test;

namespace
{

constexpr uint32_t tail_max = 64;

/* The names of all structs and fields in the header, "iocpnet_event.kind", and of the structs themselves. */
std::set<std::string> names_in_header()
{
    std::ifstream header(source_path("api/iocpnet.h"));
    std::set<std::string> names;
    std::string structure;
    std::string line;
    std::string before; /* of a declaration of several lines */
    while (std::getline(header, line)) {
        line = before + line.substr(0, line.find("/*"));
        before.clear();
        if (line.rfind("typedef struct ", 0) == 0 && line.find('{') != std::string::npos) {
            structure = line.substr(15, line.find(' ', 15) - 15);
            names.insert(structure);
        } else if (line.rfind("}", 0) == 0) {
            structure.clear();
        } else if (!structure.empty() && line.find(';') != std::string::npos) {
            const size_t pointer = line.find("(IOCPNET_CALL *");
            const size_t end = pointer != std::string::npos ? line.find(')', pointer) : line.find_first_of(";[");
            const size_t begin = line.find_last_of(" *", end - 1) + 1;
            names.insert(structure + "." + line.substr(begin, end - begin));
        } else if (!structure.empty() && line.find_first_not_of(' ') != std::string::npos && line[0] != '#') {
            before = line;
        }
    }
    names.erase("iocpnet_iovec.padding"); /* on 32-bit systems only */
    return names;
}

TEST(Layout, EveryFieldOfTheHeaderIsInTheTable)
{
    std::set<std::string> listed;
    for (const Field &field : public_fields) {
        EXPECT_TRUE(listed.insert(field.name).second) << field.name;
    }
    EXPECT_EQ(names_in_header(), listed);
    EXPECT_GT(listed.size(), 100u);
}

TEST(Layout, LibraryAgreesWithTheCompilerOnEveryOffsetAndSize)
{
    for (const Field &field : public_fields) {
        uint32_t offset = 12345;
        uint32_t size = 12345;
        EXPECT_EQ(IOCPNET_OK, iocpnet_layout(field.name.c_str(), &offset, &size)) << field.name;
        EXPECT_EQ(field.offset, offset) << field.name;
        EXPECT_EQ(field.size, size) << field.name;
    }
}

TEST(Layout, EitherResultMayBeNull)
{
    uint32_t value = 0;
    EXPECT_EQ(IOCPNET_OK, iocpnet_layout("iocpnet_event.status", nullptr, nullptr));
    EXPECT_EQ(IOCPNET_OK, iocpnet_layout("iocpnet_event.status", &value, nullptr));
    EXPECT_EQ(offsetof(iocpnet_event, status), value);
    EXPECT_EQ(IOCPNET_OK, iocpnet_layout("iocpnet_event.status", nullptr, &value));
    EXPECT_EQ(4u, value);
}

TEST(Layout, EventHasItsFrozenSize)
{
    EXPECT_EQ(sizeof(void *) == 8 ? 128u : 112u, sizeof(iocpnet_event));
}

TEST(GetApi, EntriesAreTheExportedFunctions)
{
    iocpnet_api table;
    ASSERT_EQ(IOCPNET_OK, iocpnet_get_api(IOCPNET_VERSION, sizeof table, &table));
    EXPECT_EQ(sizeof table, table.struct_size);
    EXPECT_EQ(iocpnet_version(), table.version);
    uint32_t entries = 0;
    for (const Field &field : public_fields) {
        if (field.name.rfind("iocpnet_api.", 0) != 0 || field.size != sizeof(void *)) {
            continue;
        }
        const std::string name = field.name.substr(12);
        const std::string exported = "iocpnet_" + (name == "version_number" ? "version" : name);
#if defined(_WIN32)
        const auto expected =
            reinterpret_cast<void *>(GetProcAddress(GetModuleHandleA("iocpnet.dll"), exported.c_str()));
#else
        void *const expected = dlsym(RTLD_DEFAULT, exported.c_str());
#endif
        void *entry = nullptr;
        std::memcpy(&entry, reinterpret_cast<const char *>(&table) + field.offset, sizeof entry);
        EXPECT_NE(nullptr, entry) << name;
        EXPECT_EQ(expected, entry) << name;
        entries++;
    }
    std::ifstream list(ICN_SOURCE_DIR "/api/iocpnet.exports");
    std::string line;
    uint32_t exported = 0;
    while (std::getline(list, line)) {
        exported += line.rfind("iocpnet_", 0) == 0 ? 1 : 0;
    }
    EXPECT_EQ(exported, entries + 1); /* every exported function but iocpnet_get_api itself */
}

TEST(GetApi, VersionsThatTheLibraryIsNotAreRefused)
{
    iocpnet_api table;
    const uint32_t other[] = {0, IOCPNET_VERSION + 1000000, IOCPNET_VERSION - 1000000, IOCPNET_VERSION + 1000,
                              UINT32_MAX};
    for (const uint32_t version : other) {
        EXPECT_EQ(IOCPNET_E_NOT_SUPPORTED, iocpnet_get_api(version, sizeof table, &table)) << version;
    }
    EXPECT_EQ(IOCPNET_OK, iocpnet_get_api(IOCPNET_VERSION + 1, sizeof table, &table)); /* a later patch */
}

/* A function that fills `size` bytes of the caller's. */
using Fill = std::function<int32_t(void *memory, uint32_t size)>;

/*
 * Every size: it fills exactly so many bytes or refuses and touches nothing. From some size on it takes every multiple of
 * 8, which is what every struct of the ABI measures.
 */
void expect_fills_exactly(const Fill &fill, uint32_t whole, bool may_be_longer, bool tail_is_zero)
{
    GuardedMemory memory(whole + tail_max);
    bool filled = false;
    for (uint32_t size = 0; size <= whole + tail_max; size++) {
        auto *bytes = static_cast<unsigned char *>(memory.at_end(size));
        std::memset(bytes, 0xEE, size);
        const int32_t status = fill(bytes, size);
        if (status != IOCPNET_OK) {
            EXPECT_EQ(IOCPNET_E_INVALID_STRUCT_SIZE, status) << size;
            EXPECT_TRUE(!filled || size > whole || size % 8 != 0) << size;
            EXPECT_TRUE(std::all_of(bytes, bytes + size, [](unsigned char b) { return b == 0xEE; })) << size;
        } else if (tail_is_zero && size > whole) {
            EXPECT_TRUE(std::all_of(bytes + whole, bytes + size, [](unsigned char b) { return b == 0; })) << size;
        }
        if (size < 4 || size == whole || (size > whole && size % 8 == 0 && may_be_longer)) {
            EXPECT_EQ(size >= 4, status == IOCPNET_OK) << size;
        }
        filled = filled || status == IOCPNET_OK;
    }
}

TEST(StructSize, CountsAreFilledToTheSizeOfTheCaller)
{
    expect_fills_exactly(
        [](void *m, uint32_t size) { return iocpnet_count_live_objects(static_cast<iocpnet_live_objects *>(m), size); },
        sizeof(iocpnet_live_objects), true, true);
}

TEST(StructSize, InitFunctionsFillTheSizeOfTheCaller)
{
    expect_fills_exactly(
        [](void *m, uint32_t size) { return iocpnet_allocator_init(static_cast<iocpnet_allocator *>(m), size); },
        sizeof(iocpnet_allocator), false, true);
    expect_fills_exactly(
        [](void *m, uint32_t size) {
            return iocpnet_service_options_init(static_cast<iocpnet_service_options *>(m), size);
        },
        sizeof(iocpnet_service_options), false, true);
    expect_fills_exactly(
        [](void *m, uint32_t size) {
            return iocpnet_listener_options_init(static_cast<iocpnet_listener_options *>(m), size);
        },
        sizeof(iocpnet_listener_options), false, true);
    expect_fills_exactly(
        [](void *m, uint32_t size) {
            return iocpnet_connect_options_init(static_cast<iocpnet_connect_options *>(m), size);
        },
        sizeof(iocpnet_connect_options), false, true);
    expect_fills_exactly(
        [](void *m, uint32_t size) {
            return iocpnet_disconnect_options_init(static_cast<iocpnet_disconnect_options *>(m), size);
        },
        sizeof(iocpnet_disconnect_options), false, true);
    expect_fills_exactly(
        [](void *m, uint32_t size) {
            return iocpnet_framing_init(static_cast<iocpnet_framing *>(m), size, IOCPNET_FRAMING_LENGTH);
        },
        sizeof(iocpnet_framing), false, true);
    expect_fills_exactly(
        [](void *m, uint32_t size) { return iocpnet_conditioner_init(static_cast<iocpnet_conditioner *>(m), size); },
        sizeof(iocpnet_conditioner), false, true);
}

TEST(StructSize, ApiTableIsFilledToTheSizeOfTheCaller)
{
    expect_fills_exactly(
        [](void *m, uint32_t size) { return iocpnet_get_api(IOCPNET_VERSION, size, static_cast<iocpnet_api *>(m)); },
        sizeof(iocpnet_api), true, true);
}

TEST(StructSize, InitGivesTheDefaultsOfTheHeader)
{
    iocpnet_service_options service;
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_options_init(&service, sizeof service));
    EXPECT_EQ(sizeof service, service.struct_size);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_PORT_AUTO), service.port);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_DRIVING_LIBRARY), service.driving);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_DELIVERY_CALLBACKS), service.delivery);
    EXPECT_EQ(1u, service.dispatcher_count);
    EXPECT_EQ(0u, service.sessions_max);
    EXPECT_EQ(5000u, service.close_timeout_ms);
    EXPECT_EQ(64u * 1024, service.receive_buffer_bytes);
    EXPECT_EQ(1024u * 1024, service.send_queue_bytes_max);
    EXPECT_EQ(256u * 1024, service.send_queue_bytes_low);
    EXPECT_EQ(4u * 1024 * 1024, service.event_queue_bytes_max);
    iocpnet_listener_options listener;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&listener, sizeof listener));
    EXPECT_EQ(0u, listener.backlog);
    EXPECT_EQ(16u, listener.accept_count);
    EXPECT_EQ(IOCPNET_DISPATCHER_ANY, listener.dispatcher);
    EXPECT_EQ(0u, listener.ipv6_only);
    EXPECT_EQ(1u, listener.no_delay);
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_PROXY_OFF), listener.proxy_protocol);
    EXPECT_EQ(nullptr, listener.proxy_trusted);
    iocpnet_connect_options connect;
    ASSERT_EQ(IOCPNET_OK, iocpnet_connect_options_init(&connect, sizeof connect));
    EXPECT_EQ(10000u, connect.timeout_ms);
    EXPECT_EQ(IOCPNET_DISPATCHER_ANY, connect.dispatcher);
    EXPECT_EQ(1u, connect.no_delay);
    EXPECT_EQ(nullptr, connect.user);
    EXPECT_EQ(nullptr, connect.framing);
    EXPECT_EQ(250u, connect.attempt_delay_ms);
    EXPECT_EQ(0u, connect.reconnect.initial_delay_ms);
    EXPECT_EQ(30000u, connect.reconnect.delay_max_ms);
    EXPECT_EQ(200u, connect.reconnect.factor_percent);
    EXPECT_EQ(50u, connect.reconnect.jitter_percent);
    EXPECT_EQ(0u, connect.reconnect.attempts_max);
    EXPECT_EQ(10000u, connect.reconnect.lasted_ms);
    EXPECT_EQ(nullptr, listener.framing);
}

class StructSizes : public PortTest
{
};
API_TEST_ON_EVERY_PORT(StructSizes);

/* A function that reads a configuration struct; IOCPNET_OK must leave nothing behind. */
using Read = std::function<int32_t(const void *options)>;

/* Gives every struct_size, the struct ending at a page that may not be touched. */
template <typename Options>
void expect_reads_exactly(const Options &defaults, const Read &read)
{
    const uint32_t whole = sizeof(Options);
    GuardedMemory memory(whole + tail_max);
    bool accepted = false;
    for (uint32_t size = 4; size <= whole + tail_max; size++) {
        auto *bytes = static_cast<unsigned char *>(memory.at_end(size));
        std::memset(bytes, 0, size);
        std::memcpy(bytes, &defaults, std::min(size, whole));
        std::memcpy(bytes, &size, sizeof size);
        const int32_t status = read(bytes);
        EXPECT_TRUE(status == IOCPNET_OK || status == IOCPNET_E_INVALID_STRUCT_SIZE) << size;
        EXPECT_TRUE(status == IOCPNET_OK || size % 8 != 0 || (size < whole && !accepted)) << size;
        accepted = accepted || status == IOCPNET_OK;
        for (uint32_t i = whole; i < size; i++) {
            bytes[i] = 1;
            EXPECT_EQ(IOCPNET_E_INVALID_STRUCT_SIZE, read(bytes)) << "tail of " << size << " at " << i;
            bytes[i] = 0;
        }
    }
    Options options = defaults;
    for (const uint32_t size : {0u, 1u, 2u, 3u}) {
        options.struct_size = size;
        EXPECT_EQ(IOCPNET_E_INVALID_STRUCT_SIZE, read(&options)) << size;
    }
}

TEST_P(StructSizes, OptionsOfAServiceAreReadToTheirSize)
{
    iocpnet_service_options defaults;
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_options_init(&defaults, sizeof defaults));
    defaults.port = GetParam();
    expect_reads_exactly(defaults, [](const void *options) {
        iocpnet_service service = 0;
        const int32_t status = iocpnet_service_create(static_cast<const iocpnet_service_options *>(options), &service);
        EXPECT_EQ(status == IOCPNET_OK, service != 0);
        EXPECT_TRUE(status != IOCPNET_OK || iocpnet_service_destroy(service) == IOCPNET_OK);
        return status;
    });
}

TEST_P(StructSizes, OptionsOfAListenerAreReadToTheirSize)
{
    Host host(callbacks());
    iocpnet_listener_options defaults;
    ASSERT_EQ(IOCPNET_OK, iocpnet_listener_options_init(&defaults, sizeof defaults));
    expect_reads_exactly(defaults, [&](const void *options) {
        iocpnet_listener listener = 0;
        const int32_t status = iocpnet_listener_open(host.service(), "127.0.0.1:0",
                                                     static_cast<const iocpnet_listener_options *>(options), &listener);
        EXPECT_TRUE(status != IOCPNET_OK || iocpnet_listener_close(listener) == IOCPNET_OK);
        return status;
    });
}

TEST_P(StructSizes, OptionsOfAConnectAreReadToTheirSize)
{
    Host host(callbacks());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    iocpnet_connect_options defaults;
    ASSERT_EQ(IOCPNET_OK, iocpnet_connect_options_init(&defaults, sizeof defaults));
    expect_reads_exactly(defaults, [&](const void *options) {
        iocpnet_session session = 0;
        const int32_t status = iocpnet_session_connect(host.service(), address.c_str(),
                                                       static_cast<const iocpnet_connect_options *>(options), &session);
        EXPECT_TRUE(status != IOCPNET_OK || disconnect(session, IOCPNET_DISCONNECT_ABORT) == IOCPNET_OK);
        return status;
    });
}

TEST_P(StructSizes, OptionsOfADisconnectAreReadToTheirSize)
{
    Host host(callbacks());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    iocpnet_disconnect_options defaults;
    ASSERT_EQ(IOCPNET_OK, iocpnet_disconnect_options_init(&defaults, sizeof defaults));
    /* The first one that is accepted ends the session; its peer is silent, so that the handle stays valid. */
    expect_reads_exactly(defaults, [&](const void *options) {
        return iocpnet_session_disconnect(session, static_cast<const iocpnet_disconnect_options *>(options));
    });
}

TEST_P(StructSizes, AConditionerIsReadToItsSize)
{
    Host host(callbacks());
    iocpnet_conditioner defaults;
    ASSERT_EQ(IOCPNET_OK, iocpnet_conditioner_init(&defaults, sizeof defaults));
    EXPECT_EQ(3u, defaults.directions);
    EXPECT_EQ(1u << 20, defaults.held_bytes_max);
    expect_reads_exactly(defaults, [&](const void *options) {
        return iocpnet_service_set_conditioner(host.service(), static_cast<const iocpnet_conditioner *>(options));
    });
}

TEST_P(StructSizes, ShorterOptionsAreCompletedWithDefaults)
{
    iocpnet_service service = 0;
    iocpnet_service_options options;
    ASSERT_EQ(IOCPNET_OK, iocpnet_service_options_init(&options, sizeof options));
    options.port = GetParam();
    options.struct_size = offsetof(iocpnet_service_options, dispatcher_count);
    options.dispatcher_count = 99999; /* beyond the end */
    const int32_t status = iocpnet_service_create(&options, &service);
    if (status != IOCPNET_OK) {
        EXPECT_EQ(IOCPNET_E_INVALID_STRUCT_SIZE, status);
        return;
    }
    iocpnet_service_details details = {};
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_info(service, &details, sizeof details));
    EXPECT_EQ(1u, details.dispatcher_count);
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
}

TEST_P(StructSizes, StatisticsAndDetailsAreFilledToTheSizeOfTheCaller)
{
    Host host(callbacks());
    const std::string address = host.listen();
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = Socket::connect(address);
    ASSERT_TRUE(host.wait_connected(1));
    const iocpnet_session session = host.recorder().nth(0);
    expect_fills_exactly(
        [&](void *m, uint32_t size) {
            return iocpnet_service_stats(host.service(), static_cast<iocpnet_service_statistics *>(m), size);
        },
        sizeof(iocpnet_service_statistics), true, true);
    expect_fills_exactly(
        [&](void *m, uint32_t size) {
            return iocpnet_service_info(host.service(), static_cast<iocpnet_service_details *>(m), size);
        },
        sizeof(iocpnet_service_details), true, true);
    expect_fills_exactly(
        [&](void *m, uint32_t size) {
            return iocpnet_session_info(session, static_cast<iocpnet_session_details *>(m), size);
        },
        sizeof(iocpnet_session_details), true, true);
}

} // namespace
