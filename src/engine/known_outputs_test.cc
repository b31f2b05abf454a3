#include "engine/known_outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/test_attempt.h"
#include "engine/test_hands.h"

namespace sluice {
namespace {

using testing::EndsWith;

TEST(KnownOutputs, AreLinksAtTheAttemptsOwnPlaces) {
  AttemptWorld world;
  Artifact file = world.stored("rows.csv", "a,b");
  std::filesystem::create_directories(world.folder.path() + "/tree/sub");
  world.folder.write("tree/sub/x", "x");
  Artifact tree = world.take(world.folder.path() + "/tree");
  AttemptOrder order = world.order("make");
  order.cached.emplace();
  order.cached->parameters = {{"y", 3}};
  Artifact remote{.name = "far", .uri = "s3://bucket/far"};
  Artifact nothing{.name = "metrics", .uri = world.dir.run("other") + "/1-make.1.out/metrics"};
  order.cached->artifacts = {{"data", {file}}, {"many", {tree, file}}, {"metrics", {nothing}}, {"far", {remote}}};
  const Attempt attempt(std::move(order), world.dir);
  const auto made = link_outputs(attempt, world.objects);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  EXPECT_EQ(made->parameters.at("y"), Value(3));
  const std::string out = attempt.outputs.artifacts_dir;
  EXPECT_EQ(made->artifacts.at("data").front().uri, out + "/data/rows.csv");
  EXPECT_EQ(text_of(out + "/data/rows.csv"), "a,b");
  EXPECT_EQ(made->artifacts.at("data").front().digest, file.digest);
  EXPECT_EQ(text_of(out + "/many/0/tree/sub/x"), "x");
  EXPECT_EQ(text_of(out + "/many/1/rows.csv"), "a,b");
  EXPECT_EQ(std::filesystem::hard_link_count(out + "/data/rows.csv"),
            std::filesystem::hard_link_count(world.objects.path_of(file.digest)));
  EXPECT_EQ(made->artifacts.at("metrics").front().uri, out + "/metrics");
  EXPECT_EQ(made->artifacts.at("far").front().uri, "s3://bucket/far");
}

TEST(KnownOutputs, OfContentThatIsGoneAreNone) {
  AttemptWorld world;
  Artifact file = world.stored("rows.csv", "a,b");
  AttemptOrder order = world.order("make");
  order.cached.emplace();
  order.cached->artifacts = {{"data", {file}}};
  std::filesystem::remove(world.objects.path_of(file.digest));
  const auto made = link_outputs(Attempt(std::move(order), world.dir), world.objects);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, Code::kNotFound);
}

class LocalKnown : public ::testing::Test, protected HandsWorld {
 protected:
  AttemptOrder known(const Artifact& artifact, std::int64_t id = 1) {
    AttemptOrder given = order("make", id);
    given.cached.emplace();
    given.cached->artifacts = {{"data", {artifact}}};
    return given;
  }
};

TEST_F(LocalKnown, NeedsNoSlotAndNoProcess) {
  start(order("plain", 1));
  start(order("plain", 2));
  settle();
  start(known(stored("data", "rows"), 3));
  serve_until_reports(1);
  EXPECT_EQ(told(0), "3#1 cached") << "both slots are taken";
  const auto& made = std::get<AttemptCached>(reports.at(0).event).outputs.artifacts.at("data").front();
  EXPECT_THAT(made.uri, EndsWith("3-make.1.out/data"));
  EXPECT_EQ(text_of(made.uri), "rows");
  EXPECT_EQ(started(), "1 2");
}

TEST_F(LocalKnown, WaitsWhileItsRunIsHeld) {
  hands->hold(uuid);
  start(known(stored("data", "rows")));
  settle();
  EXPECT_TRUE(reports.empty());
  hands->let_go(uuid);
  serve_until_reports(1);
  EXPECT_EQ(told(0), "1#1 cached");
}

TEST_F(LocalKnown, CanBeStoppedWhileItsRunIsHeld) {
  hands->hold(uuid);
  start(known(stored("data", "rows")));
  stop(1);
  serve_until_reports(1);
  EXPECT_EQ(told(0), "1#1 failed exit 0 stopped before it began");
}

TEST_F(LocalKnown, IsGivenBackWhenItsContentIsGone) {
  const Artifact artifact = stored("data", "rows");
  std::filesystem::remove(objects.path_of(artifact.digest));
  start(known(artifact));
  serve_until([this] { return !uncached.empty(); });
  EXPECT_EQ(uncached.front(), "1#1");
  EXPECT_TRUE(reports.empty());
  start(order("make", 1));
  settle();
  EXPECT_EQ(started(), "1") << "the same attempt begins";
}

TEST_F(LocalKnown, OfAnOwnerBeforeUsCounts) {
  attach({.running = {{.id = id(1), .pid = 1}}, .is_complete = true});
  AttemptOrder one = known(stored("data", "rows"), 1);
  one.again = true;
  start(std::move(one));
  AttemptOrder two = known(stored("data", "rows"), 2);
  two.again = true;
  start(std::move(two));
  serve_until_reports(2);
  std::vector<std::string> all{told(0), told(1)};
  EXPECT_THAT(all, testing::UnorderedElementsAre("1#1 started", "2#1 cached")) << "a process that runs goes on";
}

}  // namespace
}  // namespace sluice
