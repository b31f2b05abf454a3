#include "engine/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kChain = pipeline_text(step_line("a") + step_line("b", "a"));

std::shared_ptr<const Plan> plan_of(EngineWorld& world, const std::string& text, std::uint8_t number = 1) {
  return prepare({.spec = text}, {}, new_run_context(world.dir, EngineWorld::uuid_of(number), world.clock.now())).plan;
}

TEST(Engine, ARunIsInTheJournalBeforeItsFirstOrder) {
  EngineWorld world;
  std::string journal_at_order;
  const Uuid uuid = EngineWorld::uuid_of(1);
  world.hands->on_start = [&](const AttemptOrder&) { journal_at_order = world.journal_kinds(uuid); };
  world.submit(kChain);
  EXPECT_EQ(journal_at_order, "run_began");
  EXPECT_EQ(world.hands->started(), "a#1");
  EXPECT_EQ(world.row(uuid).state, RunState::kRunning);
  EXPECT_EQ(world.row(uuid).began, world.clock.now());
  EXPECT_EQ(world.state_of(uuid, "root/a"), "QUEUED");
  EXPECT_EQ(world.state_of(uuid, "root/b"), "PENDING");
  EXPECT_TRUE(std::filesystem::is_directory(world.dir.run(uuid.text())));
}

TEST(Engine, AnOrderSaysWhatTheAttemptNeeds) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  const AttemptOrder& order = world.hands->newest("a");
  EXPECT_EQ(order.run, uuid);
  EXPECT_EQ(order.run_uuid, uuid.text());
  EXPECT_EQ(order.component->spec->name, "comp-step");
  ASSERT_NE(order.site, nullptr);
  EXPECT_THAT(order.site->notes, ElementsAre(HasSubstr("without a container")));
}

TEST(Engine, ARunSucceedsTaskByTask) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.clock.advance(1s);
  world.hands->began("a", "a warning");
  world.settle();
  EXPECT_EQ(world.state_of(uuid, "root/a"), "RUNNING");
  EXPECT_EQ(world.task(uuid, "root/a").began, world.clock.now());
  EXPECT_THAT(world.task(uuid, "root/a").notes, HasSubstr(R"(,"a warning"])")) << "after those of the site";
  EXPECT_EQ(world.journal_kinds(uuid), "run_began") << "that an attempt has started decides nothing";

  TaskData outputs = y_is(7);
  outputs.artifacts["data"].push_back({.name = "data",
                                       .type = {.schema_title = "system.Dataset", .schema_version = "0.0.1"},
                                       .uri = "/there/data",
                                       .metadata = {{"rows", 3}},
                                       .digest = "sha256:ab",
                                       .size_bytes = 5});
  world.clock.advance(1s);
  world.hands->succeed("a", outputs);
  world.settle();
  EXPECT_EQ(world.state_of(uuid, "root/a"), "SUCCEEDED");
  EXPECT_EQ(world.task(uuid, "root/a").ended - world.task(uuid, "root/a").began, 1s);
  EXPECT_THAT(world.task(uuid, "root/a").notes, HasSubstr(R"(,"a warning"])")) << "after those of the site";
  EXPECT_EQ(task_data_from_value(parse_json(world.task(uuid, "root/a").outputs).value()), outputs);
  EXPECT_EQ(world.hands->started(), "a#1 b#1");
  EXPECT_TRUE(world.engine->is_active(uuid));

  world.hands->succeed("b", y_is(8));
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kSucceeded);
  EXPECT_EQ(world.journal_kinds(uuid), "run_began attempt_succeeded attempt_succeeded");
  EXPECT_TRUE(world.engine->idle());
  EXPECT_EQ(world.store.compacted, 1);
  EXPECT_EQ(world.told_states(), "RUNNING SUCCEEDED");
  expect_journal_agrees(world.store, *plan_of(world, kChain), uuid);

  const auto artifacts = world.store.artifacts(world.row(uuid).id).value();
  ASSERT_EQ(artifacts.size(), 1U);
  EXPECT_EQ(artifacts[0].key + " " + artifacts[0].type + " " + artifacts[0].uri + " " + artifacts[0].digest,
            "data system.Dataset /there/data sha256:ab");
  EXPECT_EQ(artifacts[0].size_bytes, 5);
  EXPECT_EQ(artifacts[0].metadata, R"({"rows":3})");
}

TEST(Engine, ObserversHearWhatHasBeenCommitted) {
  EngineWorld world;
  const Uuid uuid = EngineWorld::uuid_of(1);
  std::vector<std::string> told;
  world.engine->observe({.task = [&](const TaskNotice& notice) {
    told.push_back(notice.path + " " + std::string(state_name(notice.state)));
    EXPECT_EQ(world.state_of(uuid, notice.path), state_name(notice.state));
  }});
  world.submit(kChain);
  EXPECT_THAT(told, ElementsAre("root/a QUEUED", "root/b PENDING"));
  world.hands->fail("a", FailureKind::kExit, 3, "exit code 3: boom");
  world.settle();
  EXPECT_THAT(std::vector(told.begin() + 2, told.end()), ElementsAre("root/a FAILED", "root/b OMITTED"));
}

TEST(Engine, AFailedTaskFailsTheRun) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->fail("a", FailureKind::kExit, 3, "exit code 3: boom");
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kFailed);
  EXPECT_EQ(world.row(uuid).error, "task 'root/a' failed: exit code 3: boom");
  EXPECT_EQ(world.task(uuid, "root/a").exit_code, 3);
  EXPECT_EQ(world.state_of(uuid, "root/b"), "OMITTED");
  EXPECT_EQ(world.store.compacted, 0);
  expect_journal_agrees(world.store, *plan_of(world, kChain), uuid);
}

TEST(Engine, AnAttemptThatFailsIsTriedAgainAfterItsBackoff) {
  EngineWorld world;
  const Uuid uuid = world.submit(pipeline_text(step_line("a", "", ", retryPolicy: {maxRetryCount: 1, backoffDuration: 0.001s}")));
  world.hands->fail("a");
  world.settle();
  EXPECT_TRUE(world.serve_until([&] { return world.hands->started() == "a#1 a#2"; }));
  world.hands->succeed("a", y_is(1));
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kSucceeded);
  EXPECT_EQ(world.task(uuid, "root/a").attempts, 2);
  EXPECT_EQ(world.journal_kinds(uuid), "run_began attempt_failed timer_fired attempt_succeeded");
}

TEST(Engine, NewsOfRunsThatAreNotThereIsIgnored) {
  EngineWorld world;
  const Uuid uuid = world.submit(pipeline_text(step_line("a")));
  world.hands->succeed("a", y_is(1));
  world.settle();
  world.hands->succeed("a", y_is(2));
  world.settle();
  EXPECT_EQ(world.journal_kinds(uuid), "run_began attempt_succeeded");
  EXPECT_THAT(world.task(uuid, "root/a").outputs, HasSubstr(R"("y":1)"));
}

TEST(Engine, ACancelledRunEndsWhenItsAttemptsHave) {
  EngineWorld world;
  const Uuid uuid = world.submit(kChain);
  world.hands->began("a");
  world.settle();
  ASSERT_TRUE(world.engine->cancel(uuid, "bored").has_value());
  world.settle();
  EXPECT_THAT(world.hands->stops, ElementsAre(FakeHands::Stop{world.hands->newest("a").task, 1, FailureKind::kExit}));
  EXPECT_EQ(world.row(uuid).state, RunState::kCanceling);
  EXPECT_EQ(world.state_of(uuid, "root/b"), "CANCELED");
  world.hands->fail("a", FailureKind::kExit, 143);
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kCanceled);
  EXPECT_EQ(world.row(uuid).error, "bored");
  EXPECT_EQ(world.state_of(uuid, "root/a"), "CANCELED");
  expect_journal_agrees(world.store, *plan_of(world, kChain), uuid);
}

TEST(Engine, ARunPastItsDeadlineIsSeenCanceling) {
  EngineWorld world;
  const std::string text =
      pipeline_text(step_line("a")) + "---\nplatforms: {kubernetes: {pipelineConfig: {activeDeadlineSeconds: 1}}}\n";
  const Uuid uuid = world.submit(text);
  EXPECT_TRUE(world.serve_until([&] { return !world.hands->stops.empty(); }));
  EXPECT_EQ(world.row(uuid).state, RunState::kCanceling);
  EXPECT_THAT(world.row(uuid).error, HasSubstr("its deadline of 1"));
  world.hands->fail("a", FailureKind::kExit, 143);
  world.settle();
  EXPECT_EQ(world.row(uuid).state, RunState::kFailed);
}

TEST(Engine, WhatIsAskedBetweenTwoTurnsHappensInOrder) {
  EngineWorld world;
  const auto uuid = world.try_submit({.spec = kChain});
  ASSERT_TRUE(uuid.has_value());
  ASSERT_TRUE(world.engine->cancel(*uuid, "never mind").has_value());
  world.settle();
  EXPECT_EQ(world.journal_kinds(*uuid), "run_began cancel_asked");
  EXPECT_EQ(world.row(*uuid).state, RunState::kCanceling) << "its first attempt was ordered, and is stopped";
  EXPECT_EQ(world.store.commits, 1);
  EXPECT_EQ(world.hands->stops.size(), 1U);
}

TEST(Engine, CancellingNamesWhyItCannot) {
  EngineWorld world;
  EXPECT_EQ(world.engine->cancel(EngineWorld::uuid_of(9), "").error().code, Code::kNotFound);
  const Uuid uuid = world.submit(pipeline_text(step_line("a")));
  world.hands->succeed("a", y_is(1));
  world.settle();
  const auto cancelled = world.engine->cancel(uuid, "");
  ASSERT_FALSE(cancelled.has_value());
  EXPECT_EQ(cancelled.error().code, Code::kConflict);
  EXPECT_THAT(cancelled.error().message, HasSubstr("is SUCCEEDED, not running"));
}

TEST(Engine, CancelAllReachesEveryRun) {
  EngineWorld world;
  const Uuid one = world.submit(kChain, 1);
  const Uuid two = world.submit(kChain, 2);
  world.engine->cancel_all("the server ends");
  world.settle();
  EXPECT_EQ(world.hands->stops.size(), 2U);
  EXPECT_EQ(world.row(one).state, RunState::kCanceling);
  EXPECT_EQ(world.row(two).state, RunState::kCanceling);
}

TEST(Engine, TheSameRunCannotBeSubmittedTwice) {
  EngineWorld world;
  world.submit(kChain);
  const auto again = world.try_submit({.spec = kChain});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, Code::kConflict);
}

TEST(Engine, BeginningAndEndOfARunAreOnTheDiskWhenTheyAreTold) {
  EngineWorld world;
  world.submit(kChain);
  world.hands->succeed("a", y_is(1));
  world.settle();
  world.hands->succeed("b", y_is(1));
  world.settle();
  EXPECT_THAT(world.store.syncs, ElementsAre(Sync::kFull, Sync::kNormal, Sync::kNormal, Sync::kFull));
}

TEST(Engine, ALeafThatIsALoopItselfReadsItsSecretFromTheDagAroundTheLoop) {
  EngineWorld world;
  const std::string text =
      pipeline_text("      each: {componentRef: {name: comp-step}, parameterIterator: {itemInput: x, items: {raw: '[1, 2]'}}}\n",
                    "", "  inputDefinitions: {parameters: {who: {parameterType: STRING, defaultValue: token}}}\n") +
      "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-step: {secretAsEnv: [{secretNameParameter: "
      "{componentInputParameter: who}, keyToEnv: [{secretKey: k, envVar: TOKEN}]}]}}}}}\n";
  world.folder.write("data/secrets/token/k", "s3cret");
  world.submit(text);
  ASSERT_EQ(world.hands->started(), "each#1 each#1");
  for (const AttemptOrder& order : world.hands->orders)
    EXPECT_THAT(order.env, ElementsAre(std::pair<std::string, std::string>("TOKEN", "s3cret")));
  EXPECT_EQ(world.hands->orders[1].inputs.parameters.at("x"), Value(2));
}

TEST(Engine, AMissingSecretFailsItsTask) {
  EngineWorld world;
  const Uuid uuid = world.submit(pipeline_text(step_line("a")) +
                                 "---\nplatforms: {kubernetes: {deploymentSpec: {executors: {exec-step: {secretAsEnv: "
                                 "[{secretName: token, keyToEnv: [{secretKey: k, envVar: TOKEN}]}]}}}}}\n");
  EXPECT_EQ(world.hands->started(), "");
  EXPECT_EQ(world.row(uuid).state, RunState::kFailed);
  EXPECT_THAT(world.row(uuid).error, HasSubstr("secret 'token', key 'k': not found"));
}

TEST(Engine, SubmissionsReadBack) {
  const Submission submission{
      .spec = "text", .spec_file = "p.yaml", .parameters = {{"rows", 3}}, .name = "mine", .experiment = "wine", .cache = false};
  const Submission again = submission_from_value(parse_json(to_json(to_value(submission))).value());
  EXPECT_EQ(to_value(again), to_value(submission));
  EXPECT_FALSE(again.cache);
  EXPECT_EQ(submission_from_value(Value()).experiment, "Default");
}

TEST(Engine, EveryErrorOfASubmissionIsToldWithItsFile) {
  EngineWorld world;
  const RunContext context = new_run_context(world.dir, EngineWorld::uuid_of(1), world.clock.now());
  const Prepared unread = prepare({.spec = "a: [", .spec_file = "p.yaml"}, {}, context);
  ASSERT_FALSE(unread.errors.empty());
  EXPECT_EQ(unread.plan, nullptr);
  const Prepared wrong = prepare({.spec = kChain, .spec_file = "p.yaml", .parameters = {{"rows", 1}}}, {}, context);
  ASSERT_EQ(wrong.errors.size(), 1U);
  EXPECT_EQ(wrong.errors[0].file, "p.yaml");
  EXPECT_THAT(wrong.errors[0].message, HasSubstr("not required by pipeline: rows"));
}

TEST(Engine, AnArgumentThatCouldNotBeReadBackIsRefused) {
  EngineWorld world;
  const std::string text = pipeline_text(step_line("a"), "", "  inputDefinitions: {parameters: {rows: {parameterType: LIST}}}\n");
  const RunContext context = new_run_context(world.dir, EngineWorld::uuid_of(1), world.clock.now());
  const auto errors_at = [&](std::size_t depth) {
    Value rows = List{};
    for (std::size_t i = 1; i < depth; ++i) rows = List{rows};
    return prepare({.spec = text, .parameters = {{"rows", rows}}}, {}, context).errors;
  };
  EXPECT_TRUE(errors_at(100).empty());
  ASSERT_EQ(errors_at(101).size(), 1U);
  EXPECT_EQ(errors_at(101)[0].message, "input parameter rows is nested deeper than 100 levels");
}

}  // namespace
}  // namespace sluice
