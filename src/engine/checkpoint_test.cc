#include "engine/checkpoint.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "engine/test_hands.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

TEST(Checkpoint, NamesAreReadableAndSafe) {
  EXPECT_EQ(checkpoint_name("root/train"), "train");
  EXPECT_EQ(checkpoint_name("root/for-loop-2[0]/train"), "for-loop-2[0]+train");
  EXPECT_EQ(checkpoint_name("root/.."), "%2e.");
  EXPECT_EQ(checkpoint_name("root/a b"), "a%20b");
}

TEST(Checkpoint, TwoTasksNeverShareOne) {
  const std::string deep(150, 'x');
  const std::vector<std::string> paths{"root/a/b",
                                       "root/a+b",
                                       "root/a%2bb",
                                       "root/a%2fb",
                                       "root/a b",
                                       "root/a%20b",
                                       "root/a[0]/b",
                                       "root/a[0]b",
                                       "root/a\xc3\xa4/b",
                                       "root/a\xc3\xa5/b",
                                       "root/.a",
                                       "root/%2ea",
                                       "root/A/b",
                                       "root/" + deep + "/" + deep + "/a",
                                       "root/" + deep + "/" + deep + "/b"};
  std::set<std::string> names;
  for (const std::string& path : paths) {
    const std::string name = checkpoint_name(path);
    EXPECT_TRUE(names.insert(name).second) << path;
    EXPECT_LE(name.size(), 255U);
    EXPECT_EQ(name.find('/'), std::string::npos);
    EXPECT_NE(name.front(), '.');
    // The shape of a name that was cut is not that of one that was not.
    EXPECT_NE(checkpoint_name("root/" + name), name.size() > 180 ? name : std::string());
  }
}

TEST(Checkpoint, ItIsMadeWithWhatItLiesIn) {
  AttemptWorld world;
  const Checkpoint checkpoint{.path = world.dir.checkpoints("run") + "/a", .make = true};
  ASSERT_TRUE(make_checkpoint(checkpoint).has_value());
  ASSERT_TRUE(make_checkpoint(checkpoint).has_value()) << "a second attempt";
  EXPECT_TRUE(fs::is_directory(checkpoint.path));
  fs::create_directory_symlink(world.folder.path(), checkpoint.path + "/out");
  world.folder.write("stays", "text");
  remove_checkpoint(checkpoint.path);
  EXPECT_FALSE(fs::exists(checkpoint.path));
  EXPECT_EQ(text_of(world.folder.path() + "/stays"), "text") << "behind a link out of it";
}

class CheckpointHands : public testing::Test {
 protected:
  AttemptOrder order(const std::string& task, int attempt = 1) {
    AttemptOrder order = world.order(task, 1, attempt);
    order.checkpoint = {.path = world.dir.checkpoints(world.uuid.text()) + "/" + task, .make = true};
    return order;
  }
  bool is_there() { return fs::exists(world.dir.checkpoints(world.uuid.text()) + "/plain"); }

  HandsWorld world;
};

TEST_F(CheckpointHands, ItIsThereWhenTheAttemptStarts) {
  Attempt attempt(order("plain"), world.dir);
  ASSERT_TRUE(lay_out(attempt, world.objects).has_value());
  EXPECT_TRUE(is_there());
  const auto spec = make_spec(attempt, "");
  ASSERT_TRUE(spec.has_value());
  const std::pair<std::string, std::string> variable{"SLUICE_CHECKPOINT_DIR", attempt.order.checkpoint.path};
  EXPECT_NE(std::find(spec->env.begin(), spec->env.end(), variable), spec->env.end());
}

TEST_F(CheckpointHands, ItGoesWhenTheTaskHasSucceededAndNotBefore) {
  world.start(order("plain"));
  world.settle();
  EXPECT_TRUE(is_there());
  world.supervisor().say(AttemptExit{.id = world.id(1), .exit_code = 3});
  world.serve_until_reports(1);
  world.start(order("plain", 2));
  world.settle();
  EXPECT_TRUE(is_there()) << "for the next attempt";
  world.supervisor().say(AttemptExit{.id = world.id(1, 2)});
  world.serve_until_reports(2);
  world.serve_until([&] { return !is_there(); });
  world.hands->release(world.uuid);
  world.serve_until([&] { return !fs::exists(world.dir.checkpoints(world.uuid.text())); });
}

TEST_F(CheckpointHands, OneThatIsToBeKeptGoesWithTheRun) {
  AttemptOrder kept = order("plain");
  kept.checkpoint.keep = true;
  world.start(std::move(kept));
  world.settle();
  world.supervisor().say(AttemptExit{.id = world.id(1)});
  world.serve_until_reports(1);
  world.hands->release(world.uuid);
  world.settle();
  EXPECT_TRUE(is_there());
  world.hands->drop_checkpoints(world.uuid);
  world.serve_until([&] { return !fs::exists(world.dir.checkpoints(world.uuid.text())); });
}

TEST_F(CheckpointHands, WhatThePoolHasNotBegunWithIsRemovedAtTheEnd) {
  world.start(order("plain"));
  world.settle();
  world.supervisor().say(AttemptExit{.id = world.id(1)});
  world.serve_until_reports(1);
  world.hands.reset();
  EXPECT_FALSE(is_there());
}

}  // namespace
}  // namespace sluice
