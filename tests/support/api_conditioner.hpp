/* Conditioners for tests. */
#pragma once

#include <functional>

#include <gtest/gtest.h>

#include "iocpnet.h"

namespace api_test
{

/* The defaults, a seed, and what the test changes. */
inline iocpnet_conditioner conditioner_of(const std::function<void(iocpnet_conditioner &)> &adjust)
{
    iocpnet_conditioner conditioner;
    EXPECT_EQ(IOCPNET_OK, iocpnet_conditioner_init(&conditioner, sizeof conditioner));
    conditioner.seed = 5;
    adjust(conditioner);
    return conditioner;
}

} // namespace api_test
