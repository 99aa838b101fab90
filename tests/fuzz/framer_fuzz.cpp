/* Framing: any split of a stream gives the same messages and the same end; what is sent as one message comes out as one. */
#include <vector>

#include "fuzz/input.hpp"

extern "C" {
#include "net/framer.h"
#include "net/receive_buffer.h"
}

namespace
{

const uint8_t *bytes_of(const std::string &text)
{
    return reinterpret_cast<const uint8_t *>(text.data());
}

icn_framing draw_framing(fuzz::Input &input)
{
    iocpnet_framing options = {};
    icn_framing framing = {};
    options.kind = input.flag() ? IOCPNET_FRAMING_LENGTH : IOCPNET_FRAMING_DELIMITER;
    options.flags = input.below(4);
    options.message_bytes_max = 1 + input.below(300);
    options.length_width = input.pick({1u, 2u, 4u});
    options.length_offset = input.below(14);
    options.length_adjustment =
        input.flag() ? static_cast<int32_t>(input.below(40)) - 20 : static_cast<int32_t>(input.number(4));
    options.header_bytes = options.length_offset + options.length_width + input.below(4);
    options.delimiter_bytes = 1 + input.below(3);
    for (uint32_t i = 0; i < options.delimiter_bytes; i++) {
        options.delimiter[i] = static_cast<uint8_t>(input.below(3));
    }
    const int32_t status = icn_framing_read(&options, &framing);
    FUZZ_REQUIRE(status == IOCPNET_OK || status == IOCPNET_E_INVALID_ARGUMENT);
    return framing; /* of kind NONE when it is refused */
}

/* What a session does with what it receives, without the session. */
class Cutter
{
public:
    explicit Cutter(const icn_framing &framing) : framing_(framing) {}
    Cutter(const Cutter &) = delete;
    Cutter &operator=(const Cutter &) = delete;
    ~Cutter() { icn_receive_buffer_clear(&kept_); }

    void receive(const std::string &piece)
    {
        rest_ = piece;
        while (verdict == ICN_FRAME_PARTIAL && (!rest_.empty() || icn_receive_buffer_bytes(&kept_) != 0) && step()) {
        }
    }

    std::vector<std::string> messages;
    icn_frame_verdict verdict = ICN_FRAME_PARTIAL; /* another one than PARTIAL: the session would have closed */

private:
    bool step()
    {
        const uint32_t kept = icn_receive_buffer_bytes(&kept_);
        const std::string bytes =
            kept != 0 ? std::string(reinterpret_cast<const char *>(icn_receive_buffer_data(&kept_)), kept) : rest_;
        const auto count = static_cast<uint32_t>(bytes.size());
        const icn_frame frame = icn_framing_look(&framing_, bytes_of(bytes), count, &scanned_);
        if (frame.verdict == ICN_FRAME_PARTIAL) {
            return keep(frame, kept);
        }
        if (frame.verdict != ICN_FRAME_WHOLE) {
            verdict = frame.verdict;
            return false;
        }
        FUZZ_REQUIRE(frame.bytes <= count && frame.begin + frame.size <= frame.bytes && frame.bytes != 0);
        messages.push_back(bytes.substr(frame.begin, frame.size));
        scanned_ = 0;
        if (kept != 0) {
            icn_receive_buffer_consume(&kept_, frame.bytes);
        } else {
            rest_.erase(0, frame.bytes);
        }
        return true;
    }

    bool keep(const icn_frame &frame, uint32_t kept)
    {
        auto size = static_cast<uint32_t>(rest_.size());
        if (size == 0) {
            return false;
        }
        if (kept != 0) {
            size = icn_framing_step(&framing_, &frame, kept, bytes_of(rest_), size);
        }
        FUZZ_REQUIRE(size != 0 && size <= rest_.size());
        FUZZ_REQUIRE(icn_receive_buffer_append(&kept_, bytes_of(rest_), size, frame.bytes));
        most_ = std::max(most_, kept + size);
        FUZZ_REQUIRE(kept_.memory == nullptr || kept_.capacity <= 2 * most_);
        rest_.erase(0, size);
        return true;
    }

    const icn_framing framing_;
    icn_receive_buffer kept_ = {};
    uint32_t most_ = 0; /* bytes kept at once */
    uint32_t scanned_ = 0;
    std::string rest_;
};

std::string joined(const icn_framed &framed)
{
    std::string all;
    for (uint32_t i = 0; i < framed.count; i++) {
        if (framed.pieces[i].size != 0) {
            all.append(static_cast<const char *>(framed.pieces[i].data), framed.pieces[i].size);
        }
    }
    FUZZ_REQUIRE(all.size() == framed.bytes);
    return all;
}

void check_wrap(const icn_framing &framing, const std::string &message)
{
    icn_framed framed;
    if (icn_framing_wrap(&framing, bytes_of(message), message.size(), &framed) != IOCPNET_OK) {
        return;
    }
    const std::string sent = joined(framed);
    Cutter whole(framing);
    whole.receive(sent);
    FUZZ_REQUIRE(whole.verdict == ICN_FRAME_PARTIAL && whole.messages.size() == 1);
    /* A header that is kept has its length written over. */
    FUZZ_REQUIRE(whole.messages[0] == (framing.keep ? sent : message));
}

} // namespace

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    const icn_framing framing = draw_framing(input);
    if (framing.kind == IOCPNET_FRAMING_NONE) {
        return 0;
    }
    const uint32_t longest = 1 + input.below(16);
    fuzz::Input splits = input;
    const std::string stream = input.rest();
    Cutter whole(framing);
    Cutter pieces(framing);
    whole.receive(stream);
    for (size_t at = 0; at < stream.size();) {
        const size_t piece = 1 + splits.below(longest);
        pieces.receive(stream.substr(at, piece));
        at += piece;
    }
    FUZZ_REQUIRE(whole.messages == pieces.messages && whole.verdict == pieces.verdict);
    check_wrap(framing, stream.substr(0, splits.below(40)));
    return 0;
}
