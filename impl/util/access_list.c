#include "util/access_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "iocpnet.h"
#include "util/memory.h"

typedef struct rule {
    icn_network network;
    bool allow;
} rule;

struct icn_access_list {
    uint32_t count;
    bool otherwise; /* of an address that is in no network */
    rule rules[];   /* the one that decides first, before the others that an address is in */
};

static size_t size_of(uint32_t count)
{
    return sizeof(icn_access_list) + sizeof(rule) * count;
}

static bool is_separator(char character)
{
    return character == ',' || character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

static const char *skip_separators(const char *text)
{
    while (is_separator(*text)) {
        text++;
    }
    return text;
}

/* Reads one network after another into `rules`, or only counts them (NULL). */
static int32_t read_networks(const char *text, bool allow, rule *rules, uint32_t *count)
{
    *count = 0;
    if (text == NULL) {
        return IOCPNET_OK;
    }
    for (text = skip_separators(text); *text != '\0'; text = skip_separators(text)) {
        icn_network network;
        if (*count == ICN_ACCESS_NETWORKS_MAX) {
            return IOCPNET_E_TOO_LARGE;
        }
        if (!icn_network_parse(&text, &network) || (*text != '\0' && !is_separator(*text))) {
            return IOCPNET_E_INVALID_ADDRESS;
        }
        if (rules != NULL) {
            rules[*count] = (rule){network, allow};
        }
        ++*count;
    }
    return IOCPNET_OK;
}

/* Longer prefixes first, deny before allow. */
static int compare(const void *left, const void *right)
{
    const rule *a = left;
    const rule *b = right;
    if (a->network.prefix != b->network.prefix) {
        return a->network.prefix > b->network.prefix ? -1 : 1;
    }
    return (int)a->allow - (int)b->allow;
}

static int32_t count_both(const char *allow, const char *deny, uint32_t *allowed, uint32_t *denied)
{
    int32_t status = read_networks(allow, true, NULL, allowed);
    return status == IOCPNET_OK ? read_networks(deny, false, NULL, denied) : status;
}

int32_t icn_access_list_create(const char *allow, const char *deny, icn_access_list **list)
{
    uint32_t allowed;
    uint32_t denied;
    *list = NULL;
    int32_t status = count_both(allow, deny, &allowed, &denied);
    if (status != IOCPNET_OK || (allow == NULL && deny == NULL)) {
        return status;
    }
    icn_access_list *made = icn_memory_allocate(size_of(allowed + denied), ICN_MEMORY_LISTENER);
    if (made == NULL) {
        return IOCPNET_E_NO_MEMORY;
    }
    made->count = allowed + denied;
    made->otherwise = allow == NULL;
    status = read_networks(allow, true, made->rules, &allowed);
    ICN_CHECK(status == IOCPNET_OK);
    status = read_networks(deny, false, made->rules + allowed, &denied);
    ICN_CHECK(status == IOCPNET_OK && made->count == allowed + denied);
    qsort(made->rules, made->count, sizeof(rule), compare);
    *list = made;
    return status;
}

void icn_access_list_destroy(icn_access_list *list)
{
    if (list != NULL) {
        icn_memory_release(list, size_of(list->count), ICN_MEMORY_LISTENER);
    }
}

bool icn_access_list_allows(const icn_access_list *list, const icn_address *address)
{
    for (uint32_t i = 0; list != NULL && i < list->count; i++) {
        if (icn_network_has(&list->rules[i].network, address)) {
            return list->rules[i].allow;
        }
    }
    return list == NULL || list->otherwise;
}
