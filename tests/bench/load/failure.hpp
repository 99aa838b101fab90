#ifndef BENCH_LOAD_FAILURE_HPP
#define BENCH_LOAD_FAILURE_HPP

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace bench
{

/* A wrong byte, a lost connection, a server that is silent: it ends the program, as a figure with it would be a lie. */
class Failure : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

inline std::string of_connection(uint32_t index, const std::string &what)
{
    return "connection " + std::to_string(index) + ": " + what;
}

inline std::string with_errno(const std::string &what)
{
    return what + ": " + std::strerror(errno);
}

} // namespace bench

#endif
