/* Making a service, a listener and threads meets each error that the manual pages have. */
#if defined(__linux__)

#include "fault/injection_rig.hpp"

namespace
{

using namespace fault_test;

struct Step {
    const char *name;
    Call call;
    uint32_t first; /* of the calls of this kind that opening a port makes */
    uint32_t count;
    std::vector<int> errors;
};

const std::vector<Step> &epoll_steps()
{
    static const std::vector<Step> steps = {
        {"epoll_create1", Call::epoll_create1, 0, 1, {EINVAL, EMFILE, ENFILE, ENOMEM}},
        {"eventfd", Call::eventfd, 0, 1, {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM}},
        {"epoll_ctl", Call::epoll_ctl, 0, 1, {EBADF, EEXIST, EINVAL, ELOOP, ENOENT, ENOMEM, ENOSPC, EPERM}}};
    return steps;
}

/* The registrations ask what there is, and lend the buffers. */
const std::vector<Step> &ring_steps()
{
    static const std::vector<Step> steps = {
        {"io_uring_setup", Call::io_uring_setup, 0, 1, {EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM, EPERM, ENOSYS, EACCES}},
        {"mmap of the queues",
         Call::mmap,
         0,
         2,
         {EACCES, EAGAIN, EBADF, EINVAL, ENFILE, ENODEV, ENOMEM, EOVERFLOW, EPERM, ETXTBSY}},
        {"mmap of the buffers", Call::mmap, 2, 1, {EAGAIN, ENOMEM}}, /* no descriptor, no flags that could be wrong */
        {"io_uring_register",
         Call::io_uring_register,
         0,
         2,
         {EACCES, EBADF, EBADFD, EBUSY, EEXIST, EFAULT, EINVAL, ENOMEM, ENXIO, EOPNOTSUPP}},
        {"io_uring_enter",
         Call::io_uring_enter,
         0,
         1,
         {EAGAIN, EBADF, EBADR, EBUSY, EEXIST, EFAULT, EINVAL, ENXIO, EOPNOTSUPP, EINTR}},
        {"eventfd", Call::eventfd, 0, 1, {EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM}}};
    return steps;
}

int32_t create(uint32_t port, iocpnet_service *service)
{
    iocpnet_service_options options;
    iocpnet_service_options_init(&options, sizeof options);
    options.port = port;
    return iocpnet_service_create(&options, service);
}

/* Each error at each call of a kind; once in a row or for ever makes no difference to what opens once. */
template <typename Check>
void for_each_failure(const std::vector<Step> &steps, Check check)
{
    for (const Step &step : steps) {
        for (uint32_t skip = step.first; skip < step.first + step.count; skip++) {
            for (const int error : step.errors) {
                SCOPED_TRACE(std::string(step.name) + " " + std::to_string(skip + 1) + " " + strerrorname_np(error));
                const uint64_t descriptors = open_descriptors();
                const Fault fault(step.call, error, Fault::for_ever, skip);
                check(error);
                EXPECT_EQ(descriptors, open_descriptors());
                EXPECT_GE(fault.failed(), 1u);
                expect_nothing_alive();
            }
        }
    }
}

TEST(OpenErrors, OfEpollAreTheResultOfTheCallAndLeaveNothing)
{
    for_each_failure(epoll_steps(), [](int error) {
        iocpnet_service service = 0;
        EXPECT_EQ(outcome_of(error).status, create(IOCPNET_PORT_EPOLL, &service));
        EXPECT_EQ(error, iocpnet_last_os_error());
        EXPECT_EQ(0u, service);
    });
}

/* Shortages are said to be some; whatever else the kernel or a sandbox refuses means that there is no io_uring. */
int32_t ring_status(int error)
{
    const Outcome outcome = outcome_of(error);
    return outcome.reason == IOCPNET_CLOSE_NO_RESOURCES ? outcome.status : IOCPNET_E_NOT_SUPPORTED;
}

class IoUringOpenErrors : public PortTest
{
};
INSTANTIATE_TEST_SUITE_P(, IoUringOpenErrors, testing::Values(IOCPNET_PORT_IO_URING));

TEST_P(IoUringOpenErrors, AreTheResultOfTheCallAndLeaveNothing)
{
    for_each_failure(ring_steps(), [](int error) {
        iocpnet_service service = 0;
        const int32_t status = create(IOCPNET_PORT_IO_URING, &service);
        EXPECT_TRUE(status == ring_status(error) || status == outcome_of(error).status) << iocpnet_status_name(status);
        EXPECT_EQ(error, iocpnet_last_os_error());
        EXPECT_EQ(0u, service);
    });
}

TEST_P(IoUringOpenErrors, LeaveEpollAndTheCauseCanBeRead)
{
    /* Not an eventfd: epoll needs one as well. */
    const std::vector<Step> steps(ring_steps().begin(), ring_steps().end() - 1);
    for_each_failure(steps, [](int error) {
        iocpnet_service service = 0;
        ASSERT_EQ(IOCPNET_OK, create(IOCPNET_PORT_AUTO, &service));
        iocpnet_service_details details = {};
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_info(service, &details, sizeof details));
        EXPECT_EQ(IOCPNET_PORT_EPOLL, static_cast<int>(details.port));
        EXPECT_NE(IOCPNET_OK, details.fallback_status);
        EXPECT_EQ(error, details.fallback_os_error);
        EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
    });
}

TEST_P(IoUringOpenErrors, OfALaterDispatcherUndoTheEarlierOnes)
{
    for (uint32_t dispatcher = 0; dispatcher < 4; dispatcher++) {
        const Fault fault(Call::io_uring_setup, EMFILE, Fault::for_ever, dispatcher);
        iocpnet_service service = 0;
        iocpnet_service_options options;
        iocpnet_service_options_init(&options, sizeof options);
        options.port = IOCPNET_PORT_IO_URING;
        options.dispatcher_count = 4;
        EXPECT_EQ(IOCPNET_E_NO_DESCRIPTORS, iocpnet_service_create(&options, &service));
        expect_nothing_alive();
    }
}

TEST_P(IoUringOpenErrors, OfALockedMemoryThatComesBackAreWaitedFor)
{
    const Fault fault(Call::io_uring_setup, ENOMEM, 3);
    iocpnet_service service = 0;
    EXPECT_EQ(IOCPNET_OK, create(IOCPNET_PORT_IO_URING, &service));
    EXPECT_EQ(3u, fault.failed());
    EXPECT_EQ(IOCPNET_OK, iocpnet_service_destroy(service));
}

class ListenErrors : public PortTest
{
};
API_TEST_ON_EVERY_PORT(ListenErrors);

TEST_P(ListenErrors, AreTheResultOfTheCallAndLeaveNothing)
{
    const Step steps[] = {
        {"socket",
         Call::socket,
         0,
         1,
         {EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT}},
        {"setsockopt for any socket", Call::setsockopt, 0, 1, {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK}},
        {"setsockopt for a listener",
         Call::setsockopt,
         1,
         1,
         {EBADF, EFAULT, EINVAL, ENOPROTOOPT, ENOTSOCK, ENOBUFS, ENOMEM, EPERM}},
        {"bind",
         Call::bind,
         0,
         1,
         {EACCES, EPERM, EADDRINUSE, EADDRNOTAVAIL, ENODEV, EBADF, EFAULT, EINVAL, ENOMEM, ENOBUFS, ENOTSOCK}},
        {"listen", Call::listen, 0, 1, {EADDRINUSE, EBADF, ENOTSOCK, EOPNOTSUPP, ENOBUFS, ENOMEM}},
        {"getsockname", Call::getsockname, 0, 1, {EBADF, EFAULT, EINVAL, ENOBUFS, ENOTSOCK}}};
    Host host(callbacks());
    ASSERT_EQ(IOCPNET_OK, host.start());
    const uint64_t descriptors = open_descriptors();
    for (const Step &step : steps) {
        for (const int error : step.errors) {
            SCOPED_TRACE(std::string(step.name) + " " + strerrorname_np(error));
            const Fault fault(step.call, error, 1, step.first);
            iocpnet_listener listener = 0;
            EXPECT_EQ(outcome_of(error).status,
                      iocpnet_listener_open(host.service(), "127.0.0.1:0", nullptr, &listener));
            EXPECT_EQ(error, iocpnet_last_os_error());
            EXPECT_EQ(1u, fault.failed());
            EXPECT_EQ(0u, listener);
        }
    }
    EXPECT_EQ(descriptors, open_descriptors());
    EXPECT_EQ(0u, live_objects().listeners);
}

TEST_P(ListenErrors, OfTheSpareDescriptorLeaveAListenerThatServes)
{
    for (const int error : {EMFILE, ENFILE, ENOENT, EACCES, ENOMEM}) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(Call::open, error);
        Host host(callbacks());
        host.echo();
        const std::string address = host.listen();
        ASSERT_EQ(IOCPNET_OK, host.start());
        Socket peer = Socket::connect(address);
        ASSERT_TRUE(peer.send("x"));
        EXPECT_EQ("x", peer.receive(1));
        EXPECT_GE(fault.failed(), 1u);
    }
}

TEST_P(ListenErrors, OfStoppingToListenFreeTheAddressAllTheSame)
{
    Host host(callbacks());
    const std::string address = host.listen();
    iocpnet_listener listener = host.listener();
    ASSERT_EQ(IOCPNET_OK, host.start());
    for (const int error : {EBADF, EINVAL, ENOTCONN, ENOTSOCK, ENOBUFS}) {
        SCOPED_TRACE(strerrorname_np(error));
        const Fault fault(Call::stop_listening, error, 1);
        ASSERT_EQ(IOCPNET_OK, iocpnet_listener_close(listener));
        ASSERT_TRUE(wait_until([] { return live_objects().listeners == 0; }));
        ASSERT_EQ(IOCPNET_OK, iocpnet_listener_open(host.service(), address.c_str(), nullptr, &listener));
        EXPECT_EQ(1u, fault.failed());
    }
}

TEST_P(ListenErrors, OfAThreadLeaveTheServiceAsBefore)
{
    for (const int error : {EAGAIN, EINVAL, EPERM}) {
        SCOPED_TRACE(strerrorname_np(error));
        Host host(callbacks());
        {
            const Fault fault(Call::pthread_create, error, 1);
            EXPECT_EQ(outcome_of(error).status, iocpnet_service_start(host.service()));
            EXPECT_EQ(error, iocpnet_last_os_error());
        }
        EXPECT_EQ(IOCPNET_OK, host.start());
    }
}

} // namespace

#endif
