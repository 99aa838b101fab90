/* Choices of a run as a file: bytes in hexadecimal; from '#' to the end of a line is a remark. */
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sim_test
{

/* False: it can not be read, or is no such file. */
bool read_choices(const std::string &path, std::vector<uint8_t> &choices);
bool write_choices(const std::string &path, const std::string &remark, const std::vector<uint8_t> &choices);

} // namespace sim_test
