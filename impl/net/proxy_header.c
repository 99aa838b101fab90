#include "net/proxy_header.h"

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "iocpnet.h"

/* ---- version 1: "PROXY TCP4 192.0.2.1 198.51.100.1 40000 443\r\n" ---- */

#define TEXT_MAX 107 /* bytes of the longest line, with its end */

static const char text_start[] = "PROXY ";
#define TEXT_START_SIZE (sizeof text_start - 1)

/* What is left of a line. */
typedef struct line {
    const char *at;
    const char *end;
} line;

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static bool take_text(line *rest, const char *expected)
{
    const size_t size = strlen(expected);
    if ((size_t)(rest->end - rest->at) < size || memcmp(rest->at, expected, size) != 0) {
        return false;
    }
    rest->at += size;
    return true;
}

/* A word of these characters, up to a blank or the end of the line, which is left where it is. */
static bool take_word(line *rest, const char *characters, char *word, size_t capacity)
{
    size_t size = 0;
    for (; rest->at != rest->end && *rest->at != ' '; rest->at++) {
        if (size + 1 == capacity || *rest->at == '\0' || strchr(characters, *rest->at) == NULL) {
            return false;
        }
        word[size++] = *rest->at;
    }
    word[size] = '\0';
    return size != 0;
}

#define IP_TEXT_SIZE 48
#define PORT_TEXT_SIZE 6

typedef struct words {
    char source_ip[IP_TEXT_SIZE];
    char target_ip[IP_TEXT_SIZE];
    char source_port[PORT_TEXT_SIZE];
    char target_port[PORT_TEXT_SIZE];
} words;

static bool take_words(line *rest, const char *of_address, words *read)
{
    static const char digits[] = "0123456789";
    return take_text(rest, " ") && take_word(rest, of_address, read->source_ip, sizeof read->source_ip) &&
           take_text(rest, " ") && take_word(rest, of_address, read->target_ip, sizeof read->target_ip) &&
           take_text(rest, " ") && take_word(rest, digits, read->source_port, sizeof read->source_port) &&
           take_text(rest, " ") && take_word(rest, digits, read->target_port, sizeof read->target_port) &&
           rest->at == rest->end;
}

static void add(char **text, const char *more)
{
    const size_t size = strlen(more);
    memcpy(*text, more, size);
    *text += size;
}

static bool read_endpoint(const char *ip, const char *port, bool ipv6, icn_address *address)
{
    char text[IP_TEXT_SIZE + PORT_TEXT_SIZE + sizeof "[]:"];
    char *end = text;
    add(&end, ipv6 ? "[" : "");
    add(&end, ip);
    add(&end, ipv6 ? "]:" : ":");
    add(&end, port);
    *end = '\0';
    return icn_address_parse(text, address) == IOCPNET_OK;
}

static bool read_addresses(line *rest, bool ipv6, icn_address *source)
{
    words read;
    icn_address target;
    return take_words(rest, ipv6 ? "0123456789abcdefABCDEF:." : "0123456789.", &read) &&
           read_endpoint(read.source_ip, read.source_port, ipv6, source) &&
           read_endpoint(read.target_ip, read.target_port, ipv6, &target);
}

/* The line without its end. */
static bool read_line(line *rest, icn_proxy_header *header)
{
    if (!take_text(rest, text_start)) {
        return false;
    }
    if (take_text(rest, "UNKNOWN")) {
        /* Whatever follows is to be ignored. */
        header->has_source = false;
        return rest->at == rest->end || *rest->at == ' ';
    }
    header->has_source = true;
    const bool ipv6 = take_text(rest, "TCP6");
    return (ipv6 || take_text(rest, "TCP4")) && read_addresses(rest, ipv6, &header->source);
}

static icn_proxy_verdict read_text(const char *text, uint32_t size, icn_proxy_header *header)
{
    const char *end = memchr(text, '\n', min_u32(size, TEXT_MAX));
    if (memcmp(text, text_start, min_u32(size, TEXT_START_SIZE)) != 0) {
        return ICN_PROXY_BAD;
    }
    if (end == NULL) {
        return size < TEXT_MAX ? ICN_PROXY_PARTIAL : ICN_PROXY_BAD;
    }
    /* It begins with the start of the line, so there is a character before its end. */
    ICN_CHECK(end > text);
    line rest = {.at = text, .end = end - 1};
    if (end[-1] != '\r' || !read_line(&rest, header)) {
        return ICN_PROXY_BAD;
    }
    header->bytes = (uint32_t)(end + 1 - text);
    return ICN_PROXY_WHOLE;
}

/* ---- version 2 ---- */

static const uint8_t signature[12] = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A};

#define AT_COMMAND 12 /* with the version */
#define AT_FAMILY 13  /* with the transport */
#define AT_LENGTH 14
#define FIXED_BYTES 16

#define COMMAND_LOCAL 0x20
#define COMMAND_PROXY 0x21

#define FAMILY_TCP4 0x11
#define FAMILY_TCP6 0x21
#define ADDRESSES_UNKNOWN UINT32_MAX

#define EXTENSION_HEAD 3
#define EXTENSION_CRC32C 0x03

static uint32_t read_u16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t read_u32(const uint8_t *at)
{
    return read_u16(at) << 16 | read_u16(at + 2);
}

/* Bytes of both endpoints, or ADDRESSES_UNKNOWN: there is no such family and transport. */
static uint32_t addresses_size(uint8_t family)
{
    switch (family) {
    case 0x00: /* not specified */
        return 0;
    case FAMILY_TCP4:
    case 0x12: /* UDP */
        return 12;
    case FAMILY_TCP6:
    case 0x22: /* UDP */
        return 36;
    case 0x31: /* UNIX, stream and datagram */
    case 0x32:
        return 216;
    default:
        return ADDRESSES_UNKNOWN;
    }
}

/* CRC-32C (Castagnoli) of a header, with zeros in the place of the checksum itself. */
static uint32_t crc32c(const uint8_t *data, uint32_t size, uint32_t checksum_at)
{
    uint32_t crc = UINT32_MAX;
    for (uint32_t i = 0; i < size; i++) {
        crc ^= i - checksum_at < 4 ? 0 : data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0x82F63B78) : 0);
        }
    }
    return ~crc;
}

/* Extensions are skipped, all but the checksum. */
static bool check_extensions(const uint8_t *data, uint32_t at, uint32_t size)
{
    while (at != size) {
        if (size - at < EXTENSION_HEAD) {
            return false;
        }
        const uint8_t kind = data[at];
        const uint32_t length = read_u16(data + at + 1);
        at += EXTENSION_HEAD;
        if (length > size - at) {
            return false;
        }
        if (kind == EXTENSION_CRC32C && (length != 4 || read_u32(data + at) != crc32c(data, size, at))) {
            return false;
        }
        at += length;
    }
    return true;
}

/* Both are found as far as the bytes go, so that a bad header is known as early as it can be. */
static bool begins_well(const uint8_t *data, uint32_t size)
{
    if (memcmp(data, signature, min_u32(size, sizeof signature)) != 0 ||
        (size > AT_COMMAND && data[AT_COMMAND] != COMMAND_LOCAL && data[AT_COMMAND] != COMMAND_PROXY)) {
        return false;
    }
    /* With LOCAL the family says nothing. */
    return size <= AT_FAMILY || data[AT_COMMAND] == COMMAND_LOCAL ||
           addresses_size(data[AT_FAMILY]) != ADDRESSES_UNKNOWN;
}

static void read_source(const uint8_t *addresses, bool ipv6, icn_address *source)
{
    const uint32_t ip_size = ipv6 ? 16 : 4;
    *source = (icn_address){.port = (uint16_t)read_u16(addresses + (size_t)2 * ip_size),
                            .family = ipv6 ? ICN_ADDRESS_IPV6 : ICN_ADDRESS_IPV4};
    memcpy(source->ip, addresses, ip_size);
}

static icn_proxy_verdict read_binary(const uint8_t *data, uint32_t size, icn_proxy_header *header)
{
    if (!begins_well(data, size)) {
        return ICN_PROXY_BAD;
    }
    if (size < FIXED_BYTES) {
        return ICN_PROXY_PARTIAL;
    }
    const uint8_t family = data[AT_FAMILY];
    const bool local = data[AT_COMMAND] == COMMAND_LOCAL;
    const uint32_t bytes = FIXED_BYTES + read_u16(data + AT_LENGTH);
    const uint32_t addresses = local ? 0 : addresses_size(family);
    if (bytes > ICN_PROXY_HEADER_MAX || bytes < FIXED_BYTES + addresses) {
        return ICN_PROXY_BAD;
    }
    if (size < bytes) {
        return ICN_PROXY_PARTIAL;
    }
    /* Where extensions begin is known of known addresses only. */
    if (addresses != 0 && !check_extensions(data, FIXED_BYTES + addresses, bytes)) {
        return ICN_PROXY_BAD;
    }
    header->bytes = bytes;
    header->has_source = !local && (family == FAMILY_TCP4 || family == FAMILY_TCP6);
    if (header->has_source) {
        read_source(data + FIXED_BYTES, family == FAMILY_TCP6, &header->source);
    }
    return ICN_PROXY_WHOLE;
}

icn_proxy_verdict icn_proxy_header_read(const void *data, uint32_t size, icn_proxy_header *header)
{
    ICN_CHECK(size != 0);
    /* Their first characters differ. */
    return *(const uint8_t *)data == signature[0] ? read_binary(data, size, header) : read_text(data, size, header);
}
