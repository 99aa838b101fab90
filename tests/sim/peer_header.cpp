#include "peer_header.hpp"

extern "C" {
#include "os/sim/choice.h"
}

namespace sim_test
{

namespace
{

std::string begin_binary(char command, char family, uint32_t bytes)
{
    static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
    std::string header(signature, 12);
    header += command;
    header += family;
    header += static_cast<char>(bytes >> 8);
    header += static_cast<char>(bytes & 0xFF);
    return header;
}

void append_port(std::string &header, uint16_t port)
{
    header += static_cast<char>(port >> 8);
    header += static_cast<char>(port & 0xFF);
}

/* With so many bytes of an extension that nobody knows. */
std::string binary_header(uint16_t port, uint32_t extension)
{
    const uint32_t skipped = extension != 0 ? 3 + extension : 0;
    std::string header = begin_binary(0x21, 0x11, 12 + skipped);
    const char addresses[] = {static_cast<char>(198), 51, 100, 7, 127, 0, 0, 1};
    header.append(addresses, sizeof addresses);
    append_port(header, port);
    append_port(header, 7000);
    if (extension != 0) {
        header += static_cast<char>(0xE7);
        header += static_cast<char>(extension >> 8);
        header += static_cast<char>(extension & 0xFF);
        header.append(extension, 'x');
    }
    return header;
}

std::string text_header(const char *kind, const char *from, const char *to, const std::string &port)
{
    return std::string("PROXY ") + kind + " " + from + " " + to + " " + port + " 7000\r\n";
}

std::string bad_header(uint16_t port)
{
    switch (icn_sim_choose(5)) {
    case 0:
        return text_header("TCP4", "198.51.100.7", "127.0.0.1", "70000");
    case 1:
        return text_header("TCP4", "2001:db8::7", "::1", std::to_string(port));
    case 2:
        return std::string("PROXY UNKNOWN ") + std::string(120, 'x') + "\r\n";
    case 3:
        return begin_binary(0x11, 0x11, 12) + std::string(12, 'x');
    default:
        return begin_binary(0x21, 0x11, 5000) + std::string(100, 'x');
    }
}

} // namespace

PeerHeader draw_header(uint16_t client_port, bool trusted)
{
    const std::string port = std::to_string(client_port);
    PeerHeader drawn;
    drawn.good = trusted;
    drawn.remote = "198.51.100.7:" + port;
    switch (icn_sim_choose(8)) {
    case 0:
    case 1:
        drawn.bytes = text_header("TCP4", "198.51.100.7", "127.0.0.1", port);
        break;
    case 2:
        drawn.bytes = text_header("TCP6", "2001:db8::7", "::1", port);
        drawn.remote = "[2001:db8::7]:" + port;
        break;
    case 3:
        drawn.bytes = "PROXY UNKNOWN\r\n";
        drawn.remote = "127.0.0.1:" + port;
        break;
    case 4:
        drawn.bytes = begin_binary(0x20, 0, 0);
        drawn.remote = "127.0.0.1:" + port;
        break;
    case 5:
        drawn.bytes = binary_header(client_port, icn_sim_choose(2) * 150);
        break;
    case 6:
        drawn.bytes = bad_header(client_port);
        drawn.good = false;
        break;
    default:
        drawn.good = false;
        break;
    }
    return drawn;
}

} // namespace sim_test
