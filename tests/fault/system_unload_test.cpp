/* The library is loaded by hand, and unloaded too early: a program that does so, since the tests are linked. Linux. */
#if defined(__linux__)

#include <filesystem>

#include "support/api_fixture.hpp"

using namespace api_test;

namespace
{

class UnloadedLibrary : public PortTest
{
};
API_TEST_ON_EVERY_PORT(UnloadedLibrary);

TEST_P(UnloadedLibrary, StaysWhileItsThreadsServeAndHoldsUpNoExit)
{
    const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    const std::filesystem::path library = folder.parent_path() / "lib" / "libiocpnet.so";
    ASSERT_TRUE(std::filesystem::exists(library)) << library;
    EXPECT_EQ(0, Process::start({folder / "unload_host", library, std::to_string(GetParam())}).wait());
}

} // namespace

#endif
