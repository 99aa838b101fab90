/* One connection as a raw peer has it: it sends messages, checks those that come, and writes down what happened. */
#pragma once

#include <cstdint>
#include <string>

#include "stress/codec.hpp"
#include "stress/wire.hpp"
#include "stress/world.hpp"

namespace stress
{

class Conversation
{
public:
    /* The wire is connected. `role`: for a report. */
    Conversation(World &world, Wire wire, const char *role);
    /* Writes down what happened, and closes. */
    ~Conversation();
    Conversation(const Conversation &) = delete;
    Conversation &operator=(const Conversation &) = delete;

    bool is_alive() const { return wire_.is_open() && !broken_ && !ended_; }
    /* Puts messages in line, `bytes` in all or a little more. */
    void prepare(Random &random, uint32_t bytes);
    bool has_unsent() const { return begin_ < out_.size(); }
    /* Sends at most `bytes` of what is in line; what the system takes at once. */
    void send_some(size_t bytes);
    /* Reads at most `bytes` of what is there. */
    void receive_some(size_t bytes);
    /* Waits until something can be read, or sent if there is something unsent. */
    void wait(bool readable, int wait_ms) const { wire_.wait(readable, has_unsent(), wait_ms); }
    /* Ends the own stream. What is in line is dropped. */
    void finish();
    void reset();

private:
    World &world_;
    Wire wire_;
    const char *role_;
    const uint64_t id_;
    std::string local_;
    std::string remote_;
    Reader reader_;
    std::string out_;
    size_t begin_ = 0;
    uint32_t number_ = 0;
    uint64_t sent_ = 0;
    bool broken_ = false;
    bool ended_ = false; /* the other end's stream */
};

} // namespace stress
