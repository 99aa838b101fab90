#include "load/figures.hpp"

#include <cstdio>

namespace bench
{

namespace
{

unsigned long long number(uint64_t value)
{
    return value;
}

double us(uint64_t ns)
{
    return static_cast<double>(ns) / 1e3;
}

} // namespace

double Figures::load_share() const
{
    return elapsed_ns == 0 ? 0 : static_cast<double>(load_cpu_ns) / static_cast<double>(elapsed_ns);
}

std::string Figures::json(const Options &options, const std::string &more) const
{
    char text[1024];
    std::snprintf(text, sizeof text,
                  "{\"mode\":\"%s\",\"connections\":%u,\"message_bytes\":%u,\"messages\":%llu,\"bytes\":%llu,"
                  "\"seconds\":%.6f,\"server_cpu_ns\":%llu,\"load_cpu_ns\":%llu,\"load_share\":%.3f,"
                  "\"p50_us\":%.3f,\"p90_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f,\"max_us\":%.3f,"
                  "\"errors\":0,\"saturated\":%s,\"late\":%llu",
                  options.mode.c_str(), options.connections, options.message_bytes, number(messages),
                  number(messages * options.message_bytes), static_cast<double>(elapsed_ns) / 1e9,
                  number(server_cpu_ns), number(load_cpu_ns), load_share(), us(latency.percentile(0.5)),
                  us(latency.percentile(0.9)), us(latency.percentile(0.99)), us(latency.percentile(0.999)),
                  us(latency.max()), saturated ? "true" : "false", number(late));
    return text + more + "}";
}

} // namespace bench
