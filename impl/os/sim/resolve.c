/* The simulated machine knows its own name alone. */
#include "os/resolve.h"

#include <string.h>

#include "base/check.h"

icn_result icn_os_resolve(const char *name, icn_address *addresses, uint32_t capacity, uint32_t *count)
{
    ICN_CHECK(capacity != 0);
    *count = 0;
    if (strcmp(name, "localhost") != 0) {
        return icn_failure(IOCPNET_E_NAME_NOT_FOUND);
    }
    addresses[0] = (icn_address){.ip = {127, 0, 0, 1}, .family = ICN_ADDRESS_IPV4};
    *count = 1;
    return icn_ok();
}
