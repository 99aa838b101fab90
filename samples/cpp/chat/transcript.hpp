// What one listener heard from one speaker, who numbers the lines 0, 1, 2, ...: each has to come once, in order.
#ifndef CHAT_TRANSCRIPT_HPP
#define CHAT_TRANSCRIPT_HPP

#include <cstddef>
#include <cstdint>
#include <set>

namespace chat
{

class transcript
{
public:
    enum class finding {
        good,
        repeated,
        late,  // behind one that was said after it
        unsaid // a number that was never said
    };

    // `said`: how many lines the speaker had said by now, or more.
    finding hear(std::uint64_t number, std::uint64_t said)
    {
        if (number >= said) {
            return finding::unsaid;
        }
        if (number < next_) {
            return skipped_.erase(number) != 0 ? finding::late : finding::repeated;
        }
        for (; next_ < number; ++next_) {
            skipped_.insert(next_);
        }
        ++next_;
        return finding::good;
    }

    // Of the lines that were said in all, those that never came.
    std::uint64_t lost(std::uint64_t said) const { return skipped_.size() + (said - next_); }

private:
    std::uint64_t next_ = 0;
    std::set<std::uint64_t> skipped_;
};

} // namespace chat

#endif
