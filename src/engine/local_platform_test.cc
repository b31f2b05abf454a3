// What a cluster gives, in the hands of this machine: folders of an attempt's own, and tasks that make and remove volumes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/attempt_platform.h"
#include "engine/test_hands.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

AttemptOrder with_secret(AttemptOrder order) {
  order.folders = {{.targets = {"/etc/s"}, .files = {{"key", "s3cret"}}, .read_only = true}};
  order.redact = {"s3cret"};
  return order;
}

AttemptOrder volume_order(AttemptOrder order, bool removes) {
  order.site = nullptr;
  order.volume = VolumeTask{.removes = removes, .name = "vol"};
  return order;
}

TEST(LocalPlatform, FoldersOfItsOwnAreGoneBeforeAnAttemptIsAnswered) {
  HandsWorld world;
  world.start(with_secret(world.order("plain")));
  world.settle();
  const std::string secret = world.supervisor().started.at(0).mounts.at(0).source + "/key";
  EXPECT_TRUE(std::filesystem::exists(secret));
  world.exits(1);
  world.serve_until_reports(1);
  EXPECT_EQ(world.last_told(), "1#1 ok");
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(secret).parent_path().parent_path()));
  world.settle();
  EXPECT_THAT(world.supervisor().acked, ElementsAre(world.id(1)));
}

TEST(LocalPlatform, AMessageDoesNotTellASecret) {
  HandsWorld world;
  world.start(with_secret(world.order("plain")));
  world.settle();
  world.supervisor().say(AttemptExit{.id = world.id(1), .exit_code = 126, .error = "s3cret: not executable"});
  world.serve_until_reports(1);
  EXPECT_EQ(world.last_told(), "1#1 failed start 126 ***: not executable");
}

TEST(LocalPlatform, AVolumeIsMadeWithoutAProcessAndNotRemovedWhileItIsInUse) {
  HandsWorld world(1);
  const std::string place = world.dir.volumes() + "/vol";
  world.start(volume_order(world.order("plain", 1), false));
  world.serve_until_reports(1);
  ASSERT_EQ(world.last_told(), "1#1 ok");
  EXPECT_EQ(std::get<AttemptSucceeded>(world.reports[0].event).outputs.parameters.at("name"), Value("vol"));
  EXPECT_TRUE(std::filesystem::is_directory(place));

  AttemptOrder user = world.order("eat", 2);
  user.mounts = {{.source = place + "/sub", .target = "/data"}};
  world.start(std::move(user));
  world.settle();
  world.start(volume_order(world.order("plain", 3), true));
  world.serve_until_reports(2);
  EXPECT_THAT(world.last_told(), HasSubstr("3#1 failed exit 0 volume 'vol' is in use by task 'eat'"));
  EXPECT_TRUE(std::filesystem::is_directory(place));

  world.exits(2);
  world.start(volume_order(world.order("plain", 4), true));
  world.serve_until_reports(4);
  EXPECT_EQ(world.last_told(), "4#1 ok");
  EXPECT_FALSE(std::filesystem::exists(place));
}

}  // namespace
}  // namespace sluice
