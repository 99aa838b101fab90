#include "support/api_misuse.hpp"

#include <algorithm>
#include <climits>

#include <gtest/gtest.h>

#include "support/api_environment.hpp"

namespace api_test
{

Outputs outputs;

namespace
{

const std::set<int32_t> argument = {IOCPNET_E_INVALID_ARGUMENT};

char text[64];
char byte[16];
iocpnet_event stored_events[4];
iocpnet_trace_record stored_records[4];
const std::string long_name(256, 'n');
/* 256 bytes: the longest name that is allowed would end inside its last character. */
const std::string long_name_of_characters = std::string(254, 'n') + "\xc3\xa9";

template <typename Options>
Options defaults(int32_t(IOCPNET_CALL *init)(Options *, uint32_t))
{
    Options options;
    EXPECT_EQ(IOCPNET_OK, init(&options, sizeof options));
    return options;
}

void add_process_wide(Table &table)
{
    table["iocpnet_version"] = {};
    table["iocpnet_last_os_error"] = {};
    const auto name_is = [](const char *name, const char *expected) { return std::string(name) == expected ? 0 : 1; };
    table["iocpnet_status_name"].wrong = {
        {"the lowest", [=] { return name_is(iocpnet_status_name(INT_MIN), "unknown status"); }, {0}},
        {"the highest", [=] { return name_is(iocpnet_status_name(INT_MAX), "unknown status"); }, {0}}};
    table["iocpnet_status_text"].wrong = {
        {"the lowest", [] { return iocpnet_status_text(INT_MIN) != nullptr ? 0 : 1; }, {0}},
        {"the highest", [] { return iocpnet_status_text(INT_MAX) != nullptr ? 0 : 1; }, {0}}};
    table["iocpnet_close_reason_name"].wrong = {
        {"one too high",
         [=] { return name_is(iocpnet_close_reason_name(IOCPNET_CLOSE_REASON_COUNT), "unknown"); },
         {0}},
        {"the highest", [=] { return name_is(iocpnet_close_reason_name(UINT32_MAX), "unknown"); }, {0}}};
    table["iocpnet_allocator_init"].wrong = {
        {"NULL", [] { return iocpnet_allocator_init(nullptr, sizeof(iocpnet_allocator)); }, argument}};
    table["iocpnet_set_allocator"].wrong = {{"NULL", [] { return iocpnet_set_allocator(nullptr); }, argument},
                                            {"NULL functions",
                                             [] {
                                                 const iocpnet_allocator allocator = defaults(iocpnet_allocator_init);
                                                 return iocpnet_set_allocator(&allocator);
                                             },
                                             {IOCPNET_E_INVALID_ARGUMENT, IOCPNET_E_INVALID_STATE}}};
    table["iocpnet_set_log_callback"].wrong = {
        {"level above", [] { return iocpnet_set_log_callback(nullptr, IOCPNET_LOG_DEBUG + 1, nullptr); }, argument},
        {"level below", [] { return iocpnet_set_log_callback(nullptr, -1, nullptr); }, argument},
        {"the lowest level", [] { return iocpnet_set_log_callback(nullptr, INT_MIN, nullptr); }, argument}};
    table["iocpnet_count_live_objects"].wrong = {
        {"NULL", [] { return iocpnet_count_live_objects(nullptr, sizeof(iocpnet_live_objects)); }, argument}};
    table["iocpnet_layout"].wrong = {
        {"NULL", [] { return iocpnet_layout(nullptr, nullptr, nullptr); }, argument},
        {"empty", [] { return iocpnet_layout("", nullptr, nullptr); }, argument},
        {"unknown field", [] { return iocpnet_layout("iocpnet_event.nothing", nullptr, nullptr); }, argument},
        {"field of a longer name", [] { return iocpnet_layout("iocpnet_event.kindly", nullptr, nullptr); }, argument},
        {"half a name", [] { return iocpnet_layout("iocpnet_ev", nullptr, nullptr); }, argument},
        {"only a dot", [] { return iocpnet_layout("iocpnet_event.", nullptr, nullptr); }, argument}};
    table["iocpnet_get_api"].wrong = {
        {"NULL", [] { return iocpnet_get_api(IOCPNET_VERSION, sizeof(iocpnet_api), nullptr); }, argument}};
}

int32_t create_with(const std::function<void(iocpnet_service_options &)> &change)
{
    iocpnet_service_options options = defaults(iocpnet_service_options_init);
    change(options);
    return iocpnet_service_create(&options, &outputs.handle);
}

void add_service_create(Table &table)
{
    using Options = iocpnet_service_options;
    table["iocpnet_service_options_init"].wrong = {
        {"NULL", [] { return iocpnet_service_options_init(nullptr, sizeof(Options)); }, argument}};
    Entry &create = table["iocpnet_service_create"];
    const auto add = [&create](const char *what, const std::function<void(Options &)> &change) {
        create.wrong.push_back({what, [change] { return create_with(change); }, argument});
    };
    create.wrong.push_back({"NULL", [] { return iocpnet_service_create(nullptr, nullptr); }, argument});
    add("port above", [](Options &o) { o.port = IOCPNET_PORT_IOCP + 1; });
    add("highest port", [](Options &o) { o.port = UINT32_MAX; });
    add("driving", [](Options &o) { o.driving = 2; });
    add("delivery", [](Options &o) { o.delivery = 2; });
    add("no dispatcher", [](Options &o) { o.dispatcher_count = 0; });
    add("too many dispatchers", [](Options &o) { o.dispatcher_count = IOCPNET_DISPATCHERS_MAX + 1; });
    add("most dispatchers", [](Options &o) { o.dispatcher_count = UINT32_MAX; });
    add("receive buffer below", [](Options &o) { o.receive_buffer_bytes = 1023; });
    add("receive buffer above", [](Options &o) { o.receive_buffer_bytes = 1024 * 1024 + 1; });
    add("highest receive buffer", [](Options &o) { o.receive_buffer_bytes = UINT32_MAX; });
    add("no send queue", [](Options &o) { o.send_queue_bytes_max = 0; });
    add("send queue above", [](Options &o) { o.send_queue_bytes_max = (UINT64_C(1) << 30) + 1; });
    add("highest send queue", [](Options &o) { o.send_queue_bytes_max = UINT64_MAX; });
    add("watermark at the maximum", [](Options &o) { o.send_queue_bytes_low = o.send_queue_bytes_max; });
    add("highest watermark", [](Options &o) { o.send_queue_bytes_low = UINT64_MAX; });
    add("undefined events", [](Options &o) { o.batch_events |= IOCPNET_EVENT_BIT(IOCPNET_EVENT_KIND_COUNT); });
    add("highest event", [](Options &o) { o.batch_events |= UINT64_C(1) << 63; });
    add("few addresses", [](Options &o) { o.addresses_max = 15; });
    add("too many addresses", [](Options &o) { o.addresses_max = 1048577; });
    add("a burst without a rate", [](Options &o) { o.accepts_per_address_burst = 1; });
    add("a small memory budget", [](Options &o) { o.memory_budget_bytes = 1023; });
    add("a large memory budget", [](Options &o) { o.memory_budget_bytes = (UINT64_C(1) << 40) + 1; });
    add("a send queue of more than a quarter of the budget", [](Options &o) {
        o.memory_budget_bytes = 8192;
        o.send_queue_bytes_max = 2049;
    });
    add("send policy", [](Options &o) { o.send_policy = IOCPNET_SEND_DISCONNECT + 1; });
    add("too many records of a trace", [](Options &o) { o.trace_records = IOCPNET_TRACE_RECORDS_MAX + 1; });
    const uint32_t foreign = on_windows ? IOCPNET_PORT_EPOLL : IOCPNET_PORT_IOCP;
    create.wrong.push_back({"port of another system",
                            [=] { return create_with([=](Options &o) { o.port = foreign; }); },
                            {IOCPNET_E_NOT_SUPPORTED}});
}

void add_service(Table &table, const World &world)
{
    const World *w = &world;
    table["iocpnet_service_set_callback"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_service_set_callback(h, IOCPNET_EVENT_CONNECTED, nullptr, nullptr); },
        {{"kind 0", [=] { return iocpnet_service_set_callback(w->fresh, 0, nullptr, nullptr); }, argument},
         {"kind above",
          [=] { return iocpnet_service_set_callback(w->fresh, IOCPNET_EVENT_KIND_COUNT, nullptr, nullptr); }, argument},
         {"highest kind", [=] { return iocpnet_service_set_callback(w->fresh, UINT32_MAX, nullptr, nullptr); },
          argument}}};
    table["iocpnet_service_start"] = {Kind::service, iocpnet_service_start, {}};
    table["iocpnet_service_dispatch"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_service_dispatch(h, 0, 0); },
        {{"dispatcher above", [=] { return iocpnet_service_dispatch(w->driven, 1, 0); }, argument},
         {"highest dispatcher", [=] { return iocpnet_service_dispatch(w->driven, UINT32_MAX, 0); }, argument}}};
    table["iocpnet_service_poll"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_service_poll(h, 0, stored_events, 4, 0); },
        {{"NULL", [=] { return iocpnet_service_poll(w->polled, 0, nullptr, 4, 0); }, argument},
         {"no capacity", [=] { return iocpnet_service_poll(w->polled, 0, stored_events, 0, 0); }, argument},
         {"capacity above", [=] { return iocpnet_service_poll(w->polled, 0, stored_events, 65537, 0); }, argument},
         {"highest capacity", [=] { return iocpnet_service_poll(w->polled, 0, stored_events, UINT32_MAX, 0); },
          argument},
         {"dispatcher above", [=] { return iocpnet_service_poll(w->polled, 1, stored_events, 4, 0); }, argument},
         {"highest dispatcher", [=] { return iocpnet_service_poll(w->polled, UINT32_MAX, stored_events, 4, 0); },
          argument}}};
    table["iocpnet_service_wake"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_service_wake(h, 0); },
        {{"dispatcher above", [=] { return iocpnet_service_wake(w->service, 1); }, argument},
         {"highest dispatcher", [=] { return iocpnet_service_wake(w->service, UINT32_MAX); }, argument}}};
    table["iocpnet_service_stop"] = {
        Kind::service, [](uint64_t h) { return iocpnet_service_stop(h, 0, &outputs.stopped); }, {}};
    table["iocpnet_service_destroy"] = {Kind::service, iocpnet_service_destroy, {}};
    table["iocpnet_service_stats"] = {
        Kind::service,
        [](uint64_t h) {
            iocpnet_service_statistics statistics;
            return iocpnet_service_stats(h, &statistics, sizeof statistics);
        },
        {{"NULL", [=] { return iocpnet_service_stats(w->service, nullptr, sizeof(iocpnet_service_statistics)); },
          argument}}};
    table["iocpnet_service_info"] = {
        Kind::service,
        [](uint64_t h) {
            iocpnet_service_details details;
            return iocpnet_service_info(h, &details, sizeof details);
        },
        {{"NULL", [=] { return iocpnet_service_info(w->service, nullptr, sizeof(iocpnet_service_details)); },
          argument}}};
}

void add_watching(Table &table, const World &world)
{
    const World *w = &world;
    table["iocpnet_service_metrics"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_service_metrics(h, nullptr, nullptr, 0); },
        {{"NULL", [=] { return iocpnet_service_metrics(w->service, nullptr, nullptr, 1); }, argument},
         {"no UTF-8", [=] { return iocpnet_service_metrics(w->service, "\xff", nullptr, 0); }, argument},
         {"long name", [=] { return iocpnet_service_metrics(w->service, long_name.c_str(), nullptr, 0); }, argument},
         {"name that is cut inside a character",
          [=] { return iocpnet_service_metrics(w->service, long_name_of_characters.c_str(), nullptr, 0); }, argument}}};
    table["iocpnet_service_trace"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_service_trace(h, 0, stored_records, 4); },
        {{"NULL", [=] { return iocpnet_service_trace(w->service, 0, nullptr, 4); }, argument},
         {"no capacity", [=] { return iocpnet_service_trace(w->service, 0, stored_records, 0); }, argument},
         {"highest capacity", [=] { return iocpnet_service_trace(w->service, 0, stored_records, UINT32_MAX); },
          argument},
         {"highest dispatcher", [=] { return iocpnet_service_trace(w->service, UINT32_MAX, stored_records, 4); },
          argument}}};
}

iocpnet_framing framing_of(uint32_t kind, const std::function<void(iocpnet_framing &)> &change)
{
    iocpnet_framing framing;
    EXPECT_EQ(IOCPNET_OK, iocpnet_framing_init(&framing, sizeof framing, kind));
    change(framing);
    return framing;
}

iocpnet_framing bad_framing()
{
    return framing_of(IOCPNET_FRAMING_LENGTH, [](iocpnet_framing &f) { f.length_width = 3; });
}

void add_framing(Table &table, const World &world)
{
    using Framing = iocpnet_framing;
    const World *w = &world;
    table["iocpnet_framing_init"].wrong = {
        {"NULL", [] { return iocpnet_framing_init(nullptr, sizeof(Framing), IOCPNET_FRAMING_LENGTH); }, argument},
        {"kind", [] { return iocpnet_framing_init(nullptr, sizeof(Framing), IOCPNET_FRAMING_STREAM + 1); }, argument},
        {"highest kind", [] { return iocpnet_framing_init(nullptr, sizeof(Framing), UINT32_MAX); }, argument}};
    table["iocpnet_session_set_framing"] = {
        Kind::session, [](uint64_t h) { return iocpnet_session_set_framing(h, nullptr); }, {}};
    const auto add = [&](const char *what, uint32_t kind, const std::function<void(Framing &)> &change) {
        const auto call = [=] {
            const Framing framing = framing_of(kind, change);
            return iocpnet_session_set_framing(w->session, &framing);
        };
        table["iocpnet_session_set_framing"].wrong.push_back({what, call, argument});
    };
    const auto without_size = [=] {
        const Framing framing = {};
        return iocpnet_session_set_framing(w->session, &framing);
    };
    table["iocpnet_session_set_framing"].wrong.push_back({"no size", without_size, {IOCPNET_E_INVALID_STRUCT_SIZE}});
    constexpr uint32_t length = IOCPNET_FRAMING_LENGTH;
    constexpr uint32_t delimiter = IOCPNET_FRAMING_DELIMITER;
    add("kind", length, [](Framing &f) { f.kind = IOCPNET_FRAMING_SIZE_ID; });
    add("highest kind", length, [](Framing &f) { f.kind = UINT32_MAX; });
    add("flag", length, [](Framing &f) { f.flags = 4; });
    add("reserved", length, [](Framing &f) { f.reserved = 1; });
    add("no message", length, [](Framing &f) { f.message_bytes_max = 0; });
    add("long message", length, [](Framing &f) { f.message_bytes_max = IOCPNET_FRAMING_MESSAGE_MAX + 1; });
    add("no width", length, [](Framing &f) { f.length_width = 0; });
    add("width", length, [](Framing &f) { f.length_width = 3; });
    add("wide", length, [](Framing &f) { f.length_width = 8; });
    add("field behind its header", length, [](Framing &f) { f.length_offset = 1; });
    add("field too far", length, [](Framing &f) { f.length_offset = 13, f.header_bytes = 64; });
    add("highest offset", length, [](Framing &f) { f.length_offset = UINT32_MAX; });
    add("long header", length, [](Framing &f) { f.header_bytes = IOCPNET_FRAMING_HEADER_MAX + 1; });
    add("kept header longer than a message", length, [](Framing &f) {
        f.flags = IOCPNET_FRAMING_KEEP;
        f.message_bytes_max = 3;
    });
    add("no delimiter", delimiter, [](Framing &f) { f.delimiter_bytes = 0; });
    add("long delimiter", delimiter, [](Framing &f) { f.delimiter_bytes = IOCPNET_FRAMING_DELIMITER_MAX + 1; });
    table["iocpnet_session_consume"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_consume(h, 0); },
        {{"no stream", [=] { return iocpnet_session_consume(w->session, 1); }, {IOCPNET_E_INVALID_STATE}}}};
    table["iocpnet_session_send_message"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_send_message(h, byte, 1); },
        {{"NULL", [=] { return iocpnet_session_send_message(w->session, nullptr, 1); }, argument}}};
    table["iocpnet_session_send_latest"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_send_latest(h, 1, byte, 1, 0); },
        {{"NULL", [=] { return iocpnet_session_send_latest(w->session, 1, nullptr, 1, 0); }, argument},
         {"flags", [=] { return iocpnet_session_send_latest(w->session, 1, byte, 1, 2); }, argument}}};
}
/* Of listeners and connects. */
template <typename Options, typename Add>
void add_common_options(const Add &add)
{
    add("keep-alive idle", [](Options &o) { o.socket.keep_alive_idle_s = 32768; });
    add("keep-alive interval", [](Options &o) { o.socket = {1, 32768, 0, 0, 0, 0, {}}; });
    add("keep-alive count", [](Options &o) { o.socket = {1, 0, 128, 0, 0, 0, {}}; });
    add("an interval without keep-alive", [](Options &o) { o.socket.keep_alive_interval_s = 1; });
    add("a count without keep-alive", [](Options &o) { o.socket.keep_alive_count = 1; });
    add("receive buffer", [](Options &o) { o.socket.receive_buffer_bytes = (1U << 30) + 1; });
    add("send buffer", [](Options &o) { o.socket.send_buffer_bytes = UINT32_MAX; });
    add("reserved of the socket", [](Options &o) { o.socket.reserved[1] = 1; });
    add("receive rate", [](Options &o) { o.limits.receive_bytes_per_s = (UINT64_C(1) << 40) + 1; });
    add("receive policy", [](Options &o) { o.limits.receive_policy = IOCPNET_RECEIVE_DISCONNECT + 1; });
    add("reserved of the limits", [](Options &o) { o.limits.reserved[1] = 1; });
}

const std::string many_networks = [] {
    std::string networks;
    for (int i = 0; i <= 4096; i++) {
        networks += "::1 ";
    }
    return networks;
}();

int32_t open_with(const World *w, const std::function<void(iocpnet_listener_options &)> &change)
{
    iocpnet_listener_options options = defaults(iocpnet_listener_options_init);
    change(options);
    return iocpnet_listener_open(w->service, "127.0.0.1:0", &options, &outputs.handle);
}

void add_listener(Table &table, const World &world)
{
    using Options = iocpnet_listener_options;
    const World *w = &world;
    table["iocpnet_listener_options_init"].wrong = {
        {"NULL", [] { return iocpnet_listener_options_init(nullptr, sizeof(Options)); }, argument}};
    table["iocpnet_listener_open"] = {
        Kind::service,
        [](uint64_t h) { return iocpnet_listener_open(h, "127.0.0.1:0", nullptr, &outputs.handle); },
        {{"NULL address", [=] { return iocpnet_listener_open(w->service, nullptr, nullptr, &outputs.handle); },
          argument},
         {"NULL listener", [=] { return iocpnet_listener_open(w->service, "127.0.0.1:0", nullptr, nullptr); },
          argument}}};
    const auto add = [&](const char *what, const std::function<void(Options &)> &change) {
        table["iocpnet_listener_open"].wrong.push_back({what, [=] { return open_with(w, change); }, argument});
    };
    add("no accepts", [](Options &o) { o.accept_count = 0; });
    add("too many accepts", [](Options &o) { o.accept_count = 1025; });
    add("most accepts", [](Options &o) { o.accept_count = UINT32_MAX; });
    add("dispatcher above", [](Options &o) { o.dispatcher = 1; });
    add("high dispatcher", [](Options &o) { o.dispatcher = UINT32_MAX - 1; });
    add("ipv6_only", [](Options &o) { o.ipv6_only = 2; });
    add("no_delay", [](Options &o) { o.no_delay = UINT32_MAX; });
    add("reserved", [](Options &o) { o.reserved[0] = 1; });
    add("reserved, the second", [](Options &o) { o.reserved[1] = UINT64_C(1) << 63; });
    static const iocpnet_framing bad = bad_framing();
    add("framing", [](Options &o) { o.framing = &bad; });
    add("reserved pointer", [](Options &o) { o.reserved_pointer = byte; });
    add("reuse_port", [](Options &o) { o.reuse_port = 2; });
    add("reserved number", [](Options &o) { o.reserved_number = 1; });
    add("PROXY protocol", [](Options &o) { o.proxy_protocol = IOCPNET_PROXY_REQUIRED + 1, o.proxy_trusted = "::1"; });
    add("nobody said who is a proxy", [](Options &o) { o.proxy_protocol = IOCPNET_PROXY_REQUIRED; });
    add("PROXY protocol is off", [](Options &o) { o.proxy_trusted = "127.0.0.1"; });
    add("reserved, of the PROXY protocol", [](Options &o) { o.reserved_proxy = 1; });
    add("reserved pointer, of the PROXY protocol", [](Options &o) { o.reserved_proxy_pointer = byte; });
    add_common_options<Options>(add);
    const auto refused_list = [&](const char *what, const char *allow, const char *deny, int32_t status,
                                  const char *trusted = nullptr) {
        const auto change = [=](Options &o) {
            o.allow = allow;
            o.deny = deny;
            o.proxy_trusted = trusted;
            o.proxy_protocol = trusted != nullptr;
        };
        table["iocpnet_listener_open"].wrong.push_back({what, [=] { return open_with(w, change); }, {status}});
    };
    refused_list("a word in the allow list", "10.0.0.0/8, localhost", nullptr, IOCPNET_E_INVALID_ADDRESS);
    refused_list("a prefix above", nullptr, "10.0.0.0/33", IOCPNET_E_INVALID_ADDRESS);
    refused_list("bits behind the prefix", nullptr, "10.0.0.1/8", IOCPNET_E_INVALID_ADDRESS);
    refused_list("no separator", "::1;::2", nullptr, IOCPNET_E_INVALID_ADDRESS);
    refused_list("a name of a proxy", "::1", nullptr, IOCPNET_E_INVALID_ADDRESS, "localhost");
    refused_list("too many networks", nullptr, many_networks.c_str(), IOCPNET_E_TOO_LARGE);
    table["iocpnet_listener_close"] = {Kind::listener, iocpnet_listener_close, {}};
    table["iocpnet_listener_address"] = {
        Kind::listener,
        [](uint64_t h) { return iocpnet_listener_address(h, text, sizeof text); },
        {{"NULL", [=] { return iocpnet_listener_address(w->listener, nullptr, 1); }, argument},
         {"NULL of the highest capacity", [=] { return iocpnet_listener_address(w->listener, nullptr, UINT32_MAX); },
          argument}}};
}

int32_t connect_with(const World *w, const std::function<void(iocpnet_connect_options &)> &change)
{
    iocpnet_connect_options options = defaults(iocpnet_connect_options_init);
    change(options);
    return iocpnet_session_connect(w->service, w->address.c_str(), &options, &outputs.handle);
}

void add_connect(Table &table, const World &world)
{
    using Options = iocpnet_connect_options;
    const World *w = &world;
    table["iocpnet_connect_options_init"].wrong = {
        {"NULL", [] { return iocpnet_connect_options_init(nullptr, sizeof(Options)); }, argument}};
    table["iocpnet_session_connect"] = {
        Kind::service,
        [=](uint64_t h) { return iocpnet_session_connect(h, w->address.c_str(), nullptr, &outputs.handle); },
        {{"NULL address", [=] { return iocpnet_session_connect(w->service, nullptr, nullptr, &outputs.handle); },
          argument},
         {"NULL session", [=] { return iocpnet_session_connect(w->service, w->address.c_str(), nullptr, nullptr); },
          argument},
         {"port 0",
          [=] { return iocpnet_session_connect(w->service, "127.0.0.1:0", nullptr, &outputs.handle); },
          {IOCPNET_E_INVALID_ADDRESS, IOCPNET_E_INVALID_ARGUMENT}}}};
    const auto add = [&](const char *what, const std::function<void(Options &)> &change) {
        table["iocpnet_session_connect"].wrong.push_back({what, [=] { return connect_with(w, change); }, argument});
    };
    add("dispatcher above", [](Options &o) { o.dispatcher = 1; });
    add("high dispatcher", [](Options &o) { o.dispatcher = UINT32_MAX - 1; });
    add("no_delay", [](Options &o) { o.no_delay = 2; });
    add("reserved", [](Options &o) { o.reserved[0] = 1; });
    add("reserved, the second", [](Options &o) { o.reserved[1] = 1; });
    add("reserved pointer", [](Options &o) { o.reserved_pointer = byte; });
    static const iocpnet_framing bad = bad_framing();
    add("framing", [](Options &o) { o.framing = &bad; });
    add("reserved number", [](Options &o) { o.reserved_number = 1; });
    add("delay above its maximum", [](Options &o) { o.reconnect.initial_delay_ms = 30001; });
    add("shrinking delays", [](Options &o) { o.reconnect.factor_percent = 99; });
    add("factor above", [](Options &o) { o.reconnect.factor_percent = 10001; });
    add("more jitter than delay", [](Options &o) { o.reconnect.jitter_percent = 101; });
    add("reserved of the reconnect", [](Options &o) { o.reconnect.reserved = 1; });
    add_common_options<Options>(add);
    for (const char *local : {"", "localhost:0", "[::1]:0", "127.0.0.1", "127.0.0.1:65536"}) {
        table["iocpnet_session_connect"].wrong.push_back(
            {"local address",
             [=] { return connect_with(w, [=](Options &o) { o.local_address = local; }); },
             {IOCPNET_E_INVALID_ADDRESS}});
        table["iocpnet_session_connect"].wrong.push_back({"local address, with a reconnect",
                                                          [=] {
                                                              return connect_with(w, [=](Options &o) {
                                                                  o.local_address = local;
                                                                  o.reconnect.initial_delay_ms = 1000;
                                                              });
                                                          },
                                                          {IOCPNET_E_INVALID_ADDRESS}});
    }
}

int32_t disconnect_with(const World *w, const std::function<void(iocpnet_disconnect_options &)> &change)
{
    iocpnet_disconnect_options options = defaults(iocpnet_disconnect_options_init);
    change(options);
    return iocpnet_session_disconnect(w->session, &options);
}

int32_t sendv_of(const World *w, std::initializer_list<uint64_t> sizes, const void *data)
{
    std::vector<iocpnet_iovec> pieces(sizes.size());
    std::transform(sizes.begin(), sizes.end(), pieces.begin(), [=](uint64_t size) {
        iocpnet_iovec piece = {};
        piece.size = size;
        piece.data = data;
        return piece;
    });
    return iocpnet_session_sendv(w->session, pieces.data(), static_cast<uint32_t>(pieces.size()));
}

void add_send_and_disconnect(Table &table, const World &world)
{
    using Options = iocpnet_disconnect_options;
    const World *w = &world;
    const std::set<int32_t> too_large = {IOCPNET_E_TOO_LARGE};
    table["iocpnet_session_send"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_send(h, byte, 1); },
        {{"NULL", [=] { return iocpnet_session_send(w->session, nullptr, 1); }, argument},
         {"above the limit", [=] { return iocpnet_session_send(w->session, byte, 1024 * 1024 + 1); }, too_large},
         {"highest size", [=] { return iocpnet_session_send(w->session, byte, UINT64_MAX); }, too_large},
         {"highest signed size", [=] { return iocpnet_session_send(w->session, byte, INT64_MAX); }, too_large}}};
    static const std::vector<iocpnet_iovec> many(IOCPNET_IOVEC_MAX + 1);
    const std::set<int32_t> either = {IOCPNET_E_TOO_LARGE, IOCPNET_E_INVALID_ARGUMENT};
    table["iocpnet_session_sendv"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_sendv(h, many.data(), 1); },
        {{"NULL", [=] { return iocpnet_session_sendv(w->session, nullptr, 1); }, argument},
         {"NULL piece", [=] { return sendv_of(w, {1}, nullptr); }, argument},
         {"NULL piece behind others",
          [=] {
              return sendv_of(w, {0, 0, 5}, nullptr);
          },
          argument},
         {"too many", [=] { return iocpnet_session_sendv(w->session, many.data(), IOCPNET_IOVEC_MAX + 1); }, argument},
         {"highest count", [=] { return iocpnet_session_sendv(w->session, many.data(), UINT32_MAX); }, argument},
         {"highest size", [=] { return sendv_of(w, {UINT64_MAX}, byte); }, either},
         {"sum that wraps to 1",
          [=] {
              return sendv_of(w, {UINT64_MAX, 2}, byte);
          },
          either},
         {"sum that wraps to 0",
          [=] {
              return sendv_of(w, {UINT64_C(1) << 63, UINT64_C(1) << 63}, byte);
          },
          either}}};
    table["iocpnet_disconnect_options_init"].wrong = {
        {"NULL", [] { return iocpnet_disconnect_options_init(nullptr, sizeof(Options)); }, argument}};
    table["iocpnet_session_disconnect"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_disconnect(h, nullptr); },
        {{"mode", [=] { return disconnect_with(w, [](Options &o) { o.mode = 2; }); }, argument},
         {"highest mode", [=] { return disconnect_with(w, [](Options &o) { o.mode = UINT32_MAX; }); }, argument},
         {"reserved", [=] { return disconnect_with(w, [](Options &o) { o.reserved = 1; }); }, argument},
         {"reserved pointer", [=] { return disconnect_with(w, [](Options &o) { o.reserved_pointer = byte; }); },
          argument}}};
}

void add_session(Table &table, const World &world)
{
    const World *w = &world;
    table["iocpnet_session_pause_receive"] = {Kind::session, iocpnet_session_pause_receive, {}};
    table["iocpnet_session_resume_receive"] = {Kind::session, iocpnet_session_resume_receive, {}};
    table["iocpnet_session_set_user"] = {
        Kind::session, [](uint64_t h) { return iocpnet_session_set_user(h, byte); }, {}};
    table["iocpnet_session_get_user"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_get_user(h, &outputs.user); },
        {{"NULL", [=] { return iocpnet_session_get_user(w->session, nullptr); }, argument}}};
    table["iocpnet_session_local_address"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_local_address(h, text, sizeof text); },
        {{"NULL", [=] { return iocpnet_session_local_address(w->session, nullptr, 1); }, argument}}};
    table["iocpnet_session_remote_address"] = {
        Kind::session,
        [](uint64_t h) { return iocpnet_session_remote_address(h, text, sizeof text); },
        {{"NULL", [=] { return iocpnet_session_remote_address(w->session, nullptr, UINT32_MAX); }, argument}}};
    table["iocpnet_session_info"] = {
        Kind::session,
        [](uint64_t h) {
            iocpnet_session_details details;
            return iocpnet_session_info(h, &details, sizeof details);
        },
        {{"NULL", [=] { return iocpnet_session_info(w->session, nullptr, sizeof(iocpnet_session_details)); },
          argument}}};
}

iocpnet_service create_service(uint32_t port, uint32_t delivery, bool started)
{
    iocpnet_service made = 0;
    iocpnet_service_options options = defaults(iocpnet_service_options_init);
    options.port = port;
    options.driving = IOCPNET_DRIVING_HOST;
    options.delivery = delivery;
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_create(&options, &made));
    if (started) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_start(made));
    }
    return made;
}

} // namespace

World::World(const Mode &mode) : server(mode)
{
    server.echo();
    address = server.listen();
    EXPECT_EQ(IOCPNET_OK, server.start());
    peer = Socket::connect(address);
    EXPECT_TRUE(server.wait_connected(1));
    session = server.recorder().nth(0);
    listener = server.listener();
    service = server.service();
    polled = create_service(mode.port, IOCPNET_DELIVERY_BATCHES, true);
    driven = create_service(mode.port, IOCPNET_DELIVERY_CALLBACKS, true);
    fresh = create_service(mode.port, IOCPNET_DELIVERY_CALLBACKS, false);
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_create(byte, sizeof byte, &buffer));
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_create(service, &group));
}

World::~World()
{
    EXPECT_EQ(IOCPNET_OK, iocpnet_group_destroy(group));
    EXPECT_EQ(IOCPNET_OK, iocpnet_buffer_release(buffer));
    for (const iocpnet_service other : {polled, driven, fresh}) {
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(other));
    }
}

void World::expect_unharmed()
{
    ASSERT_TRUE(peer.send("unharmed"));
    EXPECT_EQ("unharmed", peer.receive(8));
    EXPECT_EQ(static_cast<uint32_t>(IOCPNET_SESSION_OPEN), session_details(session).state);
    EXPECT_EQ(address, session_address(iocpnet_listener_address, listener));
    EXPECT_EQ(4u, live_objects().services);
    EXPECT_EQ(1u, live_objects().listeners);
    EXPECT_EQ(1u, live_objects().sessions);
}

Table table_of(const World &world)
{
    Table table;
    add_process_wide(table);
    add_service_create(table);
    add_service(table, world);
    add_framing(table, world);
    add_watching(table, world);
    add_listener(table, world);
    add_connect(table, world);
    add_send_and_disconnect(table, world);
    add_session(table, world);
    add_buffer(table, world);
    add_group(table, world);
    add_schedule(table, world);
    add_conditioner(table, world);
    return table;
}

} // namespace api_test
