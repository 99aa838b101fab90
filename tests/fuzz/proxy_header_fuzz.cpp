/* The header of the PROXY protocol: what is said of a stream is said of each of its beginnings, or more is needed; a header that
 * was written well is read as it was meant, whatever follows it. */
#include <string>
#include <vector>

#include "fuzz/input.hpp"

extern "C" {
#include "iocpnet.h"
#include "net/proxy_header.h"
}

namespace
{

using std::string_literals::operator""s;

struct Read {
    icn_proxy_verdict verdict;
    icn_proxy_header header;
};

/* From memory that ends behind the bytes, as the address sanitizer sees. */
Read read_header(const std::string &bytes, size_t size)
{
    const std::vector<char> exact(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    Read read = {};
    read.verdict = icn_proxy_header_read(exact.data(), static_cast<uint32_t>(size), &read.header);
    return read;
}

bool same_address(const icn_address &left, const icn_address &right)
{
    return left.family == right.family && left.port == right.port && left.scope == right.scope &&
           std::memcmp(left.ip, right.ip, left.family == ICN_ADDRESS_IPV4 ? 4 : 16) == 0;
}

void check_equal(const Read &whole, const Read &part)
{
    FUZZ_REQUIRE(part.verdict == whole.verdict);
    if (whole.verdict == ICN_PROXY_WHOLE) {
        FUZZ_REQUIRE(part.header.bytes == whole.header.bytes && part.header.has_source == whole.header.has_source);
        FUZZ_REQUIRE(!whole.header.has_source || same_address(part.header.source, whole.header.source));
    }
}

void check_beginnings(const std::string &stream)
{
    const Read whole = read_header(stream, stream.size());
    FUZZ_REQUIRE(whole.verdict != ICN_PROXY_PARTIAL || stream.size() < ICN_PROXY_HEADER_MAX);
    for (size_t size = 1; size < stream.size(); size++) {
        const Read part = read_header(stream, size);
        if (part.verdict != ICN_PROXY_PARTIAL) {
            check_equal(whole, part);
        }
        if (whole.verdict == ICN_PROXY_WHOLE) {
            FUZZ_REQUIRE(whole.header.bytes <= stream.size());
            FUZZ_REQUIRE((part.verdict == ICN_PROXY_PARTIAL) == (size < whole.header.bytes));
        }
    }
}

icn_address draw_address(fuzz::Input &input, bool ipv6)
{
    icn_address address = {};
    address.family = ipv6 ? ICN_ADDRESS_IPV6 : ICN_ADDRESS_IPV4;
    address.port = static_cast<uint16_t>(input.number(2));
    for (int i = 0; i < (ipv6 ? 16 : 4); i++) {
        address.ip[i] = input.byte();
    }
    return address;
}

/* "192.0.2.1", "2001:db8::1", and the port, as the library writes them. */
std::pair<std::string, std::string> words_of(const icn_address &address)
{
    char text[ICN_ADDRESS_TEXT_SIZE];
    std::string all(text, icn_address_format(&address, text));
    const size_t colon = all.rfind(':');
    std::string ip = all.substr(0, colon);
    if (ip[0] == '[') {
        ip = ip.substr(1, ip.size() - 2);
    } else if (address.family == ICN_ADDRESS_IPV6) {
        ip = "::ffff:" + ip;
    }
    return {ip, all.substr(colon + 1)};
}

std::string write_text(const icn_address &source, const icn_address &target)
{
    const auto [source_ip, source_port] = words_of(source);
    const auto [target_ip, target_port] = words_of(target);
    return (source.family == ICN_ADDRESS_IPV6 ? "PROXY TCP6 " : "PROXY TCP4 ") + source_ip + " " + target_ip + " " +
           source_port + " " + target_port + "\r\n";
}

std::string u16(size_t value)
{
    return {static_cast<char>(value >> 8), static_cast<char>(value & 255)};
}

std::string write_binary(fuzz::Input &input, const icn_address &source, const icn_address &target)
{
    const bool ipv6 = source.family == ICN_ADDRESS_IPV6;
    const size_t ip_size = ipv6 ? 16 : 4;
    std::string content(reinterpret_cast<const char *>(source.ip), ip_size);
    content.append(reinterpret_cast<const char *>(target.ip), ip_size);
    content += u16(source.port) + u16(target.port);
    for (uint32_t left = input.below(4); left != 0; left--) {
        const uint32_t size = input.below(20);
        content += static_cast<char>(4 + input.below(250)) + u16(size) + std::string(size, 'x');
    }
    return "\r\n\r\n\0\r\nQUIT\n\x21"s + (ipv6 ? '\x21' : '\x11') + u16(content.size()) + content;
}

void check_written(fuzz::Input &input)
{
    const bool ipv6 = input.flag();
    const icn_address source = draw_address(input, ipv6);
    const icn_address target = draw_address(input, ipv6);
    const std::string header = input.flag() ? write_text(source, target) : write_binary(input, source, target);
    const std::string stream = header + input.rest();
    const Read read = read_header(stream, stream.size());
    FUZZ_REQUIRE(read.verdict == ICN_PROXY_WHOLE && read.header.bytes == header.size() && read.header.has_source);
    FUZZ_REQUIRE(same_address(read.header.source, source));
    check_beginnings(stream);
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    switch (input.below(4)) {
    case 0:
        check_written(input);
        break;
    case 1:
        check_beginnings("\r\n\r\n\0\r\nQUIT\n"s + input.rest());
        break;
    case 2:
        check_beginnings("PROXY "s + input.rest());
        break;
    default:
        check_beginnings(input.rest() + "P");
        break;
    }
    return 0;
}
