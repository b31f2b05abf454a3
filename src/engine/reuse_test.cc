#include "engine/reuse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using ::testing::HasSubstr;

const std::string kTwo = pipeline_text(step_line("a") + step_line("b", "a"));
const std::string kThree = pipeline_text(step_line("a") + step_line("b", "a") + step_line("c", "b"));

class RetryWorld : public EngineWorld {
 public:
  // A run of `text` whose tasks all succeed.
  Uuid succeeded(const std::string& text, const std::vector<std::string>& tasks) {
    const Uuid uuid = submit(text);
    for (const std::string& task : tasks) {
      hands->succeed(task, y_is(7));
      settle();
    }
    EXPECT_EQ(row(uuid).state, RunState::kSucceeded);
    return uuid;
  }
  // The hands link what these are known to have made.
  void take_known(const std::vector<std::string>& tasks) {
    for (const std::string& task : tasks) {
      EXPECT_EQ(hands->calls.back(), "known " + task + "#1");
      hands->cached(task);
      settle();
    }
  }
  Status restart(const Uuid& uuid, const std::string& text) {
    Submission submission{.spec = text, .spec_file = "q.yaml"};
    auto prepared = prepare_restart(row(uuid), submission, options.sites);
    EXPECT_TRUE(prepared.has_value() && prepared->errors.empty());
    Status restarted = engine->restart(uuid, submission, std::move(*prepared));
    settle();
    return restarted;
  }
};

TEST(Retry, ASuccessGoesOnFromATask) {
  RetryWorld world;
  world.store.compacts = true;
  const Uuid uuid = world.succeeded(kTwo, {"a", "b"});
  EXPECT_TRUE(world.journal(uuid).empty());
  EXPECT_EQ(world.engine->retry(uuid).error().code, Code::kConflict);
  const auto unknown = world.engine->retry(uuid, "bb");
  EXPECT_EQ(unknown.error().code, Code::kNotFound);
  EXPECT_THAT(unknown.error().message, HasSubstr("did you mean 'root/b'?"));
  EXPECT_TRUE(world.engine->idle());

  ASSERT_TRUE(world.engine->retry(uuid, "b").has_value());
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kRunning);
  EXPECT_EQ(world.hands->started(), "a#1 b#1 b#2");
  EXPECT_EQ(world.engine->retry(uuid, "a").error().code, Code::kConflict) << "it is running";
  world.forget_engine();  // it died
  ASSERT_TRUE(world.engine->adopt_orphans().has_value());
  ASSERT_TRUE(world.engine->retry(uuid, "root/a").has_value());
  world.settle();
  EXPECT_EQ(world.hands->started(), "a#2");
  world.hands->succeed("a", y_is(8));
  world.settle();
  world.hands->succeed("b", y_is(9));
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kSucceeded);
  EXPECT_EQ(world.task(uuid, "root/b").attempts, 3);
  ASSERT_TRUE(world.engine->retry(uuid, "root").has_value()) << "once more, all of it";
  world.settle();
  EXPECT_EQ(world.state_of(uuid, "root/b"), "PENDING");
}

TEST(Retry, ArtifactsOfWhatRunsAgainAreNoMore) {
  RetryWorld world;
  const Uuid uuid = world.submit(kTwo);
  TaskData outputs = y_is(1);
  outputs.artifacts["data"].push_back({.name = "data", .uri = "/there/data", .digest = "sha256:ab"});
  world.hands->succeed("a", outputs);
  world.settle();
  world.hands->succeed("b", outputs);
  world.settle();
  const RunId id = world.row(uuid).id;
  EXPECT_EQ(world.store.artifacts(id)->size(), 2U);
  ASSERT_TRUE(world.engine->retry(uuid, "b").has_value());
  world.settle();
  EXPECT_EQ(world.store.artifacts(id)->size(), 1U);
}

TEST(Restart, WhatIsAsItWasIsKept) {
  RetryWorld world;
  const Uuid uuid = world.submit(kTwo);
  world.hands->succeed("a", y_is(7));
  world.settle();
  world.hands->fail("b");
  world.settle();
  ASSERT_TRUE(world.restart(uuid, kThree).has_value());
  world.take_known({"a"});
  EXPECT_EQ(world.state_of(uuid, "root/a"), "CACHED");
  EXPECT_EQ(task_data_from_value(parse_json(world.task(uuid, "root/a").outputs).value()), y_is(7));
  EXPECT_EQ(world.hands->calls.back(), "start b#1") << "it had failed";
  EXPECT_EQ(world.store.spec(world.row(uuid).spec_digest).value(), kThree);

  // What was kept outlives a crash, and what has been made since is kept by the next edit.
  world.hands->succeed("b", y_is(8));
  world.settle();
  world.hands->fail("c");
  world.settle();
  world.forget_engine();
  ASSERT_TRUE(world.restart(uuid, kTwo).has_value());
  world.take_known({"a", "b"});
  EXPECT_EQ(world.row(uuid).state, RunState::kSucceeded);
  EXPECT_EQ(world.state_of(uuid, "root/b"), "CACHED");
}

TEST(Restart, AnAttemptThatSomebodyAskedForRuns) {
  RetryWorld world;
  const Uuid uuid = world.succeeded(kTwo, {"a", "b"});
  ASSERT_TRUE(world.restart(uuid, kThree).has_value());
  world.take_known({"a", "b"});
  world.hands->fail("c");
  world.settle();
  ASSERT_TRUE(world.engine->retry(uuid, "a").has_value());
  world.settle();
  EXPECT_EQ(world.hands->calls.back(), "start a#2");
}

TEST(Restart, AResultWhoseContentIsGoneIsMadeAnew) {
  RetryWorld world;
  const Uuid uuid = world.succeeded(kTwo, {"a", "b"});
  ASSERT_TRUE(world.restart(uuid, kThree).has_value());
  EXPECT_EQ(world.hands->calls.back(), "known a#1");
  world.hands->uncached("a");
  world.settle();
  EXPECT_EQ(world.hands->calls.back(), "start a#1");
}

TEST(Restart, OtherCodeAndOtherInputsRun) {
  RetryWorld world;
  const Uuid uuid = world.succeeded(kTwo, {"a", "b"});
  std::string edited = kTwo;
  edited.replace(edited.find("'true'"), 6, "'true;'");
  ASSERT_TRUE(world.restart(uuid, edited).has_value());
  EXPECT_EQ(world.state_of(uuid, "root/a"), "QUEUED");
}

TEST(Restart, ContentCountsAndNotWhereItLies) {
  TaskData a, b;
  a.artifacts["data"] = {{.name = "data", .uri = "/runs/1/data", .digest = "sha256:ab"}};
  b.artifacts["data"] = {{.name = "data", .uri = "/runs/2/data", .digest = "sha256:ab"}};
  EXPECT_TRUE(is_same_content(a, b));
  b.artifacts["data"][0].digest = "sha256:cd";
  EXPECT_FALSE(is_same_content(a, b));
  a.artifacts["data"][0].digest = b.artifacts["data"][0].digest = "";
  EXPECT_FALSE(is_same_content(a, b)) << "of which nothing is known but where it is";
  b = a;
  b.parameters.emplace("x", 1);
  EXPECT_FALSE(is_same_content(a, b));
}

}  // namespace
}  // namespace sluice
