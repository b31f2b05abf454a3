// What every RunStore promises.
#include "store/run_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "store/test_stores.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class RunStoreConformance : public StoreTest {
 protected:
  // Names of all rows that the filter lets through, page by page.
  std::vector<std::string> names(const RunFilter& filter, int limit = 2) {
    std::vector<std::string> out;
    Page page{.limit = limit};
    for (;;) {
      const auto rows = store_->list(filter, page);
      EXPECT_TRUE(succeeds(rows));
      if (!rows || rows->empty()) return out;
      for (const RunRow& row : *rows) out.push_back(row.name);
      page.after = rows->back().id.value;
    }
  }
};

TEST_P(RunStoreConformance, ARunReadsBackAsItWasCreated) {
  const NewRun run = test_run(1);
  const RunId id = create(run);
  const auto row = store_->run(run.uuid);
  ASSERT_TRUE(succeeds(row));
  EXPECT_EQ(row->id, id);
  EXPECT_EQ(row->uuid, run.uuid);
  EXPECT_EQ(row->name, "run 1");
  EXPECT_EQ(row->pipeline_name, "iris");
  EXPECT_EQ(row->description, "of the year");
  EXPECT_EQ(row->experiment, "wine");
  EXPECT_EQ(row->experiment_id, 1);
  EXPECT_EQ(row->storage, StorageState::kAvailable);
  EXPECT_EQ(row->pipeline, test_uuid(0xA1));
  EXPECT_EQ(row->version, std::nullopt);
  EXPECT_EQ(row->state, RunState::kPending);
  EXPECT_EQ(row->spec_file, "iris.yaml");
  EXPECT_EQ(row->parameters, run.parameters);
  EXPECT_EQ(row->context, run.context);
  EXPECT_EQ(row->options, run.options);
  EXPECT_EQ(row->created, run.created);
  EXPECT_EQ(row->began, Instant{});
  EXPECT_EQ(row->ended, Instant{});
  EXPECT_EQ(row->outputs, "");
  EXPECT_EQ(row->error, "");
  EXPECT_EQ(row->seq, 0U);
}

TEST_P(RunStoreConformance, ASecondRunOfTheSameUuidIsAConflict) {
  create(1);
  NewRun again = test_run(1);
  again.experiment = "another";
  EXPECT_TRUE(fails_with(store_->create(again, Sync::kFull), Code::kConflict));
  EXPECT_THAT(names({}), ElementsAre("run 1"));
  EXPECT_THAT(experiments(), SizeIs(2));  // "another" was not made
}

TEST_P(RunStoreConformance, AnUnknownRunIsNotFound) {
  EXPECT_TRUE(fails_with(store_->run(test_uuid(7)), Code::kNotFound));
  EXPECT_TRUE(fails_with(commit({.run = RunId{99}}), Code::kNotFound));
  EXPECT_TRUE(fails_with(store_->compact(RunId{99}), Code::kNotFound));
  EXPECT_THAT(store_->tasks(RunId{99}).value(), IsEmpty());
  EXPECT_THAT(store_->artifacts(RunId{99}).value(), IsEmpty());
  EXPECT_THAT(store_->journal(RunId{99}).value(), IsEmpty());
}

TEST_P(RunStoreConformance, OneCommitMovesSeveralRuns) {
  const RunId one = create(1);
  const RunId two = create(2);
  const std::vector<Write> writes{
      {.run = one,
       .entries = {test_entry(1), test_entry(2)},
       .tasks = {test_task(1), test_task(0)},
       .artifacts = {test_artifact(1, 1), test_artifact(1, 0)},
       .change = RunChange{RunState::kFailed, from_micros(4), "no", from_micros(3), from_micros(4), "{}"}},
      {.run = two, .entries = {test_entry(1)}},
      {.run = two, .expected_seq = 1, .entries = {test_entry(2)}}};
  ASSERT_TRUE(succeeds(store_->commit(writes, Sync::kFull)));

  const RunRow row = store_->run(test_uuid(1)).value();
  EXPECT_EQ(row.state, RunState::kFailed);
  EXPECT_EQ(row.error, "no");
  EXPECT_EQ(row.began, from_micros(3));
  EXPECT_EQ(row.ended, from_micros(4));
  EXPECT_EQ(row.outputs, "{}");
  EXPECT_EQ(row.seq, 2U);
  const RunRow other = store_->run(test_uuid(2)).value();
  EXPECT_EQ(other.state, RunState::kPending);
  EXPECT_EQ(other.seq, 2U);

  const auto tasks = store_->tasks(one).value();
  ASSERT_THAT(tasks, SizeIs(2));
  EXPECT_EQ(tasks[0].id, TaskId{0});
  EXPECT_EQ(tasks[1].path, "root/train-1");
  EXPECT_EQ(tasks[1].state, TaskState::kRunning);
  const auto artifacts = store_->artifacts(one).value();
  ASSERT_THAT(artifacts, SizeIs(2));
  EXPECT_EQ(artifacts[0].index, 0);
  EXPECT_EQ(artifacts[1].index, 1);
  EXPECT_EQ(artifacts[1].size_bytes, 5'000'000'000);
  EXPECT_EQ(artifacts[1].uri, "/data/runs/1/out/model");
}

TEST_P(RunStoreConformance, AConflictLeavesNothingOfAnyWrite) {
  const RunId one = create(1);
  const RunId two = create(2);
  ASSERT_TRUE(succeeds(commit({.run = two, .entries = {test_entry(1)}})));
  const std::vector<Write> writes{
      {.run = one, .entries = {test_entry(1)}, .tasks = {test_task(0)}, .change = RunChange{.state = RunState::kRunning}},
      {.run = two, .entries = {test_entry(1)}, .tasks = {test_task(0)}}};
  EXPECT_TRUE(fails_with(store_->commit(writes, Sync::kNormal), Code::kConflict));
  EXPECT_THAT(store_->journal(one).value(), IsEmpty());
  EXPECT_THAT(store_->tasks(one).value(), IsEmpty());
  EXPECT_EQ(store_->run(test_uuid(1))->state, RunState::kPending);
  EXPECT_EQ(store_->run(test_uuid(1))->seq, 0U);
  EXPECT_THAT(store_->tasks(two).value(), IsEmpty());

  // A writer that is ahead of the run, and one without entries, are held to the same rule.
  EXPECT_TRUE(fails_with(commit({.run = one, .expected_seq = 1, .entries = {test_entry(2)}}), Code::kConflict));
  EXPECT_TRUE(fails_with(commit({.run = two, .tasks = {test_task(0)}}), Code::kConflict));
  EXPECT_TRUE(succeeds(commit({.run = two, .expected_seq = 1, .tasks = {test_task(0)}})));
}

TEST_P(RunStoreConformance, AGapInTheJournalIsRefused) {
  const RunId run = create(1);
  EXPECT_TRUE(fails_with(commit({.run = run, .entries = {test_entry(2)}}), Code::kInvalid));
  EXPECT_TRUE(fails_with(commit({.run = run, .entries = {test_entry(1), test_entry(3)}}), Code::kInvalid));
  EXPECT_TRUE(fails_with(commit({.run = run, .entries = {test_entry(1), test_entry(1)}}), Code::kInvalid));
  EXPECT_THAT(store_->journal(run).value(), IsEmpty());
}

TEST_P(RunStoreConformance, RowsOfTheSameIdAreReplaced) {
  const RunId run = create(1);
  ASSERT_TRUE(succeeds(commit({.run = run, .tasks = {test_task(0), test_task(1)}, .artifacts = {test_artifact(0, 0)}})));
  TaskRow later{.id = TaskId{1},
                .path = "root/p",
                .state = TaskState::kFailed,
                .attempts = 3,
                .exit_code = 137,
                .began = from_micros(1),
                .ended = from_micros(2),
                .error = "killed",
                .outputs = "{\"a\":1}",
                .notes = "[\"slow\"]"};
  ArtifactRow artifact = test_artifact(0, 0);
  artifact.digest = "sha256:cd";
  ASSERT_TRUE(succeeds(commit({.run = run, .tasks = {later}, .artifacts = {artifact}})));
  const auto tasks = store_->tasks(run).value();
  ASSERT_THAT(tasks, SizeIs(2));
  EXPECT_EQ(tasks[1].state, TaskState::kFailed);
  EXPECT_EQ(tasks[1].attempts, 3);
  EXPECT_EQ(tasks[1].exit_code, 137);
  EXPECT_EQ(tasks[1].ended, from_micros(2));
  EXPECT_EQ(tasks[1].error, "killed");
  EXPECT_EQ(tasks[1].outputs, "{\"a\":1}");
  EXPECT_EQ(tasks[1].notes, "[\"slow\"]");
  const auto artifacts = store_->artifacts(run).value();
  ASSERT_THAT(artifacts, SizeIs(1));
  EXPECT_EQ(artifacts[0].digest, "sha256:cd");
}

TEST_P(RunStoreConformance, TheJournalReadsBackInOrder) {
  const RunId run = create(1);
  const std::string awkward("\0line\n\xF0\x9F\x90\x9F", 10);
  ASSERT_TRUE(succeeds(commit({.run = run, .entries = {test_entry(1), {2, from_micros(-5), "odd", awkward}}})));
  ASSERT_TRUE(succeeds(commit({.run = run, .expected_seq = 2, .entries = {test_entry(3)}})));
  const auto journal = store_->journal(run).value();
  ASSERT_THAT(journal, SizeIs(3));
  EXPECT_EQ(journal[0].seq, 1U);
  EXPECT_EQ(journal[0].at, from_micros(10));
  EXPECT_EQ(journal[0].kind, "attempt_succeeded");
  EXPECT_EQ(journal[1].at, from_micros(-5));
  EXPECT_EQ(journal[1].payload, awkward);
  EXPECT_EQ(journal[2].seq, 3U);
}

TEST_P(RunStoreConformance, OnlyTheJournalOfASuccessIsForgotten) {
  const RunId run = create(1);
  ASSERT_TRUE(
      succeeds(commit({.run = run, .entries = {test_entry(1)}, .tasks = {test_task(0)}, .snapshot = Snapshot{1, 1, "{}"}})));
  EXPECT_TRUE(fails_with(store_->compact(run), Code::kConflict));
  EXPECT_THAT(store_->journal(run).value(), SizeIs(1));
  ASSERT_TRUE(succeeds(commit({.run = run, .expected_seq = 1, .change = RunChange{.state = RunState::kSucceeded}})));
  EXPECT_TRUE(succeeds(store_->compact(run)));
  EXPECT_THAT(store_->journal(run).value(), IsEmpty());
  EXPECT_EQ(store_->snapshot(run).value()->seq, 1U);  // of its end
  EXPECT_THAT(store_->tasks(run).value(), SizeIs(1));
  EXPECT_EQ(store_->run(test_uuid(1))->seq, 1U);  // so that a retry goes on counting
  EXPECT_TRUE(succeeds(commit({.run = run, .expected_seq = 1, .entries = {test_entry(2)}})));
  EXPECT_TRUE(succeeds(store_->compact(run)));
  EXPECT_EQ(store_->snapshot(run)->has_value(), false) << "of no use without the entry after it";
}

TEST_P(RunStoreConformance, ARunBeginsAnewAsAnotherPipeline) {
  const RunId run = create(1);
  ASSERT_TRUE(succeeds(commit({.run = run,
                               .entries = {test_entry(1)},
                               .tasks = {test_task(0)},
                               .artifacts = {test_artifact(0, 0)},
                               .change = RunChange{.state = RunState::kFailed, .error = "no", .ended = from_micros(9)},
                               .snapshot = Snapshot{1, 1, "{}"}})));
  const KeptResult kept{.path = "root/a", .component = "c", .inputs = "{}", .outputs = R"({"parameters":{"y":1}})"};
  Restart restart{.run = run,
                  .expected_seq = 0,
                  .spec = "other text",
                  .spec_file = "other.yaml",
                  .pipeline_name = "other",
                  .parameters = {{"n", 1}},
                  .at = from_micros(20),
                  .kept = {kept}};
  EXPECT_TRUE(fails_with(store_->restart(restart, Sync::kNormal), Code::kConflict));
  EXPECT_THAT(store_->tasks(run).value(), SizeIs(1));
  restart.expected_seq = 1;
  ASSERT_TRUE(succeeds(store_->restart(restart, Sync::kNormal)));
  const RunRow row = store_->run(test_uuid(1)).value();
  EXPECT_EQ(row.state, RunState::kPending);
  EXPECT_EQ(row.error + row.outputs, "");
  EXPECT_EQ(row.ended, Instant{});
  EXPECT_EQ(row.seq, 0U);
  EXPECT_EQ(row.spec_file + " " + row.pipeline_name, "other.yaml other");
  EXPECT_EQ(row.parameters, restart.parameters);
  EXPECT_EQ(store_->spec(row.spec_digest).value(), "other text");
  EXPECT_THAT(store_->tasks(run).value(), IsEmpty());
  EXPECT_THAT(store_->artifacts(run).value(), IsEmpty());
  EXPECT_THAT(store_->journal(run).value(), IsEmpty());
  EXPECT_EQ(store_->snapshot(run)->has_value(), false);
  EXPECT_EQ(store_->state_history(run)->back().state, RunState::kPending);
  EXPECT_THAT(store_->kept_results(run).value(), ElementsAre(kept));
  bool is_used = false;
  ASSERT_TRUE(succeeds(store_->each_data([&](std::string_view json) { is_used = is_used || json == kept.outputs; })));
  EXPECT_TRUE(is_used);
  // It goes with the success, and with the run.
  ASSERT_TRUE(succeeds(commit({.run = run, .entries = {test_entry(1)}, .change = RunChange{.state = RunState::kSucceeded}})));
  ASSERT_TRUE(succeeds(store_->compact(run)));
  EXPECT_THAT(store_->kept_results(run).value(), IsEmpty());
}

TEST_P(RunStoreConformance, ArtifactsOfATaskThatRunsAgainGo) {
  const RunId run = create(1);
  ASSERT_TRUE(succeeds(commit({.run = run, .artifacts = {test_artifact(0, 0), test_artifact(0, 1), test_artifact(1, 0)}})));
  ASSERT_TRUE(succeeds(commit({.run = run, .unmade = {TaskId{0}}, .artifacts = {test_artifact(0, 0)}})));
  EXPECT_THAT(store_->artifacts(run).value(), SizeIs(2));
}

TEST_P(RunStoreConformance, PagesHaveNeitherGapsNorDoublesWhileRunsAreAdded) {
  for (std::uint32_t n = 1; n <= 7; ++n) create(n);
  std::vector<std::string> seen;
  Page page{.limit = 3};
  for (std::uint32_t added = 100;; ++added) {
    const auto rows = store_->list({}, page).value();
    if (rows.empty()) break;
    for (const RunRow& row : rows) seen.push_back(row.name);
    page.after = rows.back().id.value;
    create(added);
  }
  EXPECT_THAT(seen, ElementsAre("run 7", "run 6", "run 5", "run 4", "run 3", "run 2", "run 1"));
  EXPECT_THAT(store_->list({}, {.limit = 0}).value(), IsEmpty());
  EXPECT_THAT(store_->list({}, {.limit = -1}).value(), IsEmpty());
}

TEST_P(RunStoreConformance, EachFilterNarrowsTheList) {
  for (std::uint32_t n = 1; n <= 6; ++n) {
    NewRun run = test_run(n);
    run.experiment = n % 2 == 0 ? "even" : "odd";
    run.pipeline_name = n <= 3 ? "low" : "high";
    const RunId id = create(run);
    if (n >= 5) end(id, RunState::kSucceeded);
  }
  EXPECT_THAT(names({.state = RunState::kSucceeded}), ElementsAre("run 6", "run 5"));
  EXPECT_THAT(names({.state = RunState::kPending}), ElementsAre("run 4", "run 3", "run 2", "run 1"));
  EXPECT_THAT(names({.experiment = "even"}), ElementsAre("run 6", "run 4", "run 2"));
  EXPECT_THAT(names({.pipeline_name = "low"}), ElementsAre("run 3", "run 2", "run 1"));
  EXPECT_THAT(names({.name_contains = "n 4"}), ElementsAre("run 4"));
  EXPECT_THAT(names({.name_contains = "%"}), IsEmpty());
  EXPECT_THAT(names({.state = RunState::kPending, .experiment = "even", .pipeline_name = "high", .name_contains = "run"}),
              ElementsAre("run 4"));
  EXPECT_THAT(names({.experiment = "none such"}), IsEmpty());
  EXPECT_THAT(names({.pipeline_name = "none such"}), IsEmpty());
}

TEST_P(RunStoreConformance, ARunIsFoundByTheStartOfItsIdInEitherSpelling) {
  create(0x12345678);
  create(0x1234aBcD);
  create(0x12340000);
  EXPECT_EQ(store_->run_by_prefix("12345")->uuid, test_uuid(0x12345678));
  EXPECT_EQ(store_->run_by_prefix("1234ABCD")->uuid, test_uuid(0x1234abcd));
  EXPECT_EQ(store_->run_by_prefix("1234abcd-")->uuid, test_uuid(0x1234abcd));
  EXPECT_EQ(store_->run_by_prefix("1234abcd-0000-0")->uuid, test_uuid(0x1234abcd));
  EXPECT_EQ(store_->run_by_prefix("1234abcd0000000")->uuid, test_uuid(0x1234abcd));
  EXPECT_EQ(store_->run_by_prefix(test_uuid(0x12345678).text())->uuid, test_uuid(0x12345678));
  EXPECT_EQ(store_->run_by_prefix(test_uuid(0x12345678).hex())->uuid, test_uuid(0x12345678));

  const auto several = store_->run_by_prefix("1234");
  EXPECT_TRUE(fails_with(several, Code::kConflict));
  EXPECT_THAT(several.error().message, HasSubstr(test_uuid(0x12340000).text()));
  EXPECT_TRUE(fails_with(store_->run_by_prefix("123"), Code::kInvalid));
  const std::string too_long = "123456780000000000000000000000000";  // 33 digits
  for (const std::string& absent :
       {std::string("1235"), std::string("latest"), std::string("1234-5678"), std::string("1234abcd-00000"), too_long})
    EXPECT_TRUE(fails_with(store_->run_by_prefix(absent), Code::kNotFound)) << absent;
}

TEST_P(RunStoreConformance, TextsOfPipelinesAreStoredOncePerContent) {
  create(1);
  create(2);
  NewRun other = test_run(3);
  other.spec = "another";
  create(other);
  const std::string digest = store_->run(test_uuid(1))->spec_digest;
  EXPECT_EQ(store_->run(test_uuid(2))->spec_digest, digest);
  EXPECT_NE(store_->run(test_uuid(3))->spec_digest, digest);
  EXPECT_THAT(digest, testing::MatchesRegex("sha256:[0-9a-f]+"));
  EXPECT_EQ(store_->spec(digest).value(), test_run(1).spec);
  EXPECT_TRUE(fails_with(store_->spec("sha256:00"), Code::kNotFound));
}

TEST_P(RunStoreConformance, ExperimentsAreMadeOnFirstUse) {
  const auto at_first = experiments();
  ASSERT_THAT(at_first, SizeIs(1));
  EXPECT_EQ(at_first[0].id, 0);
  EXPECT_EQ(at_first[0].name, "Default");
  EXPECT_GT(at_first[0].created, Instant{});

  create(1);
  create(2);
  NewRun plain = test_run(3);
  plain.experiment = "";
  create(plain);
  EXPECT_EQ(store_->run(test_uuid(3))->experiment, "Default");
  const auto rows = experiments();
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].runs, 1);
  EXPECT_EQ(rows[1].id, 1);
  EXPECT_EQ(rows[1].name, "wine");
  EXPECT_EQ(rows[1].runs, 2);
  EXPECT_EQ(rows[1].created, test_run(1).created);
  EXPECT_THAT(names({.experiment = "Default"}), ElementsAre("run 3"));
}

TEST_P(RunStoreConformance, ARunCannotBelongToAnExperimentThatWasDeleted) {
  create(1);
  ASSERT_TRUE(succeeds(catalog().delete_experiment(1)));
  create(2);  // its old name makes a new one
  EXPECT_EQ(store_->run(test_uuid(2))->experiment_id, 2);
  EXPECT_EQ(store_->run(test_uuid(2))->experiment, "wine");
  EXPECT_EQ(store_->run(test_uuid(1))->experiment_id, 1);
  EXPECT_EQ(store_->run(test_uuid(1))->experiment, "wine (deleted 1)");
  NewRun late = test_run(3);
  late.experiment = "wine (deleted 1)";
  EXPECT_TRUE(fails_with(store_->create(late, Sync::kNormal), Code::kConflict));
  EXPECT_THAT(names({}), ElementsAre("run 2", "run 1"));
}

TEST_P(RunStoreConformance, AKeyCreatesOneRun) {
  NewRun run = test_run(1);
  run.key = "request 1";
  create(run);
  create(2);
  create(3);  // without a key there may be many
  NewRun again = test_run(4);
  again.key = run.key;
  const auto second = store_->create(again, Sync::kNormal);
  EXPECT_TRUE(fails_with(second, Code::kConflict));
  EXPECT_THAT(second.error().message, HasSubstr(run.uuid.text()));
  EXPECT_TRUE(fails_with(store_->run(again.uuid), Code::kNotFound));
  EXPECT_EQ(store_->run_of_key("request 1").value(), run.uuid);
  EXPECT_EQ(store_->run_of_key("request 2").value(), std::nullopt);
  EXPECT_EQ(store_->run_of_key("").value(), std::nullopt);
}

TEST_P(RunStoreConformance, NothingIsLeftOfARunThatWasRemoved) {
  NewRun run = test_run(1);
  run.key = "key";
  const RunId id = create(run);
  create(2);
  ASSERT_TRUE(succeeds(commit({.run = id,
                               .entries = {test_entry(1)},
                               .tasks = {test_task(0)},
                               .artifacts = {test_artifact(0, 0)},
                               .snapshot = Snapshot{1, 1, "{}"}})));
  const std::string digest = store_->run(run.uuid)->spec_digest;
  ASSERT_TRUE(succeeds(store_->remove(run.uuid)));
  EXPECT_TRUE(fails_with(store_->run(run.uuid), Code::kNotFound));
  EXPECT_TRUE(fails_with(store_->remove(run.uuid), Code::kNotFound));
  EXPECT_THAT(store_->tasks(id).value(), IsEmpty());
  EXPECT_THAT(store_->artifacts(id).value(), IsEmpty());
  EXPECT_THAT(store_->journal(id).value(), IsEmpty());
  EXPECT_THAT(store_->state_history(id).value(), IsEmpty());
  EXPECT_EQ(store_->snapshot(id)->has_value(), false);
  EXPECT_EQ(store_->run_of_key("key").value(), std::nullopt);
  EXPECT_EQ(store_->spec(digest).value(), run.spec);
  EXPECT_THAT(names({}), ElementsAre("run 2"));
  EXPECT_NE(create(run), id);  // the key is free again
}

INSTANTIATE_TEST_SUITE_P(Stores, RunStoreConformance, all_stores(), store_name);

}  // namespace
}  // namespace sluice
