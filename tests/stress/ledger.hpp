/*
 * Both ends of every connection of a round write down what they sent and received; at the end of the round the two are
 * compared. An end is found by its addresses, so peers connect from addresses of their own. Any thread.
 */
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace stress
{

struct End {
    std::string who; /* for a report */
    std::string local;
    std::string remote;
    uint64_t sent = 0;       /* bytes handed to the system */
    bool sent_final = false; /* `sent` is exact; false: the most it can have been */
    bool aborted = false;    /* by a disconnect with ABORT, and nothing else */
    uint64_t received = 0;
    bool saw_end = false; /* the other end finished its stream in order, and everything before was taken */
};

class Ledger
{
public:
    void add(End end);
    /* Compares what can be paired without doubt; the number of pairs. Once, when nobody adds any more. */
    uint64_t settle();

private:
    std::mutex mutex_;
    std::vector<End> ends_;
};

} // namespace stress
