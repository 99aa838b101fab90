/* Addresses: what is read and written, against the system's own functions where the grammars agree. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "fuzz/input.hpp"
#include "iocpnet.h"

extern "C" {
#include "base/address.h"
#include "os/linux/sockaddr.h"
}

namespace
{

bool are_equal(const icn_address &a, const icn_address &b)
{
    return std::memcmp(a.ip, b.ip, sizeof a.ip) == 0 && a.scope == b.scope && a.port == b.port && a.family == b.family;
}

bool is_mapped(const icn_address &address)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    return address.family == ICN_ADDRESS_IPV6 && std::memcmp(address.ip, prefix, sizeof prefix) == 0;
}

/* inet_ntop writes the last four bytes in the manner of IPv4 when nothing but zeros precedes them. */
bool is_written_alike(const icn_address &address)
{
    static const uint8_t zeros[12] = {};
    return address.family == ICN_ADDRESS_IPV4 || std::memcmp(address.ip, zeros, sizeof zeros) != 0;
}

std::string formatted(const icn_address &address)
{
    char text[ICN_ADDRESS_TEXT_SIZE];
    std::memset(text, fuzz::untouched, sizeof text);
    const size_t length = icn_address_format(&address, text);
    FUZZ_REQUIRE(length < sizeof text && std::strlen(text) == length);
    return text;
}

std::string formatted_by_system(const icn_address &address)
{
    char text[INET6_ADDRSTRLEN];
    const bool v4 = address.family == ICN_ADDRESS_IPV4;
    FUZZ_REQUIRE(inet_ntop(v4 ? AF_INET : AF_INET6, address.ip, text, sizeof text) != nullptr);
    const std::string scope = address.scope != 0 ? "%" + std::to_string(address.scope) : "";
    return (v4 ? std::string(text) : "[" + std::string(text) + scope + "]") + ":" + std::to_string(address.port);
}

/* What a parse of the canonical text has to give. */
icn_address canonical(const icn_address &address)
{
    icn_address plain = {};
    if (!is_mapped(address)) {
        return address;
    }
    std::memcpy(plain.ip, address.ip + 12, 4);
    plain.port = address.port;
    plain.family = ICN_ADDRESS_IPV4;
    return plain;
}

void check_text_of(const icn_address &address)
{
    const icn_address expected = canonical(address);
    const std::string text = formatted(address);
    icn_address read;
    FUZZ_REQUIRE(icn_address_parse(text.c_str(), &read) == IOCPNET_OK);
    FUZZ_REQUIRE(are_equal(read, expected));
    FUZZ_REQUIRE(formatted(read) == text);
    FUZZ_REQUIRE(!is_written_alike(expected) || text == formatted_by_system(expected));
}

void check_system_form_of(const icn_address &address)
{
    sockaddr_storage storage;
    icn_address read;
    const socklen_t size = icn_os_sockaddr_write(&address, &storage);
    FUZZ_REQUIRE(size == (address.family == ICN_ADDRESS_IPV4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6)));
    icn_os_sockaddr_read(&storage, &read);
    FUZZ_REQUIRE(are_equal(read, address));
}

/* A decimal number without leading zeros. */
bool is_number(const std::string &text, uint64_t least, uint64_t most)
{
    const bool digits = !text.empty() && text.size() <= 10 && text.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || (text.size() > 1 && text[0] == '0')) {
        return false;
    }
    const uint64_t value = std::stoull(text);
    return value >= least && value <= most;
}

/* The rule of the header, in terms of the system's own parser. */
bool is_address(const std::string &text, uint8_t *ip)
{
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos || !is_number(text.substr(colon + 1), 0, 65535)) {
        return false;
    }
    std::string host = text.substr(0, colon);
    if (host.empty() || host[0] != '[') {
        return inet_pton(AF_INET, host.c_str(), ip) == 1;
    }
    if (host.back() != ']') {
        return false;
    }
    host = host.substr(1, host.size() - 2);
    const size_t percent = host.find('%');
    if (percent != std::string::npos && !is_number(host.substr(percent + 1), 1, UINT32_MAX)) {
        return false;
    }
    return inet_pton(AF_INET6, host.substr(0, percent).c_str(), ip) == 1;
}

void check_text(const std::string &text)
{
    icn_address address;
    uint8_t ip[16] = {};
    std::memset(&address, fuzz::untouched, sizeof address);
    const int32_t status = icn_address_parse(text.c_str(), &address);
    FUZZ_REQUIRE(status == IOCPNET_OK || status == IOCPNET_E_INVALID_ADDRESS);
    FUZZ_REQUIRE((status == IOCPNET_OK) == is_address(text, ip));
    if (status != IOCPNET_OK) {
        FUZZ_REQUIRE(fuzz::is_untouched(&address, sizeof address));
        return;
    }
    FUZZ_REQUIRE(address.family == (text[0] == '[' ? ICN_ADDRESS_IPV6 : ICN_ADDRESS_IPV4) && address.reserved == 0);
    FUZZ_REQUIRE(std::memcmp(address.ip, ip, sizeof ip) == 0);
    check_text_of(address);
    check_system_form_of(address);
}

void check_value(fuzz::Input &input)
{
    icn_address address = {};
    address.family = input.flag() ? ICN_ADDRESS_IPV6 : ICN_ADDRESS_IPV4;
    address.port = static_cast<uint16_t>(input.number(2));
    const std::string ip = input.bytes(address.family == ICN_ADDRESS_IPV6 ? 16 : 4);
    std::memcpy(address.ip, ip.data(), ip.size());
    if (address.family == ICN_ADDRESS_IPV6) {
        address.scope = static_cast<uint32_t>(input.number(4));
    }
    check_text_of(address);
    check_system_form_of(address);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    if (input.flag()) {
        check_value(input);
    } else {
        check_text(std::string(input.rest().c_str()));
    }
    return 0;
}
