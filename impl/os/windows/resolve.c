#include "os/resolve.h"

#include <stddef.h>
#include <string.h>

#include <winsock2.h>
#include <ws2tcpip.h>

#include <windows.h>

#include "base/check.h"
#include "base/host_name.h"
#include "os/error.h"
#include "os/windows/sockaddr.h"

static icn_result result_of(int error)
{
    switch (error) {
    case 0:
        return icn_ok();
    case WSAHOST_NOT_FOUND:
    case WSANO_DATA:
        return (icn_result){IOCPNET_E_NAME_NOT_FOUND, error};
    case WSATRY_AGAIN:
    case WSANO_RECOVERY:
        return (icn_result){IOCPNET_E_NAME_NOT_RESOLVED, error};
    default:
        return icn_os_result(error);
    }
}

static uint32_t take(const ADDRINFOW *found, icn_address *addresses, uint32_t capacity)
{
    uint32_t count = 0;
    for (; found != NULL && count < capacity; found = found->ai_next) {
        SOCKADDR_STORAGE storage = {0};
        ICN_CHECK(found->ai_addrlen <= sizeof storage);
        memcpy(&storage, found->ai_addr, found->ai_addrlen);
        icn_os_sockaddr_read(&storage, &addresses[count]);
        count += addresses[count].family != ICN_ADDRESS_NONE ? 1 : 0;
    }
    return count;
}

icn_result icn_os_resolve(const char *name, icn_address *addresses, uint32_t capacity, uint32_t *count)
{
    const ADDRINFOW hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP};
    wchar_t wide[ICN_HOST_NAME_SIZE];
    ADDRINFOW *found = NULL;

    *count = 0;
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, wide, ICN_HOST_NAME_SIZE) == 0) {
        return icn_os_result((int32_t)GetLastError());
    }
    icn_result result = result_of(GetAddrInfoW(wide, NULL, &hints, &found));
    if (result.status != IOCPNET_OK) {
        return result;
    }
    *count = take(found, addresses, capacity);
    FreeAddrInfoW(found);
    return *count != 0 ? result : icn_failure(IOCPNET_E_NAME_NOT_FOUND);
}
