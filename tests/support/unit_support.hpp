/* What the unit tests share: the watchdog and the seed of the API tests, threads that start together, fired checks. */
#pragma once

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "support/api_environment.hpp"

namespace unit_test
{

using api_test::Random;
using api_test::scaled;
using api_test::wait_until;

inline const bool environment_registered = api_test::register_environment();

/* Runs work(0) to work(count - 1) in threads of their own, which begin at the same moment, and waits for them. */
void run_together(uint32_t count, const std::function<void(uint32_t)> &work);

/* While it lives failed checks of the library are kept here and the program goes on. One at a time. */
class CheckRecorder
{
public:
    CheckRecorder();
    ~CheckRecorder();
    CheckRecorder(const CheckRecorder &) = delete;
    CheckRecorder &operator=(const CheckRecorder &) = delete;

    /* The conditions that failed since the last call, one after another with a space between. */
    std::string take();
};

} // namespace unit_test
