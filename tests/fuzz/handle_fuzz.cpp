/* The handle table, against a list of what was made; with handles that are stale, forged or of another kind. */
#include <set>
#include <vector>

#include "fuzz/input.hpp"
#include "iocpnet.h"

extern "C" {
#include "util/handle.h"
}

namespace
{

constexpr uint32_t object_count_max = 64;

struct Object {
    uint64_t handle = 0;
    icn_handle_kind kind = ICN_HANDLE_SERVICE;
    uint32_t pins = 0;
    bool retired = false;
    bool finalized = false;
};

void finalize(void *object)
{
    auto *finalized = static_cast<Object *>(object);
    FUZZ_REQUIRE(finalized->retired && finalized->pins == 0 && !finalized->finalized);
    finalized->finalized = true;
}

class Machine
{
public:
    explicit Machine(fuzz::Input &input) : input_(input)
    {
        objects_.reserve(object_count_max); /* the table keeps pointers to them */
    }

    void run()
    {
        while (!input_.is_empty()) {
            step();
        }
        for (Object &each : objects_) {
            retire(each);
            while (each.pins != 0) {
                unpin(each);
            }
            FUZZ_REQUIRE(each.finalized && !icn_handle_is_known(each.handle));
        }
    }

private:
    void step()
    {
        switch (input_.below(7)) {
        case 0:
            create();
            break;
        case 1:
            pin_forged();
            break;
        case 2:
        case 3:
            pin(any());
            break;
        case 4:
            pin_again(any());
            break;
        case 5:
            unpin(any());
            break;
        default:
            retire(any());
            break;
        }
    }

    Object &any()
    {
        if (objects_.empty()) {
            create();
        }
        return objects_[input_.below(static_cast<uint32_t>(objects_.size()))];
    }

    void create()
    {
        if (objects_.size() == object_count_max) {
            return;
        }
        objects_.emplace_back();
        Object &made = objects_.back();
        made.kind = static_cast<icn_handle_kind>(ICN_HANDLE_SERVICE + input_.below(3));
        FUZZ_REQUIRE(icn_handle_create(made.kind, &made, finalize, &made.handle) == IOCPNET_OK);
        FUZZ_REQUIRE(made.handle != 0 && made.handle >> 56 == static_cast<uint64_t>(made.kind));
        FUZZ_REQUIRE(made_.insert(made.handle).second); /* never the same one twice */
        made.pins = 1;
    }

    void pin(Object &each)
    {
        const auto kind = static_cast<icn_handle_kind>(ICN_HANDLE_SERVICE + input_.below(3));
        void *pinned = icn_handle_pin(each.handle, kind);
        FUZZ_REQUIRE(pinned == (!each.retired && kind == each.kind ? &each : nullptr));
        each.pins += pinned != nullptr ? 1 : 0;
        FUZZ_REQUIRE(icn_handle_is_known(each.handle) == !each.finalized);
    }

    void pin_forged()
    {
        const uint64_t forged = input_.flag() ? input_.number(8) : any().handle ^ UINT64_C(1) << input_.below(64);
        for (uint32_t kind = ICN_HANDLE_SERVICE; kind <= ICN_HANDLE_SESSION && made_.count(forged) == 0; kind++) {
            FUZZ_REQUIRE(icn_handle_pin(forged, static_cast<icn_handle_kind>(kind)) == nullptr);
        }
    }

    void pin_again(Object &each)
    {
        if (each.pins != 0 || !each.retired) {
            icn_handle_pin_again(each.handle);
            each.pins++;
        }
    }

    void unpin(Object &each)
    {
        if (each.pins != 0) {
            each.pins--;
            icn_handle_unpin(each.handle);
            FUZZ_REQUIRE(each.finalized == (each.retired && each.pins == 0));
        }
    }

    void retire(Object &each)
    {
        if (!each.retired) {
            each.retired = true;
            icn_handle_retire(each.handle);
            FUZZ_REQUIRE(each.finalized == (each.pins == 0));
        }
    }

    fuzz::Input &input_;
    std::vector<Object> objects_;
    std::set<uint64_t> made_;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz::Input input(data, size);
    Machine(input).run();
    return 0;
}
