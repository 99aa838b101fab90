/* System calls that a sandbox, an old kernel or a shortage refuses to the io_uring port. */
#if defined(__linux__)

#include <cerrno>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/uring_rig.hpp"

namespace
{

using port_test::Link;
using port_test::Rig;

/* From here on a system call of this thread, and of no other, fails with an error. */
void forbid(uint32_t call, uint32_t error)
{
    sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program = {sizeof rules / sizeof rules[0], rules};
    ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

size_t open_descriptors()
{
    size_t count = 0;
    DIR *const folder = opendir("/proc/self/fd");
    while (readdir(folder) != nullptr) {
        ++count;
    }
    closedir(folder);
    return count;
}

struct Refusal {
    const char *name;
    uint32_t call;
    uint32_t error;
    int32_t status;
};

class UringRefused : public testing::TestWithParam<Refusal>
{
protected:
    /* Opens a port on a thread where the call is refused, and closes it. Stores the kind, 0 when none was opened. */
    void open(uint32_t asked)
    {
        std::thread([&] {
            forbid(GetParam().call, GetParam().error);
            const icn_port_options options = {1024, true, port_test::completions};
            icn_port *port = nullptr;
            const size_t before = open_descriptors();
            result = icn_port_open(asked, &options, &port, &refused);
            if (result.status == IOCPNET_OK) {
                kind = port->functions->kind;
                icn_port_close(port);
            }
            EXPECT_EQ(open_descriptors(), before);
        }).join();
    }

    uint32_t kind = 0;
    icn_result result = {};
    icn_result refused = {};
};

INSTANTIATE_TEST_SUITE_P(
    Each, UringRefused,
    testing::Values(Refusal{"set_up_by_a_sandbox", SYS_io_uring_setup, EPERM, IOCPNET_E_NOT_SUPPORTED},
                    Refusal{"set_up_by_an_old_kernel", SYS_io_uring_setup, ENOSYS, IOCPNET_E_NOT_SUPPORTED},
                    Refusal{"set_up_by_a_security_module", SYS_io_uring_setup, EACCES, IOCPNET_E_NOT_SUPPORTED},
                    Refusal{"set_up_for_want_of_memory", SYS_io_uring_setup, ENOMEM, IOCPNET_E_NO_MEMORY},
                    Refusal{"set_up_for_want_of_descriptors", SYS_io_uring_setup, EMFILE, IOCPNET_E_NO_DESCRIPTORS},
                    Refusal{"register", SYS_io_uring_register, EPERM, IOCPNET_E_NOT_SUPPORTED},
                    Refusal{"enter", SYS_io_uring_enter, EPERM, IOCPNET_E_NOT_SUPPORTED}),
    [](const testing::TestParamInfo<Refusal> &refusal) { return refusal.param.name; });

TEST_P(UringRefused, IsReportedWithTheSystemsError)
{
    open(IOCPNET_PORT_IO_URING);
    EXPECT_EQ(result.status, GetParam().status);
    EXPECT_EQ(result.os_error, static_cast<int32_t>(GetParam().error));
}

TEST_P(UringRefused, LeavesEpollAndTellsTheCause)
{
    open(IOCPNET_PORT_AUTO);
    EXPECT_EQ(result.status, IOCPNET_OK);
    EXPECT_EQ(kind, static_cast<uint32_t>(IOCPNET_PORT_EPOLL));
    EXPECT_EQ(refused.status, GetParam().status);
    EXPECT_EQ(refused.os_error, static_cast<int32_t>(GetParam().error));
}

class UringWaits : public uring_test::UringTest
{
};

URING_SUITE(UringWaits, false);

TEST_P(UringWaits, SendsWhoseWaitsCanNotBeSubmittedAreNotLost)
{
    const std::vector<Pair> pairs = paired_links(300); /* more than submissions fit */
    const std::string sent = "x";
    for (const Pair &pair : pairs) {
        fill(pair);
        pair.link->send_all(sent);
    }
    ASSERT_EQ(icn_port_submit(rig->port).status, IOCPNET_OK);
    std::thread([&] {
        forbid(SYS_io_uring_enter, EAGAIN);
        uint32_t delivered = 1;
        (void)icn_port_run(rig->port, 0, 10, &delivered);
        EXPECT_EQ(delivered, 0u);
    }).join();
    for (const Pair &pair : pairs) {
        EXPECT_TRUE(pair.link->in_flight());
        empty(pair);
    }
    EXPECT_TRUE(all_finish(pairs));
    for (const Pair &pair : pairs) {
        EXPECT_EQ(pair.link->unsent(), 0u);
        close(pair.peer);
    }
}

class UringFailing : public testing::TestWithParam<uint32_t>
{
};

INSTANTIATE_TEST_SUITE_P(Each, UringFailing, testing::Values(EAGAIN, EBUSY, ENOMEM));

TEST_P(UringFailing, RunThatCanNotEnterTheKernelLosesNothing)
{
    Rig rig(IOCPNET_PORT_IO_URING);
    if (rig.opened.status != IOCPNET_OK) {
        GTEST_SKIP() << "io_uring is not available here: system error " << rig.opened.os_error;
    }
    Link &link = rig.connected_link();
    link.receive();
    ASSERT_TRUE(link.peer.send("y"));
    std::thread([&] {
        forbid(SYS_io_uring_enter, GetParam());
        uint32_t delivered = 1;
        const icn_result result = icn_port_run(rig.port, 0, 10, &delivered);
        EXPECT_NE(result.status, IOCPNET_OK);
        EXPECT_EQ(result.os_error, static_cast<int32_t>(GetParam()));
        EXPECT_EQ(delivered, 0u);
        EXPECT_EQ(icn_port_submit(rig.port).os_error, static_cast<int32_t>(GetParam()));
    }).join();
    EXPECT_TRUE(rig.run_until([&] { return link.reader.data() == "y"; }));
}

} // namespace

#endif
