#include "base/address.h"

#include <stdbool.h>
#include <string.h>

#include "iocpnet.h"

#define GROUPS 8 /* of 16 bits in an IPv6 address */

/* Reading: each function starts at *text, and moves it behind what it took when it returns true. */

static bool read_character(const char **text, char expected)
{
    if (**text != expected) {
        return false;
    }
    ++*text;
    return true;
}

/* Decimal, no sign, no leading zeros. */
static bool read_number(const char **text, uint32_t max, uint32_t *number)
{
    const char *start = *text;
    const char *end = start;
    uint64_t value = 0;

    while (*end >= '0' && *end <= '9' && value <= max) {
        value = value * 10 + (uint64_t)(*end++ - '0');
    }
    if (end == start || value > max || (*start == '0' && end - start > 1)) {
        return false;
    }
    *number = (uint32_t)value;
    *text = end;
    return true;
}

static bool read_ipv4(const char **text, uint8_t *ip)
{
    uint32_t number;

    for (int i = 0; i < 4; i++) {
        if ((i > 0 && !read_character(text, '.')) || !read_number(text, 255, &number)) {
            return false;
        }
        ip[i] = (uint8_t)number;
    }
    return true;
}

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

/* One to four hexadecimal digits. */
static bool read_group(const char **text, uint8_t *ip)
{
    unsigned value = 0;
    int digits = 0;

    while (hex_digit(**text) >= 0) {
        if (++digits > 4) {
            return false;
        }
        value = value << 4 | (unsigned)hex_digit(*(*text)++);
    }
    ip[0] = (uint8_t)(value >> 8);
    ip[1] = (uint8_t)value;
    return digits > 0;
}

static bool is_ipv4_next(const char *text)
{
    while (*text >= '0' && *text <= '9') {
        text++;
    }
    return *text == '.';
}

/* Groups between colons, at most `max`, the last two perhaps as an IPv4 address. Returns how many, -1 for a mistake. */
static int read_groups(const char **text, int max, uint8_t *ip)
{
    int count = 0;

    if (hex_digit(**text) < 0) {
        return 0;
    }
    while (count < max) {
        if (is_ipv4_next(*text)) {
            bool taken = count + 2 <= max && read_ipv4(text, ip + 2 * count) && **text != ':';
            return taken ? count + 2 : -1;
        }
        if (!read_group(text, ip + 2 * count)) {
            return -1;
        }
        count++;
        if (**text != ':' || (*text)[1] == ':') {
            return count;
        }
        ++*text;
    }
    return -1;
}

/* "::" stands for one group of zeros or more. */
static bool read_ipv6(const char **text, uint8_t *ip)
{
    uint8_t tail[2 * GROUPS];
    int head_count = read_groups(text, GROUPS, ip);
    int tail_count;

    if (head_count < 0 || head_count == GROUPS) {
        return head_count == GROUPS;
    }
    if (!read_character(text, ':') || !read_character(text, ':')) {
        return false;
    }
    tail_count = read_groups(text, GROUPS - 1 - head_count, tail);
    if (tail_count < 0) {
        return false;
    }
    memset(ip + 2 * head_count, 0, (size_t)(GROUPS - head_count) * 2);
    memcpy(ip + 2 * (GROUPS - tail_count), tail, (size_t)tail_count * 2);
    return true;
}

/* Interfaces are numbered from 1. */
static bool read_scope(const char **text, uint32_t *scope)
{
    return !read_character(text, '%') || (read_number(text, UINT32_MAX, scope) && *scope != 0);
}

static bool read_ip(const char **text, icn_address *address)
{
    if (!read_character(text, '[')) {
        address->family = ICN_ADDRESS_IPV4;
        return read_ipv4(text, address->ip);
    }
    address->family = ICN_ADDRESS_IPV6;
    return read_ipv6(text, address->ip) && read_scope(text, &address->scope) && read_character(text, ']');
}

int32_t icn_address_parse(const char *text, icn_address *address)
{
    icn_address parsed = {.family = ICN_ADDRESS_NONE};
    uint32_t port;

    if (text == NULL || !read_ip(&text, &parsed) || !read_character(&text, ':') ||
        !read_number(&text, UINT16_MAX, &port) || *text != '\0') {
        return IOCPNET_E_INVALID_ADDRESS;
    }
    parsed.port = (uint16_t)port;
    *address = parsed;
    return IOCPNET_OK;
}

static bool is_ipv4_mapped(const uint8_t *ip)
{
    static const uint8_t prefix[12] = {[10] = 0xFF, [11] = 0xFF};

    return memcmp(ip, prefix, sizeof prefix) == 0;
}

bool icn_address_is_mapped(const icn_address *address)
{
    return address->family == ICN_ADDRESS_IPV6 && is_ipv4_mapped(address->ip);
}

static bool is_ipv6_next(const char *text)
{
    while (hex_digit(*text) >= 0) {
        text++;
    }
    return *text == ':';
}

/* Bits of a byte that belong to a prefix of which `bits` are left from this byte on. */
static uint8_t mask_of(int bits)
{
    return bits <= 0 ? 0 : (uint8_t)(bits >= 8 ? 0xFF : 0xFF00 >> bits);
}

static bool has_bits_behind(const icn_network *network, int size)
{
    for (int i = 0; i < size; i++) {
        if ((network->ip[i] & ~mask_of(network->prefix - 8 * i)) != 0) {
            return true;
        }
    }
    return false;
}

bool icn_network_parse(const char **text, icn_network *network)
{
    bool ipv6 = is_ipv6_next(*text);
    uint32_t prefix = ipv6 ? 128 : 32;

    *network = (icn_network){.family = ipv6 ? ICN_ADDRESS_IPV6 : ICN_ADDRESS_IPV4};
    if (!(ipv6 ? read_ipv6(text, network->ip) : read_ipv4(text, network->ip))) {
        return false;
    }
    if (read_character(text, '/') && !read_number(text, prefix, &prefix)) {
        return false;
    }
    network->prefix = (uint8_t)prefix;
    return !has_bits_behind(network, ipv6 ? 16 : 4);
}

bool icn_network_has(const icn_network *network, const icn_address *address)
{
    bool mapped = icn_address_is_mapped(address);
    const uint8_t *ip = mapped ? address->ip + 12 : address->ip;

    if (network->family != (mapped ? ICN_ADDRESS_IPV4 : address->family)) {
        return false;
    }
    for (int i = 0; i < 16 && network->prefix > 8 * i; i++) {
        if (((network->ip[i] ^ ip[i]) & mask_of(network->prefix - 8 * i)) != 0) {
            return false;
        }
    }
    return true;
}

/* Writing: each function writes at `text` and returns the end of what it wrote. */

static char *write_number(char *text, uint32_t number, uint32_t base)
{
    char digits[10];
    int count = 0;

    do {
        digits[count++] = "0123456789abcdef"[number % base];
        number /= base;
    } while (number != 0);
    while (count > 0) {
        *text++ = digits[--count];
    }
    return text;
}

static char *write_ipv4(char *text, const uint8_t *ip)
{
    for (int i = 0; i < 4; i++) {
        if (i > 0) {
            *text++ = '.';
        }
        text = write_number(text, ip[i], 10);
    }
    return text;
}

static uint32_t group_of(const uint8_t *ip, int group)
{
    return (uint32_t)ip[2 * group] << 8 | ip[2 * group + 1];
}

/* The longest run of zero groups, the first one of equals; one group alone is none (RFC 5952). */
static void find_zeros(const uint8_t *ip, int *start, int *length)
{
    int run = 0;

    *start = GROUPS;
    *length = 1;
    for (int i = 0; i < GROUPS; i++) {
        run = group_of(ip, i) == 0 ? run + 1 : 0;
        if (run > *length) {
            *start = i + 1 - run;
            *length = run;
        }
    }
}

static char *write_ipv6(char *text, const uint8_t *ip)
{
    int zeros;
    int zero_count;
    int i = 0;

    find_zeros(ip, &zeros, &zero_count);
    while (i < GROUPS) {
        if (i == zeros) {
            *text++ = ':';
            *text++ = ':';
            i += zero_count;
            continue;
        }
        if (i > 0 && i != zeros + zero_count) {
            *text++ = ':';
        }
        text = write_number(text, group_of(ip, i++), 16);
    }
    return text;
}

static char *write_bracketed(char *text, const icn_address *address)
{
    *text++ = '[';
    text = write_ipv6(text, address->ip);
    if (address->scope != 0) {
        *text++ = '%';
        text = write_number(text, address->scope, 10);
    }
    *text++ = ']';
    return text;
}

size_t icn_address_format(const icn_address *address, char text[ICN_ADDRESS_TEXT_SIZE])
{
    char *end = text;

    if (address->family == ICN_ADDRESS_IPV4) {
        end = write_ipv4(end, address->ip);
    } else if (address->family == ICN_ADDRESS_IPV6 && is_ipv4_mapped(address->ip)) {
        end = write_ipv4(end, address->ip + 12);
    } else if (address->family == ICN_ADDRESS_IPV6) {
        end = write_bracketed(end, address);
    }
    if (end != text) {
        *end++ = ':';
        end = write_number(end, address->port, 10);
    }
    *end = '\0';
    return (size_t)(end - text);
}

static size_t ip_size(uint8_t family)
{
    return family == ICN_ADDRESS_IPV4 ? 4 : 16;
}

size_t icn_address_packed_size(uint8_t family)
{
    size_t scope_size = family == ICN_ADDRESS_IPV4 ? 0 : sizeof(uint32_t);
    return sizeof(uint16_t) + ip_size(family) + scope_size;
}

void icn_address_pack(const icn_address *address, uint8_t *packed)
{
    size_t size = ip_size(address->family);
    memcpy(packed, &address->port, sizeof address->port);
    packed += sizeof address->port;
    memcpy(packed, address->ip, size);
    if (address->family != ICN_ADDRESS_IPV4) {
        memcpy(packed + size, &address->scope, sizeof address->scope);
    }
}

void icn_address_unpack(uint8_t family, const uint8_t *packed, icn_address *address)
{
    size_t size = ip_size(family);
    *address = (icn_address){.family = family};
    memcpy(&address->port, packed, sizeof address->port);
    packed += sizeof address->port;
    memcpy(address->ip, packed, size);
    if (family != ICN_ADDRESS_IPV4) {
        memcpy(&address->scope, packed + size, sizeof address->scope);
    }
}
