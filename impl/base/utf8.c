#include "base/utf8.h"

#include <stdbool.h>

#include "iocpnet.h"

/* Bytes of the character that begins with this one; 0: none does. */
static size_t length_of(uint8_t first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        return 2;
    }
    if (first >= 0xE0 && first <= 0xEF) {
        return 3;
    }
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* The second byte rules out what could be written shorter, surrogates, and what is above U+10FFFF. */
static bool second_is_valid(uint8_t first, uint8_t second)
{
    uint8_t lowest = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    uint8_t highest = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    return second >= lowest && second <= highest;
}

static bool is_character(const uint8_t *bytes, size_t length)
{
    if (length > 1 && !second_is_valid(bytes[0], bytes[1])) {
        return false;
    }
    for (size_t i = 2; i < length; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return false;
        }
    }
    return length != 0;
}

int32_t icn_utf8_prefix(const char *text, size_t length_max, size_t *length)
{
    const uint8_t *bytes = (const uint8_t *)text;
    size_t at = 0;
    while (at < length_max && bytes[at] != 0) {
        size_t next = length_of(bytes[at]);
        if (next > length_max - at) {
            break;
        }
        if (!is_character(bytes + at, next)) {
            return IOCPNET_E_INVALID_ARGUMENT;
        }
        at += next;
    }
    *length = at;
    return IOCPNET_OK;
}
