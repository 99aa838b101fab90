#include "support/api_victim.hpp"

#include <filesystem>
#include <fstream>
#include <future>
#include <random>
#include <string>
#include <vector>

#include "support/api_fixture.hpp"

namespace api_test
{

namespace
{

int play_victim(const std::vector<std::string> &arguments)
{
    Socket server = Socket::connect(arguments[0]);
    server.send("alive");
    std::ofstream(arguments[1]).close();
    std::promise<void>().get_future().wait(); /* for ever */
    return 0;
}
const RoleRegistration victim_role("victim", play_victim);

std::string new_file_name()
{
    /* Not from the seed of the tests: those that run beside this one have the same. */
    std::random_device device;
    const std::string name = "iocpnet_victim_" + std::to_string(device()) + "_" + std::to_string(device());
    return (std::filesystem::temp_directory_path() / name).string();
}

} // namespace

Victim::Victim(const std::string &address)
    : idle_file_(new_file_name()), process_(Process::start_role("victim " + address + " " + idle_file_))
{
}

Victim::~Victim()
{
    process_.kill();
    std::error_code ignored;
    std::filesystem::remove(idle_file_, ignored);
}

void Victim::kill()
{
    EXPECT_TRUE(wait_until([this] { return std::filesystem::exists(idle_file_); }));
    process_.kill();
}

} // namespace api_test
