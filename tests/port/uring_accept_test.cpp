/* Errors of an accept on io_uring, put in the place of one that ended it. */
#if defined(__linux__)

#include <cerrno>

#include <sys/resource.h>

#include "support/uring_rig.hpp"

namespace
{

using port_test::Link;

class UringAccept : public uring_test::UringTest
{
protected:
    /* A listener with a connection that waits, whose accept has ended with `error` when the next run looks. */
    Link &listener_with_error(int error)
    {
        icn_address address = {};
        Link &listener = rig->listening_link(address);
        listener.peer = api_test::Socket::connect(port_test::text_of(address));
        rig->run(0);
        {
            rlimit before = {};
            getrlimit(RLIMIT_NOFILE, &before);
            const rlimit none = {0, before.rlim_max};
            setrlimit(RLIMIT_NOFILE, &none);
            listener.accept();
            EXPECT_EQ(icn_port_submit(rig->port).status, IOCPNET_OK);
            setrlimit(RLIMIT_NOFILE, &before);
        }
        io_uring_cqe *completion = completion_of(listener);
        EXPECT_NE(completion, nullptr);
        if (completion != nullptr) {
            EXPECT_EQ(completion->res, -EMFILE);
            completion->res = -error;
        }
        return listener;
    }

    /* The kernel has made it, and the port has not taken it. */
    io_uring_cqe *completion_of(Link &listener)
    {
        for (uint32_t i = ring().reaped; i != icn_u32_load(ring().completion_tail); ++i) {
            io_uring_cqe *completion = &ring().completions[i & ring().completion_mask];
            if (completion->user_data == reinterpret_cast<uintptr_t>(listener.reader.raw())) {
                return completion;
            }
        }
        return nullptr;
    }
};

URING_SUITE(UringAccept, false, true);

TEST_P(UringAccept, ErrorsOfOneConnectionDoNotEndIt)
{
    for (int error : {ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
                      ENETUNREACH, ETIMEDOUT}) {
        Link &listener = listener_with_error(error);
        EXPECT_TRUE(rig->run_until([&] { return !listener.reader.completions().empty(); }));
        EXPECT_EQ(listener.reader.accepted().size(), 1u) << error;
        EXPECT_EQ(listener.reader.finished(), 0u) << error;
    }
}

TEST_P(UringAccept, ErrorOfOneConnectionDoesNotOutliveACancel)
{
    Link &listener = listener_with_error(ECONNABORTED);
    listener.cancel();
    EXPECT_TRUE(rig->run_until([&] { return !listener.reader.in_flight(); }));
    EXPECT_EQ(listener.reader.last().status, IOCPNET_E_CANCELLED);
    EXPECT_EQ(listener.reader.finished(), 1u);
}

TEST_P(UringAccept, ErrorsOfTheSystemEndItWithTheirStatus)
{
    const struct {
        int error;
        int32_t status;
    } rows[] = {{EMFILE, IOCPNET_E_NO_DESCRIPTORS},
                {ENFILE, IOCPNET_E_NO_DESCRIPTORS},
                {ENOBUFS, IOCPNET_E_NO_MEMORY},
                {ENOMEM, IOCPNET_E_NO_MEMORY},
                {EPERM, IOCPNET_E_ACCESS_DENIED}};
    for (const auto &row : rows) {
        Link &listener = listener_with_error(row.error);
        ASSERT_TRUE(rig->run_until([&] { return !listener.reader.in_flight(); })) << row.error;
        EXPECT_EQ(listener.reader.last().status, row.status) << row.error;
        EXPECT_EQ(listener.reader.last().os_error, row.error);
        EXPECT_EQ(listener.reader.finished(), 1u);
    }
}

} // namespace

#endif
