/* Threads that play the other end: peers that connect to hosts, and raw listeners that hosts connect to. */
#pragma once

#include <thread>
#include <vector>

#include "stress/wire.hpp"
#include "stress/world.hpp"

namespace stress
{

/* Lives as long as the round: starts the threads, ends them with world.over and joins them. */
class Peers
{
public:
    Peers(World &world, uint32_t connecting, uint32_t accepting);
    /* Waits until all conversations are over. */
    ~Peers();
    Peers(const Peers &) = delete;
    Peers &operator=(const Peers &) = delete;

private:
    void connect_all_the_time(uint32_t index);
    void accept_all_the_time(uint32_t index);
    void kill_all_the_time();
    void make_dead_ends();

    World &world_;
    Wire harbour_; /* accepts, and plays any role */
    Wire deaf_;    /* never accepts: its queue is full */
    std::vector<Wire> deaf_queue_;
    std::vector<std::thread> threads_;
};

/* In a process of its own: connects to an address, talks, and waits to be killed. */
int play_victim(const char *address);

} // namespace stress
