/* Who may be inside a dispatcher, and who may borrow it. */
#include <gtest/gtest.h>

#include <thread>

extern "C" {
#include "net/gate.h"
}

namespace
{

class Gate : public testing::Test
{
protected:
    Gate() : gate(icn_gate_take(nullptr)) {}
    ~Gate() override { icn_gate_give_up(gate); }

    void be_inside_once()
    {
        ASSERT_TRUE(icn_gate_enter(gate));
        icn_gate_leave(gate, true);
    }

    template <typename Call>
    static void on_another_thread(Call call)
    {
        std::thread other(call);
        other.join();
    }

    icn_gate *gate;
};

TEST_F(Gate, LetsOneThreadIn)
{
    ASSERT_TRUE(icn_gate_enter(gate));
    EXPECT_FALSE(icn_gate_enter(gate));
    on_another_thread([this] { EXPECT_FALSE(icn_gate_enter(gate)); });
    icn_gate_leave(gate, true);
    on_another_thread([this] { be_inside_once(); });
}

TEST_F(Gate, IsBorrowedByTheThreadThatWasInsideLast)
{
    be_inside_once();
    for (int i = 0; i < 2; i++) {
        ASSERT_TRUE(icn_gate_borrow(gate, icn_thread_self()));
        icn_gate_give_back(gate, icn_thread_self());
    }
    on_another_thread([this] { EXPECT_FALSE(icn_gate_borrow(gate, icn_thread_self())); });
}

TEST_F(Gate, IsNotBorrowedByAThreadThatWasNeverInside)
{
    EXPECT_FALSE(icn_gate_borrow(gate, icn_thread_self()));
}

TEST_F(Gate, IsNotBorrowedOnceAnotherThreadWasInside)
{
    be_inside_once();
    on_another_thread([this] { be_inside_once(); });
    EXPECT_FALSE(icn_gate_borrow(gate, icn_thread_self()));
}

TEST_F(Gate, IsNotBorrowedByWhoLeavesForGood)
{
    ASSERT_TRUE(icn_gate_enter(gate));
    icn_gate_leave(gate, false);
    EXPECT_FALSE(icn_gate_borrow(gate, icn_thread_self()));
}

TEST_F(Gate, IsNotBorrowedOfTheNextOneWhoTakesIt)
{
    be_inside_once();
    icn_gate_give_up(gate);
    icn_gate *again = icn_gate_take(nullptr);
    EXPECT_EQ(gate, again);
    EXPECT_FALSE(icn_gate_borrow(again, icn_thread_self()));
}

TEST_F(Gate, IsEnteredByWhoFindsItBorrowedOnceItIsGivenBack)
{
    be_inside_once();
    ASSERT_TRUE(icn_gate_borrow(gate, icn_thread_self()));
    std::thread other([this] { be_inside_once(); });
    while (icn_u32_load(&gate->waiting) == 0) {
        std::this_thread::yield();
    }
    icn_gate_give_back(gate, icn_thread_self());
    other.join();
    EXPECT_FALSE(icn_gate_borrow(gate, icn_thread_self()));
}

TEST_F(Gate, IsEnteredWhileAThreadThatFoundItBorrowedHasNotWokenUp)
{
    icn_u32_add(&gate->waiting, 1);
    EXPECT_TRUE(icn_gate_enter(gate));
    icn_gate_leave(gate, true);
    icn_u32_subtract(&gate->waiting, 1);
}

TEST_F(Gate, IsNotBorrowedWhileAThreadWaitsForIt)
{
    be_inside_once();
    icn_gate_begin_claim(gate);
    EXPECT_FALSE(icn_gate_borrow(gate, icn_thread_self()));
    EXPECT_FALSE(icn_gate_enter(gate));
    icn_gate_claim(gate);
    icn_gate_leave(gate, true);
    EXPECT_TRUE(icn_gate_borrow(gate, icn_thread_self()));
    icn_gate_give_back(gate, icn_thread_self());
}

TEST_F(Gate, RunsOutOfThoseThatMayBeBorrowed)
{
    icn_gate *taken[1000];
    size_t count = 0;
    while (count < 1000 && (taken[count] = icn_gate_take(nullptr)) != nullptr) {
        count++;
    }
    EXPECT_LT(count, 1000U);
    while (count-- != 0) {
        icn_gate_give_up(taken[count]);
    }
}

} // namespace
