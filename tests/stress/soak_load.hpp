/* Clients that keep a steady, mixed load on echoing hosts, and check every byte that comes back. */
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "stress/random.hpp"
#include "stress/wire.hpp"

namespace soak
{

class Load
{
public:
    Load(const std::vector<std::string> &addresses, uint32_t threads, uint64_t seed);
    /* Ends the threads; each comes to the end of what it is doing. */
    ~Load() { stop(); }
    Load(const Load &) = delete;
    Load &operator=(const Load &) = delete;

    void stop();
    uint64_t bytes() const { return bytes_; }
    /* Connections that failed, or whose bytes did not come back as they went. */
    uint64_t errors() const { return errors_; }

private:
    void run(stress::Random random);
    void visit(stress::Random &random);
    void exchange(stress::Wire &wire, const std::string &sent);
    void expect_end(stress::Wire &wire);
    void fail(const char *what);
    void keep_long(stress::Random &random, std::vector<stress::Wire> &wires);

    std::vector<std::string> addresses_;
    std::atomic<bool> stopped_{false};
    std::atomic<uint64_t> bytes_{0};
    std::atomic<uint64_t> errors_{0};
    std::vector<std::thread> threads_;
};

} // namespace soak
