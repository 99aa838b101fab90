// Where a server listens, for scripts: with port 0 the system chooses.
#ifndef SAMPLE_ADDRESS_FILE_HPP
#define SAMPLE_ADDRESS_FILE_HPP

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace sample
{

// Written aside and renamed, so that whoever waits for the file never reads half an address. True without a file.
inline bool write_address(const char *program, const std::string &file, const char *address)
{
    if (file.empty()) {
        return true;
    }
    const std::string aside = file + ".new";
    std::ofstream(aside) << address << '\n';
    std::error_code error;
    std::filesystem::rename(aside, file, error);
    if (error) {
        std::fprintf(stderr, "%s: can not write %s: %s\n", program, file.c_str(), error.message().c_str());
    }
    return !error;
}

} // namespace sample

#endif
