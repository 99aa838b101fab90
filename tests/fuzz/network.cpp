#include "fuzz/network.hpp"

#include <cstdio>
#include <cstring>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace fuzz
{

namespace
{

void set_up_loopback()
{
    const int any = ::socket(AF_INET, SOCK_DGRAM, 0);
    ifreq request = {};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    if (any < 0 || ::ioctl(any, SIOCSIFFLAGS, &request) != 0) {
        std::perror("the loopback interface of the new network namespace");
    }
    ::close(any);
}

void set(const char *name, const char *value)
{
    std::FILE *file = std::fopen(name, "we");
    if (file != nullptr) {
        std::fputs(value, file);
        std::fclose(file);
    }
}

} // namespace

void use_private_network()
{
    if (::unshare(CLONE_NEWNET) != 0) {
        std::fprintf(stderr, "no network namespace: the loopback interface of the machine is used\n");
        return;
    }
    set_up_loopback();
    set("/proc/sys/net/ipv4/tcp_max_tw_buckets", "0");
    set("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535");
}

} // namespace fuzz
