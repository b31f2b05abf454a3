#include "engine/attempt_platform.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "engine/test_attempt.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class AttemptPlatformTest : public testing::Test {
 protected:
  Attempt attempt_of(AttemptOrder order) {
    Attempt attempt(std::move(order), world_.dir);
    EXPECT_TRUE(lay_out(attempt, world_.objects).has_value());
    return attempt;
  }

  AttemptWorld world_;
};

TEST_F(AttemptPlatformTest, FoldersOfItsOwnAreFilledAndGoWithTheAttempt) {
  AttemptOrder order = world_.order("plain");
  order.folders = {{.targets = {"/etc/s"}, .files = {{"key", "s3cret"}}, .read_only = true}, {.targets = {"/a", "/b"}}};
  order.mounts = {{.source = "/vol", .target = "/data"}};
  order.redact = {"s3cret"};
  const Attempt attempt = attempt_of(std::move(order));
  for (int time = 0; time < 2; ++time) {  // one that was put off is started again
    const auto spec = make_spec(attempt, "");
    ASSERT_TRUE(spec.has_value()) << spec.error().message;
    ASSERT_EQ(spec->mounts.size(), 4U);
    EXPECT_EQ(spec->mounts[0].source + ">" + spec->mounts[0].target, "/vol>/data");
    EXPECT_EQ(spec->mounts[1].target, "/etc/s");
    EXPECT_TRUE(spec->mounts[1].read_only);
    EXPECT_EQ(spec->mounts[2].source, spec->mounts[3].source);
    EXPECT_FALSE(spec->mounts[3].read_only);
    EXPECT_EQ(text_of(spec->mounts[1].source + "/key"), "s3cret");
    EXPECT_THAT(spec->redact, ElementsAre("s3cret"));
    struct stat info{};
    ASSERT_EQ(stat((spec->mounts[1].source + "/key").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0400U);
  }
  remove_own_folders(attempt);
  EXPECT_FALSE(std::filesystem::exists(own_folders_of(attempt)));
}

TEST_F(AttemptPlatformTest, WithoutAnyThereIsNothingOnDisk) {
  const Attempt attempt = attempt_of(world_.order("plain"));
  const auto spec = make_spec(attempt, "").value();
  EXPECT_TRUE(spec.mounts.empty() && spec.redact.empty());
  EXPECT_THAT(spec.argv, ElementsAre("echo", "hello"));
  EXPECT_FALSE(std::filesystem::exists(own_folders_of(attempt)));
}

TEST_F(AttemptPlatformTest, InitContainersComeBeforeTheCommandInAShell) {
  const Attempt attempt = attempt_of(world_.order("plain"));
  Launch launch;
  launch.init = {{.name = "it's", .argv = {"sh", "-c", "echo \"$A\" > first"}, .env = {{"A", "o'clock"}}}};
  AttemptSpec spec{.argv = {"sh", "-c", "cat first; echo \"${A-unset}\""}, .cold_because = "as it was"};
  spec.warm.emplace();
  ASSERT_TRUE(add_platform(attempt, launch, spec).has_value());
  ASSERT_EQ(spec.argv.size(), 7U);
  EXPECT_FALSE(spec.warm.has_value());
  EXPECT_EQ(spec.cold_because, "it has init containers");
  // What the shell makes of it.
  world_.folder.write("script", spec.argv[2]);
  const std::string out = world_.folder.path() + "/out";
  const std::string run = "cd " + world_.folder.path() + " && sh script " + "sh -c 'cat first; echo \"${A-unset}\"' > out 2> err";
  EXPECT_EQ(std::system(run.c_str()), 0);
  EXPECT_EQ(text_of(out), "o'clock\nunset\n");
  EXPECT_EQ(text_of(world_.folder.path() + "/err"), "--- init container it's\n--- task\n");
}

TEST_F(AttemptPlatformTest, AFailedInitContainerEndsTheAttempt) {
  const Attempt attempt = attempt_of(world_.order("plain"));
  Launch launch;
  launch.init = {{.name = "first", .argv = {"sh", "-c", "exit 7"}}};
  AttemptSpec spec{.argv = {"true"}};
  ASSERT_TRUE(add_platform(attempt, launch, spec).has_value());
  world_.folder.write("script", spec.argv[2]);
  const int status = std::system(("sh " + world_.folder.path() + "/script true 2> " + world_.folder.path() + "/err").c_str());
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_THAT(text_of(world_.folder.path() + "/err"), HasSubstr("init container first failed: exit code 7"));
}

TEST_F(AttemptPlatformTest, AContainerSeesTheAttemptsPathsAndVariables) {
  AttemptOrder order = world_.order("make");
  Site site{.container_engine = "podman"};
  order.site = &site;
  order.env = {{"TOKEN", "s3cret"}, {"HOME", "/of/secret"}};
  order.folders = {{.targets = {"/etc/s"}, .files = {{"key", "x"}}, .read_only = true}};
  const Attempt attempt = attempt_of(std::move(order));
  const auto spec = make_spec(attempt, "");
  ASSERT_TRUE(spec.has_value()) << spec.error().message;
  std::string line;
  for (const std::string& word : spec->argv) line += word + " ";
  EXPECT_THAT(line, testing::StartsWith("podman run --rm --name sluice-" + world_.uuid.text() + "-1-1 --network host "));
  for (const std::string part : {"", ".out", ".params"})
    EXPECT_THAT(line, HasSubstr("-v " + attempt.directory + part + ":" + attempt.directory + part + " "));
  EXPECT_THAT(line, HasSubstr(".mounts/0:/etc/s:ro "));
  EXPECT_THAT(line, HasSubstr("-e TOKEN "));
  EXPECT_THAT(line, HasSubstr("-e HOME=/of/secret ")) << "podman has a home of its own";
  EXPECT_THAT(line, testing::Not(HasSubstr("s3cret")));
  EXPECT_THAT(line, testing::EndsWith("--entrypoint make-it alpine " + attempt.outputs.artifacts_dir + "/data "));
  EXPECT_THAT(spec->env, testing::Contains(Pair("TOKEN", "s3cret")));
  EXPECT_THAT(spec->env, testing::Not(testing::Contains(Pair("HOME", testing::_))));
  EXPECT_TRUE(spec->mounts.empty());
  EXPECT_FALSE(spec->private_tmp);
}

}  // namespace
}  // namespace sluice
