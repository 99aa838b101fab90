/* Ports that only the administrator may listen on. Linux. */
#if defined(__linux__)

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/fault_network.hpp"

using namespace api_test;

namespace
{

/* The calling thread may no longer do what only the administrator may. */
void give_up_rights()
{
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    const __user_cap_data_struct none[2] = {};
    EXPECT_EQ(0, syscall(SYS_capset, &header, none));
}

class PrivilegedPort : public fault_test::NetworkTest
{
};
API_TEST_ON_EVERY_PORT(PrivilegedPort);

TEST_P(PrivilegedPort, IsDeniedToListenOnAndTheServiceServesOn)
{
    Host host(callbacks());
    host.echo();
    int32_t status = IOCPNET_OK;
    int32_t os_error = 0;
    std::thread([&] {
        iocpnet_listener listener = 0;
        give_up_rights();
        status = iocpnet_listener_open(host.service(), "10.99.0.1:80", nullptr, &listener);
        os_error = iocpnet_last_os_error();
    }).join();
    EXPECT_EQ(IOCPNET_E_ACCESS_DENIED, status);
    EXPECT_EQ(EACCES, os_error);
    const std::string address = listen(host);
    ASSERT_EQ(IOCPNET_OK, host.start());
    Socket peer = network->connect_there(address);
    ASSERT_TRUE(peer.send("served"));
    EXPECT_EQ("served", peer.receive(6));
}

} // namespace

#endif
