#include "support/fault_remote.hpp"

namespace fault_test
{

Remote::Remote(const std::string &role, const std::string &rest)
{
    api_test::Socket listener = api_test::Socket::listen();
    process_ = api_test::Process::start_role(role + " " + listener.address() + " " + rest);
    control_ = listener.accept();
}

std::string Remote::line()
{
    std::string text;
    for (std::string letter = control_.receive(1); !letter.empty() && letter != "\n"; letter = control_.receive(1)) {
        text += letter;
    }
    return text;
}

std::string Remote::tell(char letter)
{
    control_.send(std::string(1, letter));
    return line();
}

int Remote::finish()
{
    control_.close();
    return process_.wait();
}

} // namespace fault_test
