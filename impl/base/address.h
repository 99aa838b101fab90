/* An IP address with a port, and its canonical textual form. Pure: no system call, the same on every platform. */
#ifndef ICN_BASE_ADDRESS_H
#define ICN_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum icn_address_family {
    ICN_ADDRESS_NONE = 0,
    ICN_ADDRESS_IPV4 = 4,
    ICN_ADDRESS_IPV6 = 6
} icn_address_family;

typedef struct icn_address {
    uint8_t ip[16]; /* network order; an IPv4 address in the first four */
    uint32_t scope; /* IPv6 link-local: the number of the interface */
    uint16_t port;  /* host order */
    uint8_t family; /* icn_address_family */
    uint8_t reserved;
} icn_address;

/*
 * The same in as few bytes as its family needs, which is kept elsewhere: port, IP, and the scope of an IPv6 address.
 */
#define ICN_ADDRESS_PACKED_MAX 22
size_t icn_address_packed_size(uint8_t family);
void icn_address_pack(const icn_address *address, uint8_t *packed);
void icn_address_unpack(uint8_t family, const uint8_t *packed, icn_address *address);

/* An IPv4 address in IPv6 form, which a dual-stack listener has of its IPv4 peers. */
bool icn_address_is_mapped(const icn_address *address);

/* All addresses that begin with the same bits. */
typedef struct icn_network {
    uint8_t ip[16]; /* network order; zeros behind the prefix */
    uint8_t prefix; /* bits: up to 32 of IPv4, up to 128 of IPv6 */
    uint8_t family; /* icn_address_family */
} icn_network;

/*
 * Reads "10.0.0.0/8", "192.0.2.1", "2001:db8::/32" at *text, and moves it behind. Strict: no bits may be set behind the
 * prefix; without one it is a single address. False: it is no network.
 */
bool icn_network_parse(const char **text, icn_network *network);
/* An IPv4 address in IPv6 form is in IPv4 networks only. */
bool icn_network_has(const icn_network *network, const icn_address *address);

/* Longest text, "[ffff:...%4294967295]:65535", with the final zero. */
#define ICN_ADDRESS_TEXT_SIZE 64

/*
 * Reads "1.2.3.4:5", "[::1]:5" or "[fe80::1%2]:5". Strict: decimal without leading zeros, no names, no spaces.
 * Returns IOCPNET_OK or IOCPNET_E_INVALID_ADDRESS.
 */
int32_t icn_address_parse(const char *text, icn_address *address);

/*
 * Writes the canonical form: RFC 5952 for IPv6, an IPv4-mapped address as plain IPv4.
 * Returns the length without the final zero.
 */
size_t icn_address_format(const icn_address *address, char text[ICN_ADDRESS_TEXT_SIZE]);

#endif
