#include "base/host_name.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/utf8.h"
#include "iocpnet.h"

#define NAME_MAX_BYTES 253
#define LABEL_MAX_BYTES 63

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hexadecimal(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Bytes above 127 are UTF-8, which is checked as a whole. */
static bool may_be_in_name(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || (c & 0x80) != 0;
}

static bool label_is_valid(const char *label, size_t length)
{
    bool valid = length >= 1 && length <= LABEL_MAX_BYTES && label[0] != '-' && label[length - 1] != '-';
    for (size_t i = 0; valid && i < length; i++) {
        valid = may_be_in_name(label[i]);
    }
    return valid;
}

/* As old systems read numbers: decimal, or with 0x. */
static bool label_is_number(const char *label, size_t length)
{
    bool prefixed = length >= 2 && label[0] == '0' && (label[1] == 'x' || label[1] == 'X');
    for (size_t i = prefixed ? 2 : 0; i < length; i++) {
        if (prefixed ? !is_hexadecimal(label[i]) : !is_digit(label[i])) {
            return false;
        }
    }
    return true;
}

/* `length`: without a last dot. */
static bool name_is_valid(const char *name, size_t length)
{
    size_t begin = 0;
    for (size_t i = 0; i < length; i++) {
        if (name[i] == '.') {
            if (!label_is_valid(name + begin, i - begin)) {
                return false;
            }
            begin = i + 1;
        }
    }
    return label_is_valid(name + begin, length - begin) && !label_is_number(name + begin, length - begin);
}

static bool is_utf8(const char *name, size_t length)
{
    size_t checked;
    return icn_utf8_prefix(name, length, &checked) == IOCPNET_OK && checked == length;
}

static bool parse_port(const char *text, uint16_t *port)
{
    uint32_t value = 0;
    size_t length = 0;
    while (length < 5 && is_digit(text[length])) {
        value = value * 10 + (uint32_t)(text[length] - '0');
        length++;
    }
    *port = (uint16_t)value;
    return text[length] == 0 && length != 0 && text[0] != '0' && value <= UINT16_MAX;
}

int32_t icn_host_name_parse(const char *text, char name[ICN_HOST_NAME_SIZE], uint16_t *port)
{
    size_t length = 0;
    while (length < ICN_HOST_NAME_SIZE && text[length] != 0 && text[length] != ':') {
        name[length] = text[length];
        length++;
    }
    if (length == ICN_HOST_NAME_SIZE || text[length] != ':') {
        return IOCPNET_E_INVALID_ADDRESS;
    }
    name[length] = 0;
    size_t bare = length != 0 && name[length - 1] == '.' ? length - 1 : length;
    bool valid = bare <= NAME_MAX_BYTES && name_is_valid(name, bare) && is_utf8(name, length) &&
                 parse_port(text + length + 1, port);
    return valid ? IOCPNET_OK : IOCPNET_E_INVALID_ADDRESS;
}
