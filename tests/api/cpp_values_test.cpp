/* The C++ wrapper's values: results, options, views and names, without a connection. */
#include <iocpnet.hpp>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "support/api_fixture.hpp"
#include "support/api_no_exceptions.hpp"

using namespace api_test;

namespace
{

TEST(CppValues, ValueOfAFailureIsEmptyWithoutExceptions)
{
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, use_value_of_failure());
}

TEST(CppValues, ValueOfAFailureThrowsItsStatus)
{
    iocpnet::service service;
    try {
        service.listen("nonsense").value();
        FAIL() << "no exception";
    } catch (const iocpnet::error &error) {
        EXPECT_EQ(IOCPNET_E_INVALID_ADDRESS, error.cause().code());
        EXPECT_STREQ(iocpnet_status_text(IOCPNET_E_INVALID_ADDRESS), error.what());
    }
}

TEST(CppValues, ServiceThatCanNotBeCreatedSaysWhyInEveryFunction)
{
    iocpnet::service service(iocpnet::service_options().with_dispatchers(IOCPNET_DISPATCHERS_MAX + 1));
    for (const auto code :
         {service.status().code(), service.start().code(),
          service.on_received([](iocpnet::session, iocpnet::bytes) {}).code(), service.listen("127.0.0.1:0").code(),
          service.dispatch().code(), service.stop(0).code(), service.statistics().code(), service.destroy().code()}) {
        EXPECT_EQ(IOCPNET_E_INVALID_ARGUMENT, code);
    }
    EXPECT_EQ(0u, live_objects().services);
}

TEST(CppValues, UnsetOptionsAreTheDefaultsOfTheLibrary)
{
    iocpnet_service_options service;
    iocpnet_listener_options listener;
    iocpnet_connect_options connect;
    iocpnet_disconnect_options disconnect;
    iocpnet_service_options_init(&service, sizeof service);
    iocpnet_listener_options_init(&listener, sizeof listener);
    iocpnet_connect_options_init(&connect, sizeof connect);
    iocpnet_disconnect_options_init(&disconnect, sizeof disconnect);
    const auto service_made = iocpnet::detail::to_c(iocpnet::service_options());
    const auto listener_made = iocpnet::detail::to_c(iocpnet::listener_options());
    const auto connect_made = iocpnet::detail::to_c(iocpnet::connect_options());
    const auto disconnect_made = iocpnet::detail::to_c(iocpnet::disconnect_options());
    EXPECT_EQ(0, std::memcmp(&service, &service_made, sizeof service));
    EXPECT_EQ(0, std::memcmp(&listener, &listener_made, sizeof listener));
    EXPECT_EQ(0, std::memcmp(&connect, &connect_made, sizeof connect));
    EXPECT_EQ(0, std::memcmp(&disconnect, &disconnect_made, sizeof disconnect));
}

TEST(CppValues, EveryServiceOptionIsPassedOn)
{
    const auto made = iocpnet::detail::to_c(iocpnet::service_options()
                                                .with_port(iocpnet::port::iocp)
                                                .with_driving(iocpnet::driving::host)
                                                .with_delivery(iocpnet::delivery::batches)
                                                .with_dispatchers(2)
                                                .with_sessions_max(3)
                                                .with_close_timeout_ms(4)
                                                .with_receive_buffer_bytes(5)
                                                .with_send_queue_bytes_max(6)
                                                .with_send_queue_bytes_low(7)
                                                .with_event_queue_bytes_max(8)
                                                .with_batch_events(9)
                                                .with_spin_us(10)
                                                .with_send_policy(iocpnet::send_policy::disconnect)
                                                .with_slow_callback_us(11)
                                                .with_trace_records(12)
                                                .with_sessions_per_address_max(13)
                                                .with_accepts_per_address_per_s(14)
                                                .with_accepts_per_address_burst(15)
                                                .with_addresses_max(16)
                                                .with_memory_budget_bytes(17));
    const iocpnet_service_options wanted = {sizeof wanted,
                                            IOCPNET_PORT_IOCP,
                                            IOCPNET_DRIVING_HOST,
                                            IOCPNET_DELIVERY_BATCHES,
                                            2,
                                            3,
                                            4,
                                            5,
                                            6,
                                            7,
                                            8,
                                            9,
                                            10,
                                            IOCPNET_SEND_DISCONNECT,
                                            11,
                                            12,
                                            13,
                                            14,
                                            15,
                                            16,
                                            17};
    EXPECT_EQ(0, std::memcmp(&wanted, &made, sizeof wanted));
}

TEST(CppValues, EveryListenerAndConnectOptionIsPassedOn)
{
    int user = 0;
    const iocpnet_socket_options socket = {6, 7, 8, 9, 10, 11, {}};
    const iocpnet_session_limits limits = {12, 13, 14, 15, IOCPNET_RECEIVE_DISCONNECT, 16, 17, {}};
    const auto filter = [](const iocpnet_accept_request *, void *) -> int32_t { return 1; };
    const iocpnet::listener_options listen{1,      2,        3,    true,    false,  iocpnet::framing::length(),
                                           socket, limits,   true, "allow", "deny", filter,
                                           &user,  "proxies"};
    const iocpnet::reconnect reconnect{17, 18, 190, 20, 21, 22};
    const iocpnet::connect_options connect_to{
        4, 5, false, &user, iocpnet::framing::size_id(), "127.0.0.1:0", socket, limits, 16, reconnect};
    const auto listener = iocpnet::detail::to_c(listen);
    const auto connect = iocpnet::detail::to_c(connect_to);
    const iocpnet_listener_options listener_wanted = {
        sizeof listener, 1, 2, 3,       1,      0,      {},    &listen.framing->value(), nullptr, socket,
        limits,          1, 0, "allow", "deny", filter, &user, IOCPNET_PROXY_REQUIRED,   0,       "proxies",
        nullptr};
    const iocpnet_connect_options connect_wanted = {
        sizeof connect, 4,       5,      0,      {}, &user, &connect_to.framing->value(),
        "127.0.0.1:0",  nullptr, socket, limits, 16, 0,     {17, 18, 190, 20, 21, 22, 0}};
    EXPECT_EQ(0, std::memcmp(&listener_wanted, &listener, sizeof listener));
    EXPECT_EQ(0, std::memcmp(&connect_wanted, &connect, sizeof connect));
}

TEST(CppValues, FramingSaysWhatItIs)
{
    const iocpnet::framing made = iocpnet::framing::length(2)
                                      .with_message_bytes_max(7)
                                      .with_length_offset(1)
                                      .with_length_adjustment(-5)
                                      .with_header_bytes(5)
                                      .with_big_endian()
                                      .with_keep();
    const iocpnet_framing &length = made.value();
    const iocpnet_framing wanted = {sizeof wanted,
                                    IOCPNET_FRAMING_LENGTH,
                                    IOCPNET_FRAMING_BIG_ENDIAN | IOCPNET_FRAMING_KEEP,
                                    7,
                                    1,
                                    2,
                                    -5,
                                    5,
                                    0,
                                    0,
                                    {}};
    const iocpnet::framing copy = iocpnet::framing::delimiter("\r\n");
    EXPECT_EQ(0, std::memcmp(&wanted, &length, sizeof wanted));
    EXPECT_EQ(2u, copy.value().delimiter_bytes);
    EXPECT_EQ('\r', copy.value().delimiter[0]);
    EXPECT_EQ('\n', copy.value().delimiter[1]);
}

TEST(CppValues, BytesViewPlainContainers)
{
    const std::vector<uint32_t> numbers = {1, 2, 3};
    EXPECT_EQ(12u, iocpnet::bytes(numbers).size());
    EXPECT_EQ(static_cast<const void *>(numbers.data()), iocpnet::bytes(numbers).data());
    EXPECT_EQ("literal", iocpnet::bytes("literal").text());
    EXPECT_EQ(std::string_view("a\0b", 3), iocpnet::bytes(std::string("a\0b", 3)).text());
    EXPECT_TRUE(iocpnet::bytes().empty());
    EXPECT_FALSE((std::is_convertible_v<std::vector<std::string>, iocpnet::bytes>));
}

TEST(CppValues, StaleSessionGivesErrors)
{
    const iocpnet::session session;
    EXPECT_FALSE(session);
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, session.send("x").code());
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, session.disconnect().code());
    EXPECT_EQ(IOCPNET_E_INVALID_HANDLE, session.remote_address().code());
    EXPECT_EQ(session, iocpnet::session(0));
    EXPECT_NE(session, iocpnet::session(1));
}

TEST(CppValues, NamesAreThoseOfTheCommandLineAndTheLibrary)
{
    EXPECT_STREQ("io_uring", iocpnet::name(iocpnet::port::io_uring));
    EXPECT_STREQ("peer closed", iocpnet::name(iocpnet::close_reason::peer_closed));
    EXPECT_EQ(uint32_t{IOCPNET_VERSION}, iocpnet::version());
}

TEST(CppValues, LogHandlerIsSetAndRemoved)
{
    EXPECT_TRUE(iocpnet::set_log_handler([](iocpnet::log_level, std::string_view, std::string_view) { throw 1; },
                                         iocpnet::log_level::debug));
    EXPECT_TRUE(iocpnet::service().start());
    EXPECT_TRUE(iocpnet::set_log_handler(nullptr, iocpnet::log_level::none));
}

} // namespace
