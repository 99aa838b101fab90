#include "os/linux/sockaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/check.h"

static socklen_t write_ipv4(const icn_address *address, struct sockaddr_in *target)
{
    target->sin_family = AF_INET;
    target->sin_port = htons(address->port);
    memcpy(&target->sin_addr, address->ip, sizeof target->sin_addr);
    return sizeof *target;
}

static socklen_t write_ipv6(const icn_address *address, struct sockaddr_in6 *target)
{
    target->sin6_family = AF_INET6;
    target->sin6_port = htons(address->port);
    target->sin6_scope_id = address->scope;
    memcpy(&target->sin6_addr, address->ip, sizeof target->sin6_addr);
    return sizeof *target;
}

socklen_t icn_os_sockaddr_write(const icn_address *address, struct sockaddr_storage *storage)
{
    ICN_CHECK(address->family == ICN_ADDRESS_IPV4 || address->family == ICN_ADDRESS_IPV6);
    memset(storage, 0, sizeof *storage);
    return address->family == ICN_ADDRESS_IPV4 ? write_ipv4(address, (struct sockaddr_in *)(void *)storage)
                                               : write_ipv6(address, (struct sockaddr_in6 *)(void *)storage);
}

void icn_os_sockaddr_read(const struct sockaddr_storage *storage, icn_address *address)
{
    memset(address, 0, sizeof *address);
    if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *source = (const struct sockaddr_in *)(const void *)storage;
        address->family = ICN_ADDRESS_IPV4;
        address->port = ntohs(source->sin_port);
        memcpy(address->ip, &source->sin_addr, sizeof source->sin_addr);
    } else if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *source = (const struct sockaddr_in6 *)(const void *)storage;
        address->family = ICN_ADDRESS_IPV6;
        address->port = ntohs(source->sin6_port);
        address->scope = source->sin6_scope_id;
        memcpy(address->ip, &source->sin6_addr, sizeof source->sin6_addr);
    }
}
