/*
 * Networks that may connect, and networks that may not. Constant once made, so that any thread may ask. The longest prefix
 * that an address is in decides; at equal length deny does.
 */
#ifndef ICN_UTIL_ACCESS_LIST_H
#define ICN_UTIL_ACCESS_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"

#define ICN_ACCESS_NETWORKS_MAX 4096 /* in one text */

typedef struct icn_access_list icn_access_list;

/*
 * `allow`, `deny`: networks in textual form, separated by commas, blanks or line ends; or NULL. *list is NULL when both
 * are. An allow list without networks allows none. Errors, with *list NULL: INVALID_ADDRESS, TOO_LARGE, NO_MEMORY.
 */
int32_t icn_access_list_create(const char *allow, const char *deny, icn_access_list **list);
/* NULL is ignored. */
void icn_access_list_destroy(icn_access_list *list);

/* NULL allows all. */
bool icn_access_list_allows(const icn_access_list *list, const icn_address *address);

#endif
