/* CMake compiles this file with -fno-exceptions -fno-rtti; the definition is for compilers without such options. */
#define IOCPNET_CPP_EXCEPTIONS 0
#include <iocpnet.hpp>

#include "support/api_no_exceptions.hpp"

namespace api_test
{

int32_t echo_without_exceptions(uint32_t port, void (*use)(const char *address, void *user), void *user)
{
    iocpnet::service service(iocpnet::service_options().with_port(static_cast<iocpnet::port>(port)));
    service.on_received([](iocpnet::session session, iocpnet::bytes data) { session.send(data); });
    const auto listener = service.listen("127.0.0.1:0");
    const auto started = service.start();
    if (!listener || !started) {
        return listener ? started.code() : listener.code();
    }
    use(listener->address().value().c_str(), user);
    return service.destroy().code();
}

int32_t use_value_of_failure()
{
    iocpnet::service service;
    const iocpnet::listener empty = service.listen("nonsense").value();
    service.listen("nonsense").status::value();
    return empty ? IOCPNET_OK : empty.address().code();
}

} // namespace api_test
