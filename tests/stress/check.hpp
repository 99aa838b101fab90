/* Violations of the contract: printed at once, with what repeats the round. Any thread. */
#pragma once

#include <cstdint>
#include <string>

namespace stress
{

/* What is printed with every violation: the command that repeats the round. */
void set_repeat_command(const std::string &command);

/* Counts a violation and prints it; after some of them only counts. */
void violate(const std::string &text);

uint64_t violation_count();

/* For a violation after which nothing makes sense any more. */
[[noreturn]] void give_up(const std::string &text);

} // namespace stress
