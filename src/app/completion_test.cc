// The completion scripts, in the shells they are for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include "app/command_line.h"
#include "app/test_world.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;

// Exit code and output of a shell command.
std::pair<int, std::string> run(const std::string& command) {
  std::string out;
  FILE* pipe = popen(("{ " + command + "; } 2>&1").c_str(), "r");
  std::array<char, 4096> buffer{};
  for (std::size_t size = 0; (size = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) out.append(buffer.data(), size);
  const int status = pclose(pipe);
  return {WEXITSTATUS(status), out};
}

class Completion : public testing::TestWithParam<const char*> {};

TEST_P(Completion, IsAProgramOfItsShell) {
  const std::string shell = GetParam();
  if (run("command -v " + shell).first != 0) GTEST_SKIP() << shell << " is not installed";
  const ScratchFolder folder;
  const auto [code, out] = run(shell + " -n " + folder.write("script", completion_script(shell)));
  EXPECT_EQ(code, 0) << out;
  EXPECT_EQ(out, "");
}

INSTANTIATE_TEST_SUITE_P(Shells, Completion, testing::Values("bash", "zsh", "fish"));

// What bash would offer for the last of `words`.
std::string offered(const std::string& words) {
  const ScratchFolder folder;
  folder.write("pipeline.yaml", "");
  const std::string script = folder.write(".script", completion_script("bash"));
  return run("cd " + folder.path() + " && bash -c 'source " + script + "; COMP_WORDS=(" + words +
             "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _sluice; echo \"${COMPREPLY[@]}\"'")
      .second;
}

TEST(BashCompletion, OffersVerbsThenNounsFlagsAndFiles) {
  EXPECT_EQ(offered("sluice ru"), "run\n");
  EXPECT_THAT(offered("sluice \"\""), HasSubstr("logs"));
  EXPECT_THAT(offered("sluice \"\""), Not(HasSubstr("supervise")));
  EXPECT_EQ(offered("sluice list ru"), "runs\n");
  EXPECT_EQ(offered("sluice run --no-"), "--no-cache\n");
  EXPECT_EQ(offered("sluice run pi"), "pipeline.yaml\n");
  EXPECT_EQ(offered("sluice completion z"), "zsh\n");
}

TEST(FishCompletion, OffersNouns) {
  if (run("command -v fish").first != 0) GTEST_SKIP() << "fish is not installed";
  const ScratchFolder folder;
  const ScopedVariable home("HOME", folder.path()), config("XDG_CONFIG_HOME", folder.path());
  const std::string script = folder.write("script", completion_script("fish"));
  const auto [code, out] = run("fish -c 'source " + script + "; complete -C \"sluice list \"'");
  EXPECT_EQ(code, 0);
  EXPECT_THAT(out, HasSubstr("runs\n"));
}

}  // namespace
}  // namespace sluice
