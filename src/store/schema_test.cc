// A database of an older program becomes one of this program, with all that it held.
#include "store/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "base/text.h"
#include "store/run_store.h"
#include "store/sqlite.h"
#include "store/test_runs.h"

namespace sluice {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

// The data directory as sluice 0.1.0 left it: run 1 SUCCEEDED in experiment "golden", run 2 FAILED, run 3 was cut off.
std::string make_schema_1(const TestFolder& folder) {
  std::ifstream file(SLUICE_SOURCE_DIR "/tests/golden/data-schema-1.sql");
  const std::string sql(std::istreambuf_iterator<char>(file), {});
  EXPECT_THAT(sql, HasSubstr("PRAGMA user_version = 1"));
  auto db = SqliteConnection::open(folder / "sluice.db", false);
  EXPECT_TRUE(succeeds(db));
  EXPECT_TRUE(succeeds(db->execute(replace_all(sql, "@DATA@", folder.path()).c_str())));
  return folder / "sluice.db";
}

std::vector<std::string> history(RunStore& store, RunId run) {
  std::vector<std::string> lines;
  const auto changes = store.state_history(run).value();
  for (const StateChange& change : changes)
    lines.push_back(std::to_string(to_micros(change.at)) + " " + std::string(state_name(change.state)) + " " + change.error);
  return lines;
}

TEST(Schema, AnOlderFileIsNotReadButBroughtUpToDateByAWriter) {
  TestFolder folder;
  const std::string path = make_schema_1(folder);
  const auto reader = open_sqlite_store({.path = path, .read_only = true});
  EXPECT_TRUE(fails_with(reader, Code::kUnavailable));
  EXPECT_THAT(reader.error().message,
              AllOf(HasSubstr("has schema version 1"), HasSubstr("reads " + std::to_string(schema_version()))));
  EXPECT_THAT(reader.error().hint, HasSubstr("brings it up to date"));
  EXPECT_TRUE(succeeds(open_sqlite_store({.path = path})));
  EXPECT_TRUE(succeeds(open_sqlite_store({.path = path, .read_only = true})));
}

TEST(Schema, AllThatSchema1HeldIsThere) {
  TestFolder folder;
  const auto store = open_sqlite_store({.path = make_schema_1(folder)}).value();
  const auto runs = store->list_runs({.sort = "id"}).value();
  EXPECT_EQ(runs.total, 3);
  ASSERT_THAT(runs.rows, SizeIs(3));
  const auto& [good, bad, cut] = std::tie(runs.rows[0], runs.rows[1], runs.rows[2]);
  EXPECT_EQ(good.uuid.text(), "28d103b9-2768-44e9-bfd9-b41206dd1601");
  EXPECT_EQ(good.experiment, "golden");
  EXPECT_EQ(good.experiment_id, 1);
  EXPECT_EQ(good.state, RunState::kSucceeded);
  EXPECT_EQ(good.seq, 5U);
  EXPECT_EQ(bad.state, RunState::kFailed);
  EXPECT_EQ(cut.state, RunState::kRunning);
  EXPECT_EQ(cut.name, "was cut");
  EXPECT_EQ(cut.experiment, "Default");
  for (const RunRow& run : runs.rows) {
    EXPECT_EQ(run.storage, StorageState::kAvailable);
    EXPECT_EQ(run.description, "");
    EXPECT_FALSE(run.pipeline || run.version);
    EXPECT_THAT(store->spec(run.spec_digest).value(), HasSubstr("pipelineInfo"));
    EXPECT_FALSE(store->snapshot(run.id)->has_value());
  }
  EXPECT_THAT(store->tasks(good.id).value(), SizeIs(5));
  EXPECT_THAT(store->tasks(bad.id).value(), SizeIs(1));
  EXPECT_THAT(store->tasks(cut.id).value(), SizeIs(2));
  const auto artifacts = store->artifacts(good.id).value();
  ASSERT_THAT(artifacts, SizeIs(1));
  EXPECT_THAT(artifacts[0].uri, AllOf(StartsWith(folder.path()), EndsWith("/2-make.1.out/data")));
  EXPECT_THAT(store->journal(good.id).value(), IsEmpty());  // it was compacted
  EXPECT_THAT(store->journal(bad.id).value(), SizeIs(2));
  EXPECT_THAT(store->journal(cut.id).value(), SizeIs(2));
}

TEST(Schema, OldRunsGetTheHistoryThatTheirColumnsTell) {
  TestFolder folder;
  const auto store = open_sqlite_store({.path = make_schema_1(folder)}).value();
  EXPECT_THAT(history(*store, RunId{1}),
              ElementsAre("1795510970196063 PENDING ", "1795510970198600 RUNNING ", "1795510970216312 SUCCEEDED "));
  EXPECT_THAT(history(*store, RunId{2}),
              ElementsAre("1795510970231296 PENDING ", "1795510970233062 RUNNING ",
                          "1795510970241361 FAILED " + store->list_runs({.sort = "id"})->rows.at(1).error));
  EXPECT_THAT(history(*store, RunId{3}), ElementsAre("1795510970251046 PENDING ", "1795510970252903 RUNNING "));

  // A run that was cut off goes on, and so does its history.
  const Write write{.run = RunId{3},
                    .expected_seq = 2,
                    .change = RunChange{.state = RunState::kInterrupted, .at = from_micros(1795510980000000)}};
  ASSERT_TRUE(succeeds(store->commit({&write, 1}, Sync::kNormal)));
  EXPECT_THAT(history(*store, RunId{3}).back(), "1795510980000000 INTERRUPTED ");
}

TEST(Schema, OldExperimentsKnowTheirRuns) {
  TestFolder folder;
  const auto store = open_sqlite_store({.path = make_schema_1(folder)}).value();
  const auto rows = store->catalog().list_experiments({.sort = "id"})->rows;
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].runs, 2);
  EXPECT_EQ(rows[0].last_run, from_micros(1795510970251046));
  EXPECT_EQ(rows[1].name, "golden");
  EXPECT_EQ(rows[1].runs, 1);
  EXPECT_EQ(rows[1].last_run, from_micros(1795510970196063));
  EXPECT_EQ(rows[1].storage, StorageState::kAvailable);
  EXPECT_EQ(store->list_runs({.where = {{"storage", Compare::kEquals, {"AVAILABLE"}}}})->total, 3);
}

}  // namespace
}  // namespace sluice
