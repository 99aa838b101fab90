/* A test in another process that reports by lines of text over a connection of its own. */
#pragma once

#include <string>

#include "support/api_process.hpp"
#include "support/api_socket.hpp"

namespace fault_test
{

/* Ends with the object. */
class Remote
{
public:
    /* Starts a role, whose first argument is the address that it connects to; `rest` follows. */
    Remote(const std::string &role, const std::string &rest);

    /* The next line that it reports; empty when it ended instead. */
    std::string line();
    /* Sends one letter and gives the line that answers. */
    std::string tell(char letter);
    /* Lets it see the end of the connection, and waits for its exit code. */
    int finish();

private:
    api_test::Process process_;
    api_test::Socket control_;
};

} // namespace fault_test
