#include "os/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "os/error.h"
#include "os/linux/sockaddr.h"

static icn_result result_of(int error)
{
    switch (error) {
    case 0:
        return icn_ok();
    case EAI_NONAME:
#if defined(EAI_NODATA)
    case EAI_NODATA:
#endif
        return (icn_result){IOCPNET_E_NAME_NOT_FOUND, error};
    case EAI_AGAIN:
    case EAI_FAIL:
        return (icn_result){IOCPNET_E_NAME_NOT_RESOLVED, error};
    case EAI_MEMORY:
        return (icn_result){IOCPNET_E_NO_MEMORY, error};
    case EAI_SYSTEM:
        return icn_os_last_result();
    default:
        return (icn_result){IOCPNET_E_SYSTEM, error};
    }
}

static uint32_t take(const struct addrinfo *found, icn_address *addresses, uint32_t capacity)
{
    uint32_t count = 0;
    for (; found != NULL && count < capacity; found = found->ai_next) {
        struct sockaddr_storage storage = {0};
        ICN_CHECK(found->ai_addrlen <= sizeof storage);
        memcpy(&storage, found->ai_addr, found->ai_addrlen);
        icn_os_sockaddr_read(&storage, &addresses[count]);
        count += addresses[count].family != ICN_ADDRESS_NONE ? 1 : 0;
    }
    return count;
}

icn_result icn_os_resolve(const char *name, icn_address *addresses, uint32_t capacity, uint32_t *count)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;

    *count = 0;
    errno = 0;
    icn_result result = result_of(getaddrinfo(name, NULL, &hints, &found));
    if (result.status != IOCPNET_OK) {
        return result;
    }
    *count = take(found, addresses, capacity);
    freeaddrinfo(found);
    return *count != 0 ? result : icn_failure(IOCPNET_E_NAME_NOT_FOUND);
}
