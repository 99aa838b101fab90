/*
 * Structs that carry their size: options in, defaults and counters out. The rules are those of the header. A call that is
 * refused changes nothing; no byte outside of what the caller gave is touched (the address sanitizer looks).
 */
#include <memory>

#include "fuzz/input.hpp"
#include "fuzz/network.hpp"
#include "iocpnet.h"

extern "C" {
#include "base/utf8.h"
}

namespace
{

constexpr uint32_t size_max = 4096;
constexpr const char *nobody = "127.0.0.1:1"; /* nobody listens there */

uint32_t size_from(fuzz::Input &input)
{
    switch (input.below(4)) {
    case 0:
        return static_cast<uint32_t>(input.number(4));
    case 1:
        return input.below(300);
    default:
        return input.below(40) * 8;
    }
}

bool is_size(uint32_t size)
{
    return size >= 8 && size <= size_max && size % 8 == 0;
}

/* A struct in memory of its own, that ends where it says. */
class Struct
{
public:
    explicit Struct(uint32_t size)
        : size_(is_size(size) ? size : 8), memory_(static_cast<uint8_t *>(std::aligned_alloc(8, size_)))
    {
        std::memset(memory_.get(), fuzz::untouched, size_);
    }

    uint32_t size() const { return size_; }
    void *at() const { return memory_.get(); }
    template <typename T>
    T *as() const
    {
        return reinterpret_cast<T *>(memory_.get());
    }
    bool is_untouched() const { return fuzz::is_untouched(memory_.get(), size_); }
    bool has_zeros_from(size_t offset) const
    {
        return std::all_of(memory_.get() + std::min<size_t>(offset, size_), memory_.get() + size_,
                           [](uint8_t byte) { return byte == 0; });
    }

private:
    struct Free {
        void operator()(uint8_t *memory) const { std::free(memory); }
    };

    uint32_t size_;
    std::unique_ptr<uint8_t, Free> memory_;
};

/* A function that fills a struct of the caller's size. */
template <typename T, typename Call>
void check_output(fuzz::Input &input, bool has_size, const Call &call)
{
    const uint32_t size = size_from(input);
    const Struct target(size);
    FUZZ_REQUIRE(call(nullptr, size) == IOCPNET_E_INVALID_ARGUMENT);
    const int32_t status = call(target.template as<T>(), size);
    FUZZ_REQUIRE(status == (is_size(size) ? IOCPNET_OK : IOCPNET_E_INVALID_STRUCT_SIZE));
    if (status != IOCPNET_OK) {
        FUZZ_REQUIRE(target.is_untouched());
        return;
    }
    T whole;
    FUZZ_REQUIRE(call(&whole, sizeof whole) == IOCPNET_OK);
    if (has_size) {
        std::memcpy(&whole, &size, sizeof size);
    }
    FUZZ_REQUIRE(std::memcmp(target.at(), &whole, std::min<size_t>(size, sizeof whole)) == 0);
    FUZZ_REQUIRE(target.has_zeros_from(sizeof whole));
}

/* Options as a caller may hand them in: the defaults, cut or continued, with some bytes changed. */
template <typename T>
class Given
{
public:
    Given(fuzz::Input &input, int32_t (*init)(T *, uint32_t)) : size_(size_from(input)), given_(size_)
    {
        FUZZ_REQUIRE(init(given_.template as<T>(), given_.size()) == IOCPNET_OK);
        FUZZ_REQUIRE(init(&complete, sizeof complete) == IOCPNET_OK);
        for (uint32_t patches = input.below(6); patches != 0; patches--) {
            patch(input);
        }
        std::memcpy(given_.at(), &size_, sizeof size_);
    }

    /* Gives a field that the fuzzer must not choose, a pointer for example, its value. */
    template <typename F>
    void put(F T::*field, F value)
    {
        const auto offset = static_cast<size_t>(reinterpret_cast<uint8_t *>(&(complete.*field)) -
                                                reinterpret_cast<uint8_t *>(&complete));
        if (offset + sizeof value <= given_.size()) {
            std::memcpy(static_cast<uint8_t *>(given_.at()) + offset, &value, sizeof value);
        }
    }

    /* What the library has to take it for; false: the size is wrong, or the unknown tail is not 0. */
    bool complete_it()
    {
        std::memcpy(&complete, given_.at(), std::min<size_t>(given_.size(), sizeof complete));
        return is_size(size_) && given_.has_zeros_from(sizeof complete);
    }

    const T *pointer() const { return given_.template as<T>(); }

    T complete;

private:
    void patch(fuzz::Input &input)
    {
        const uint32_t width = 1U << input.below(4);
        const uint32_t offset = input.below(given_.size() / width) * width;
        const uint64_t value = input.flag() ? input.number(width) : input.byte();
        std::memcpy(static_cast<uint8_t *>(given_.at()) + offset, &value, width);
    }

    uint32_t size_;
    Struct given_;
};

iocpnet_live_objects live()
{
    iocpnet_live_objects counts;
    iocpnet_count_live_objects(&counts, sizeof counts);
    return counts;
}

bool is_as_before(const iocpnet_live_objects &before)
{
    const iocpnet_live_objects now = live();
    return std::memcmp(&now, &before, sizeof now) == 0;
}

/* ---- a service that the other structs are tried on ---- */

class Service
{
public:
    Service()
    {
        iocpnet_service_options options;
        iocpnet_service_options_init(&options, sizeof options);
        options.port = IOCPNET_PORT_EPOLL;
        options.driving = IOCPNET_DRIVING_HOST;
        options.delivery = IOCPNET_DELIVERY_BATCHES;
        FUZZ_REQUIRE(iocpnet_service_create(&options, &handle) == IOCPNET_OK);
        FUZZ_REQUIRE(iocpnet_service_start(handle) == IOCPNET_OK);
    }

    /* The one event of an attempt to connect, after which its handle ends with the next poll. */
    iocpnet_event wait_failed(iocpnet_session session)
    {
        iocpnet_event event = {};
        FUZZ_REQUIRE(iocpnet_service_poll(handle, 0, &event, 1, 10000) == 1);
        FUZZ_REQUIRE(event.kind == IOCPNET_EVENT_CONNECT_FAILED && event.session == session);
        return event;
    }

    void turn()
    {
        iocpnet_event event;
        FUZZ_REQUIRE(iocpnet_service_poll(handle, 0, &event, 1, 0) == 0);
    }

    iocpnet_session connect()
    {
        iocpnet_session session = 0;
        FUZZ_REQUIRE(iocpnet_session_connect(handle, nobody, nullptr, &session) == IOCPNET_OK);
        return session;
    }

    iocpnet_service handle = 0;
};

Service &service()
{
    static Service made;
    return made;
}

/* ---- the rules of each struct ---- */

/* The default limit of a session follows a small budget down. */
bool is_valid_budget(const iocpnet_service_options &options)
{
    const uint64_t budget = options.memory_budget_bytes;
    return budget == 0 || (budget >= 1024 && budget <= UINT64_C(1) << 40 &&
                           (options.send_queue_bytes_max <= budget / 4 || options.send_queue_bytes_max == 1024 * 1024));
}

/* Once that has followed. */
uint64_t queue_max_of(const iocpnet_service_options &options)
{
    const uint64_t part = options.memory_budget_bytes / 4;
    return part != 0 && part < options.send_queue_bytes_max ? part : options.send_queue_bytes_max;
}

bool is_valid(const iocpnet_service_options &options)
{
    const bool watermark = options.send_queue_bytes_low < queue_max_of(options) ||
                           options.send_queue_bytes_low == 256 * 1024; /* the default follows a small maximum down */
    const uint64_t kinds = (UINT64_C(1) << IOCPNET_EVENT_KIND_COUNT) - 2;
    return options.port <= IOCPNET_PORT_IOCP && options.driving <= IOCPNET_DRIVING_HOST &&
           options.delivery <= IOCPNET_DELIVERY_BATCHES && options.dispatcher_count >= 1 &&
           options.dispatcher_count <= IOCPNET_DISPATCHERS_MAX && options.receive_buffer_bytes >= 1024 &&
           options.receive_buffer_bytes <= 1024 * 1024 && options.send_queue_bytes_max >= 1 &&
           options.send_queue_bytes_max <= 1024 * 1024 * 1024 && watermark &&
           options.event_queue_bytes_max <= 1024 * 1024 * 1024 && (options.batch_events & ~kinds) == 0 &&
           options.spin_us <= 1000 && options.send_policy <= IOCPNET_SEND_DISCONNECT && options.addresses_max >= 16 &&
           options.addresses_max <= 1 << 20 &&
           (options.accepts_per_address_burst == 0 || options.accepts_per_address_per_s != 0) &&
           options.trace_records <= IOCPNET_TRACE_RECORDS_MAX && is_valid_budget(options);
}

void check_service(fuzz::Input &input)
{
    Given<iocpnet_service_options> given(input, iocpnet_service_options_init);
    const bool readable = given.complete_it();
    if (given.complete.dispatcher_count > 2 && given.complete.dispatcher_count <= IOCPNET_DISPATCHERS_MAX) {
        given.put(&iocpnet_service_options::dispatcher_count, uint32_t{2}); /* more of them take their time */
        given.complete_it();
    }
    if (given.complete.port == IOCPNET_PORT_AUTO && input.below(16) != 0) {
        given.put(&iocpnet_service_options::port, uint32_t{IOCPNET_PORT_EPOLL});
        given.complete_it();
    }
    const iocpnet_live_objects before = live();
    iocpnet_service created = 77;
    const int32_t status = iocpnet_service_create(given.pointer(), &created);
    if (!readable || !is_valid(given.complete)) {
        FUZZ_REQUIRE(status == (readable ? IOCPNET_E_INVALID_ARGUMENT : IOCPNET_E_INVALID_STRUCT_SIZE));
    } else if (given.complete.port == IOCPNET_PORT_IOCP) {
        FUZZ_REQUIRE(status == IOCPNET_E_NOT_SUPPORTED);
    } else {
        FUZZ_REQUIRE(status == IOCPNET_OK || given.complete.port == IOCPNET_PORT_IO_URING);
    }
    FUZZ_REQUIRE((status == IOCPNET_OK) == (created != 77));
    if (status == IOCPNET_OK) {
        FUZZ_REQUIRE(iocpnet_service_destroy(created) == IOCPNET_OK);
    }
    FUZZ_REQUIRE(is_as_before(before));
}

bool is_valid(const iocpnet_socket_options &options)
{
    const bool probes = options.keep_alive_idle_s != 0;
    return options.keep_alive_idle_s <= 32767 && options.keep_alive_interval_s <= 32767 &&
           options.keep_alive_count <= 127 &&
           (probes || (options.keep_alive_interval_s == 0 && options.keep_alive_count == 0)) &&
           options.receive_buffer_bytes <= 1U << 30 && options.send_buffer_bytes <= 1U << 30 &&
           options.reserved[0] == 0 && options.reserved[1] == 0;
}

bool is_valid(const iocpnet_session_limits &limits)
{
    return limits.receive_bytes_per_s <= UINT64_C(1) << 40 && limits.receive_policy <= IOCPNET_RECEIVE_DISCONNECT &&
           (limits.reserved[0] | limits.reserved[1]) == 0;
}

void check_listener(fuzz::Input &input)
{
    Given<iocpnet_listener_options> given(input, iocpnet_listener_options_init);
    given.put(&iocpnet_listener_options::framing, static_cast<const iocpnet_framing *>(nullptr));
    given.put(&iocpnet_listener_options::allow, static_cast<const char *>(nullptr));
    given.put(&iocpnet_listener_options::deny, input.flag() ? "10.0.0.0/8 ::/0" : nullptr);
    given.put(&iocpnet_listener_options::proxy_protocol, input.below(3));
    given.put(&iocpnet_listener_options::proxy_trusted, input.flag() ? "127.0.0.1 ::1" : nullptr);
    const bool readable = given.complete_it();
    const iocpnet_listener_options &options = given.complete;
    const bool proxied = options.proxy_protocol == IOCPNET_PROXY_REQUIRED;
    const bool proxy_valid = options.proxy_protocol <= IOCPNET_PROXY_REQUIRED && options.reserved_proxy == 0 &&
                             options.reserved_proxy_pointer == nullptr && proxied == (options.proxy_trusted != nullptr);
    const bool valid = proxy_valid && options.backlog <= INT32_MAX && options.accept_count >= 1 &&
                       options.accept_count <= 1024 &&
                       (options.dispatcher == 0 || options.dispatcher == IOCPNET_DISPATCHER_ANY) &&
                       options.ipv6_only <= 1 && options.no_delay <= 1 && options.reserved[0] == 0 &&
                       options.reserved[1] == 0 && options.reserved_pointer == nullptr && is_valid(options.socket) &&
                       is_valid(options.limits) && options.reuse_port <= 1 && options.reserved_number == 0;
    const iocpnet_live_objects before = live();
    iocpnet_listener opened = 77;
    const int32_t status = iocpnet_listener_open(service().handle, "127.0.0.1:0", given.pointer(), &opened);
    const int32_t expected = !readable ? IOCPNET_E_INVALID_STRUCT_SIZE
                             : valid   ? IOCPNET_OK
                                       : IOCPNET_E_INVALID_ARGUMENT;
    FUZZ_REQUIRE(status == expected && (status == IOCPNET_OK) == (opened != 77));
    if (status == IOCPNET_OK) {
        FUZZ_REQUIRE(iocpnet_listener_close(opened) == IOCPNET_OK);
        service().turn();
    }
    FUZZ_REQUIRE(is_as_before(before));
}

bool is_valid(const iocpnet_reconnect &reconnect)
{
    return reconnect.delay_max_ms >= reconnect.initial_delay_ms && reconnect.factor_percent >= 100 &&
           reconnect.factor_percent <= 10000 && reconnect.jitter_percent <= 100 && reconnect.reserved == 0;
}

void check_connect(fuzz::Input &input)
{
    Given<iocpnet_connect_options> given(input, iocpnet_connect_options_init);
    given.put(&iocpnet_connect_options::framing, static_cast<const iocpnet_framing *>(nullptr));
    given.put(&iocpnet_connect_options::local_address, input.flag() ? "127.0.0.1:0" : nullptr);
    const bool readable = given.complete_it();
    const iocpnet_connect_options &options = given.complete;
    const bool valid = (options.dispatcher == 0 || options.dispatcher == IOCPNET_DISPATCHER_ANY) &&
                       options.no_delay <= 1 && options.reserved[0] == 0 && options.reserved[1] == 0 &&
                       is_valid(options.socket) && is_valid(options.limits) && options.reserved_pointer == nullptr &&
                       options.reserved_number == 0 && is_valid(options.reconnect);
    const iocpnet_live_objects before = live();
    iocpnet_session session = 77;
    const int32_t status = iocpnet_session_connect(service().handle, nobody, given.pointer(), &session);
    const int32_t expected = !readable ? IOCPNET_E_INVALID_STRUCT_SIZE
                             : valid   ? IOCPNET_OK
                                       : IOCPNET_E_INVALID_ARGUMENT;
    FUZZ_REQUIRE(status == expected && (status == IOCPNET_OK) == (session != 77));
    if (status == IOCPNET_OK) {
        const iocpnet_event event = service().wait_failed(session);
        FUZZ_REQUIRE(event.user == options.user);
        FUZZ_REQUIRE((event.next_session != 0) == (options.reconnect.initial_delay_ms != 0));
        if (event.next_session != 0) {
            FUZZ_REQUIRE(event.size >= 1 && event.size <= options.reconnect.initial_delay_ms);
            FUZZ_REQUIRE(iocpnet_session_disconnect(event.next_session, nullptr) == IOCPNET_OK);
            FUZZ_REQUIRE(service().wait_failed(event.next_session).next_session == 0);
        }
        service().turn();
    }
    FUZZ_REQUIRE(is_as_before(before));
}

/* The close text as the event has to have it; false: the text is not well-formed. */
bool cut_text(const std::string &text, std::string *cut)
{
    size_t length = 0;
    const bool valid = icn_utf8_prefix(text.c_str(), IOCPNET_CLOSE_TEXT_MAX, &length) == IOCPNET_OK;
    *cut = text.substr(0, length);
    return valid;
}

void check_disconnect(fuzz::Input &input)
{
    Given<iocpnet_disconnect_options> given(input, iocpnet_disconnect_options_init);
    const std::string text(input.rest().c_str());
    given.put(&iocpnet_disconnect_options::text, text.empty() ? nullptr : text.c_str());
    const bool readable = given.complete_it();
    const iocpnet_disconnect_options &options = given.complete;
    std::string cut;
    const bool valid = options.mode <= IOCPNET_DISCONNECT_ABORT && options.reserved == 0 &&
                       options.reserved_pointer == nullptr && (options.text == nullptr || cut_text(text, &cut));
    const iocpnet_live_objects before = live();
    const iocpnet_session session = service().connect();
    const int32_t status = iocpnet_session_disconnect(session, given.pointer());
    const int32_t expected = !readable ? IOCPNET_E_INVALID_STRUCT_SIZE
                             : valid   ? IOCPNET_OK
                                       : IOCPNET_E_INVALID_ARGUMENT;
    FUZZ_REQUIRE(status == expected);
    const iocpnet_event event = service().wait_failed(session);
    FUZZ_REQUIRE((event.close_reason == IOCPNET_CLOSE_REQUESTED) == (status == IOCPNET_OK));
    FUZZ_REQUIRE(event.close_code == (status == IOCPNET_OK ? options.code : 0));
    FUZZ_REQUIRE((event.close_text == nullptr) == (status != IOCPNET_OK || options.text == nullptr));
    FUZZ_REQUIRE(event.close_text == nullptr || cut == event.close_text);
    service().turn();
    FUZZ_REQUIRE(is_as_before(before));
}

void check_conditioner(fuzz::Input &input)
{
    Given<iocpnet_conditioner> given(input, iocpnet_conditioner_init);
    const bool readable = given.complete_it();
    const iocpnet_conditioner &options = given.complete;
    const uint32_t longest =
        std::max(std::max(options.delay_us, options.jitter_us), std::max(options.stall_us, options.coalesce_us));
    const bool valid = options.directions >= 1 && options.directions <= 3 && longest <= IOCPNET_CONDITION_US_MAX &&
                       options.stall_ppm <= 1000000 && options.reset_ppm <= 1000000 &&
                       options.bytes_per_second <= UINT64_C(1) << 40 && options.held_bytes_max >= 1 &&
                       options.held_bytes_max <= 1U << 30;
    const int32_t status = iocpnet_service_set_conditioner(service().handle, given.pointer());
    const int32_t expected = !readable ? IOCPNET_E_INVALID_STRUCT_SIZE
                             : valid   ? IOCPNET_OK
                                       : IOCPNET_E_INVALID_ARGUMENT;
    FUZZ_REQUIRE(status == expected);
    FUZZ_REQUIRE(iocpnet_service_set_conditioner(service().handle, nullptr) == IOCPNET_OK);
}

/* ---- the allocator ---- */

void *IOCPNET_CALL allocate(uint64_t size, void *)
{
    return std::malloc(static_cast<size_t>(size));
}

void IOCPNET_CALL release(void *memory, uint64_t, void *)
{
    std::free(memory);
}

int32_t expected_for(const iocpnet_allocator &allocator, bool readable)
{
    if (!readable) {
        return IOCPNET_E_INVALID_STRUCT_SIZE;
    }
    const bool valid = allocator.allocate != nullptr && allocator.release != nullptr && allocator.reserved == 0 &&
                       allocator.reserved_pointer == nullptr;
    return valid ? IOCPNET_E_INVALID_STATE : IOCPNET_E_INVALID_ARGUMENT; /* one is in use */
}

void check_allocator(fuzz::Input &input)
{
    Given<iocpnet_allocator> given(input, iocpnet_allocator_init);
    if (input.flag()) {
        given.put(&iocpnet_allocator::allocate, allocate);
    }
    if (input.flag()) {
        given.put(&iocpnet_allocator::release, release);
    }
    const bool readable = given.complete_it();
    FUZZ_REQUIRE(iocpnet_set_allocator(given.pointer()) == expected_for(given.complete, readable));
}

/* ---- outputs ---- */

void check_defaults(fuzz::Input &input)
{
    switch (input.below(6)) {
    case 0:
        check_output<iocpnet_allocator>(input, true, iocpnet_allocator_init);
        break;
    case 1:
        check_output<iocpnet_service_options>(input, true, iocpnet_service_options_init);
        break;
    case 2:
        check_output<iocpnet_listener_options>(input, true, iocpnet_listener_options_init);
        break;
    case 3:
        check_output<iocpnet_connect_options>(input, true, iocpnet_connect_options_init);
        break;
    case 4:
        check_output<iocpnet_disconnect_options>(input, true, iocpnet_disconnect_options_init);
        break;
    default:
        check_output<iocpnet_conditioner>(input, true, iocpnet_conditioner_init);
        break;
    }
}

void check_session_details(fuzz::Input &input)
{
    const iocpnet_session session = service().connect();
    check_output<iocpnet_session_details>(input, false, [session](iocpnet_session_details *details, uint32_t size) {
        return iocpnet_session_info(session, details, size);
    });
    service().wait_failed(session);
    service().turn();
}

void check_counters(fuzz::Input &input)
{
    const iocpnet_service handle = service().handle;
    switch (input.below(4)) {
    case 0:
        check_output<iocpnet_live_objects>(input, false, iocpnet_count_live_objects);
        break;
    case 1:
        check_output<iocpnet_service_statistics>(input, false,
                                                 [handle](iocpnet_service_statistics *statistics, uint32_t size) {
                                                     return iocpnet_service_stats(handle, statistics, size);
                                                 });
        break;
    case 2:
        check_output<iocpnet_service_details>(input, false, [handle](iocpnet_service_details *details, uint32_t size) {
            return iocpnet_service_info(handle, details, size);
        });
        break;
    default:
        check_session_details(input);
        break;
    }
}

/* Its struct_size says what the library filled, not what the caller has. */
void check_table(fuzz::Input &input)
{
    const auto version = input.flag() ? static_cast<uint32_t>(input.number(4)) : uint32_t{IOCPNET_VERSION};
    const bool compatible = version / 1000000 == IOCPNET_VERSION_MAJOR && version / 1000 <= IOCPNET_VERSION / 1000;
    const uint32_t size = size_from(input);
    const Struct target(size);
    const int32_t status = iocpnet_get_api(version, size, target.as<iocpnet_api>());
    const int32_t expected = !is_size(size) ? IOCPNET_E_INVALID_STRUCT_SIZE
                             : compatible   ? IOCPNET_OK
                                            : IOCPNET_E_NOT_SUPPORTED;
    FUZZ_REQUIRE(status == expected);
    FUZZ_REQUIRE(status == IOCPNET_OK ? target.has_zeros_from(sizeof(iocpnet_api)) : target.is_untouched());
}

using Check = void (*)(fuzz::Input &);
const Check checks[] = {check_service,  check_listener, check_connect, check_disconnect, check_allocator,
                        check_defaults, check_counters, check_table,   check_conditioner};

} // namespace

/* The allocator first: it is accepted before anything else is allocated, and then never again. */
extern "C" int LLVMFuzzerInitialize(int *, char ***)
{
    iocpnet_allocator allocator;
    fuzz::use_private_network();
    FUZZ_REQUIRE(iocpnet_allocator_init(&allocator, sizeof allocator) == IOCPNET_OK);
    allocator.allocate = allocate;
    allocator.release = release;
    FUZZ_REQUIRE(iocpnet_set_allocator(&allocator) == IOCPNET_OK);
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    service(); /* part of what was there before */
    checks[input.below(sizeof checks / sizeof checks[0])](input);
    return 0;
}
