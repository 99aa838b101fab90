/* Ends the program when something can not be measured: no figure is better than a wrong one. */
#pragma once

#include <cstdio>
#include <cstdlib>

namespace cost
{

inline void require_that(bool condition, const char *what)
{
    if (!condition) {
        std::fprintf(stderr, "failed: %s\n", what);
        std::exit(1);
    }
}

/* `status`: of the library; remarks and counts are as good as IOCPNET_OK. */
inline void require(int status, const char *what)
{
    if (status < 0) {
        std::fprintf(stderr, "failed with %d: %s\n", status, what);
        std::exit(1);
    }
}

} // namespace cost
