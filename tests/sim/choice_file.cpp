#include "choice_file.hpp"

#include <fstream>
#include <sstream>

namespace sim_test
{

namespace
{

constexpr size_t bytes_a_line = 32;

bool read_line(const std::string &line, std::vector<uint8_t> &choices)
{
    std::istringstream words(line.substr(0, line.find('#')));
    std::string word;
    while (words >> word) {
        if (word.size() != 2 || word.find_first_not_of("0123456789abcdef") != std::string::npos) {
            return false;
        }
        choices.push_back(static_cast<uint8_t>(std::stoul(word, nullptr, 16)));
    }
    return true;
}

} // namespace

bool read_choices(const std::string &path, std::vector<uint8_t> &choices)
{
    std::ifstream file(path);
    std::string line;
    choices.clear();
    bool valid = file.is_open();
    while (valid && std::getline(file, line)) {
        valid = read_line(line, choices);
    }
    return valid;
}

bool write_choices(const std::string &path, const std::string &remark, const std::vector<uint8_t> &choices)
{
    static const char digits[] = "0123456789abcdef";
    std::ofstream file(path);
    file << "# " << remark << "\n";
    for (size_t i = 0; i < choices.size(); i++) {
        const bool ends = i % bytes_a_line == bytes_a_line - 1 || i + 1 == choices.size();
        file << digits[choices[i] >> 4] << digits[choices[i] & 15] << (ends ? '\n' : ' ');
    }
    return static_cast<bool>(file.flush());
}

} // namespace sim_test
