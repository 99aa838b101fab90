// A page about the server, over HTTP: one request for each connection, cut out of the stream by the blank line at its
// end. It is for a browser or Prometheus on the same machine, and has a service of its own, so that neither disturbs the
// chat.
#ifndef CHAT_STATUS_PAGE_HPP
#define CHAT_STATUS_PAGE_HPP

#include <iocpnet.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace chat
{

class status_page
{
public:
    using text = std::function<std::string()>; // is called on a dispatcher

    status_page(text html, text metrics)
        : html_(std::move(html)), metrics_(std::move(metrics)),
          service_(iocpnet::service_options().with_dispatchers(1).with_sessions_max(64))
    {
        service_.on_received([this](const iocpnet::event &event) { answer(event); }).value();
    }

    // Gives the address, with the port that the system chose for port 0. It serves until this object goes.
    std::string open(const std::string &address)
    {
        iocpnet::listener_options options;
        options.framing = iocpnet::framing::delimiter("\r\n\r\n").with_message_bytes_max(request_bytes_max);
        options.limits.first_bytes_timeout_ms = options.limits.idle_timeout_ms = silence_ms_max;
        listener_ = service_.listen(address, options).value();
        service_.start().value();
        return listener_.address().value().c_str();
    }

private:
    static constexpr std::uint32_t request_bytes_max = 8192;
    static constexpr std::uint32_t silence_ms_max = 10000;

    // The disconnect is graceful: it closes when all is sent. A second request is not answered.
    void answer(const iocpnet::event &event)
    {
        event.session().send(response(event.data().text()));
        event.session().disconnect();
    }

    std::string response(std::string_view request) const
    {
        const std::string_view line = request.substr(0, request.find("\r\n"));
        if (line.substr(0, 4) != "GET ") {
            return page("405 Method Not Allowed\r\nAllow: GET", "text/plain", "Only GET is answered.\n");
        }
        const std::string_view path = line.substr(4, line.find(' ', 4) - 4);
        if (path == "/") {
            return page("200 OK", "text/html; charset=utf-8", html_());
        }
        if (path == "/metrics") {
            return page("200 OK", "text/plain; version=0.0.4; charset=utf-8", metrics_());
        }
        return page("404 Not Found", "text/plain", "There are / and /metrics.\n");
    }

    static std::string page(const char *status, const char *type, const std::string &body)
    {
        return std::string("HTTP/1.1 ") + status + "\r\nContent-Type: " + type +
               "\r\nContent-Length: " + std::to_string(body.size()) +
               "\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n" + body;
    }

    text html_;
    text metrics_;
    iocpnet::service service_;
    iocpnet::listener listener_;
};

} // namespace chat

#endif
