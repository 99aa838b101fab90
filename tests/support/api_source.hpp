/* Files of the sources, which tests read as text. */
#pragma once

#include <string>

namespace api_test
{

/* The path of a file, "api/iocpnet.h". */
inline std::string source_path(const std::string &name)
{
#if defined(ICN_SOURCE_DIR)
    return ICN_SOURCE_DIR "/" + name; /* what caches the results of compilers may make __FILE__ a relative path */
#else
    const std::string here = __FILE__;
    return here.substr(0, here.find_last_of("/\\")) + "/../../" + name;
#endif
}

} // namespace api_test
