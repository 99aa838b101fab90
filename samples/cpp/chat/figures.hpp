// The figures of a server, for people and for Prometheus.
#ifndef CHAT_FIGURES_HPP
#define CHAT_FIGURES_HPP

#include "server.hpp"

#include <iocpnet.hpp>

#include <cstdint>
#include <string>

namespace chat
{

inline std::string html_row(const char *name, std::uint64_t value)
{
    return std::string("<tr><td>") + name + "</td><td>" + std::to_string(value) + "</td></tr>\n";
}

inline std::string html_figures(const server &server, const iocpnet::service &service)
{
    const iocpnet::service_statistics statistics = service.statistics().value();
    const hall::counts present = server.present();
    const server::counts counts = server.count();
    return "<!DOCTYPE html>\n<title>chat_server</title>\n<h1>chat_server</h1>\n<table>\n" +
           html_row("sessions", statistics.sessions_live) + html_row("people", present.people) +
           html_row("rooms", present.rooms) + html_row("said", counts.said) + html_row("whispered", counts.whispered) +
           html_row("refused", counts.refused) + html_row("messages sent", statistics.sends) +
           html_row("bytes sent", statistics.bytes_sent) + html_row("bytes received", statistics.bytes_received) +
           "</table>\n<p><a href=\"/metrics\">for Prometheus</a></p>\n";
}

inline std::string metric(const char *name, const char *type, const char *help, std::uint64_t value)
{
    return std::string("# HELP ") + name + ' ' + help + "\n# TYPE " + name + ' ' + type + '\n' + name + ' ' +
           std::to_string(value) + '\n';
}

// The library's own, and those that only the chat knows.
inline std::string metrics(const server &server, const iocpnet::service &service)
{
    const hall::counts present = server.present();
    const server::counts counts = server.count();
    return service.metrics("chat").value() + metric("chat_people", "gauge", "People who have a name.", present.people) +
           metric("chat_rooms", "gauge", "Rooms with somebody in them.", present.rooms) +
           metric("chat_said_total", "counter", "Lines said in rooms.", counts.said) +
           metric("chat_whispered_total", "counter", "Private lines.", counts.whispered) +
           metric("chat_refused_total", "counter", "Messages that were refused.", counts.refused);
}

} // namespace chat

#endif
