#include "os/windows/sockaddr.h"

#include <string.h>

int icn_os_sockaddr_family(icn_address_family family)
{
    return family == ICN_ADDRESS_IPV6 ? AF_INET6 : AF_INET;
}

int icn_os_sockaddr_write(const icn_address *address, SOCKADDR_STORAGE *storage)
{
    memset(storage, 0, sizeof *storage);
    if (address->family == ICN_ADDRESS_IPV6) {
        struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)storage;
        ipv6->sin6_family = AF_INET6;
        ipv6->sin6_port = htons(address->port);
        ipv6->sin6_scope_id = address->scope;
        memcpy(&ipv6->sin6_addr, address->ip, sizeof ipv6->sin6_addr);
        return (int)sizeof *ipv6;
    }
    struct sockaddr_in *ipv4 = (struct sockaddr_in *)storage;
    ipv4->sin_family = AF_INET;
    ipv4->sin_port = htons(address->port);
    memcpy(&ipv4->sin_addr, address->ip, sizeof ipv4->sin_addr);
    return (int)sizeof *ipv4;
}

void icn_os_sockaddr_read(const SOCKADDR_STORAGE *storage, icn_address *address)
{
    memset(address, 0, sizeof *address);
    if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)storage;
        address->family = ICN_ADDRESS_IPV6;
        address->port = ntohs(ipv6->sin6_port);
        address->scope = ipv6->sin6_scope_id;
        memcpy(address->ip, &ipv6->sin6_addr, sizeof ipv6->sin6_addr);
    } else if (storage->ss_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const struct sockaddr_in *)storage;
        address->family = ICN_ADDRESS_IPV4;
        address->port = ntohs(ipv4->sin_port);
        memcpy(address->ip, &ipv4->sin_addr, sizeof ipv4->sin_addr);
    }
}

int icn_os_sockaddr_write_any(icn_address_family family, SOCKADDR_STORAGE *storage)
{
    icn_address any = {.family = (uint8_t)family};
    return icn_os_sockaddr_write(&any, storage);
}
