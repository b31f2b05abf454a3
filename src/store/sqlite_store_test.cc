// What only the database can show: two connections, foreign files, full disks, killed processes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <random>

#include "store/run_rules.h"
#include "store/run_store.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/sqlite_reader.h"
#include "store/test_runs.h"

namespace sluice {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::unique_ptr<RunStore> open_store(const std::string& path, bool read_only = false) {
  auto store = open_sqlite_store({.path = path, .read_only = read_only});
  EXPECT_TRUE(succeeds(store));
  return store ? std::move(*store) : nullptr;
}

void run_sql(const std::string& path, const std::string& sql) {
  auto db = SqliteConnection::open(path, false);
  ASSERT_TRUE(succeeds(db));
  ASSERT_TRUE(succeeds(db->execute(sql.c_str())));
}

TEST(SqliteStore, AReaderSeesWhatTheWriterHasCommitted) {
  TestFolder folder;
  const auto writer = open_store(folder / "sluice.db");
  const auto reader = open_store(folder / "sluice.db", true);
  EXPECT_THAT(reader->list({}, {}).value(), IsEmpty());
  const RunId run = writer->create(test_run(1), Sync::kNormal).value();
  EXPECT_EQ(reader->run(test_uuid(1))->id, run);
  const Write write{.run = run, .entries = {test_entry(1)}, .tasks = {test_task(0)}};
  ASSERT_TRUE(succeeds(writer->commit({&write, 1}, Sync::kNormal)));
  EXPECT_EQ(reader->run(test_uuid(1))->seq, 1U);
  EXPECT_THAT(reader->tasks(run).value(), SizeIs(1));
  EXPECT_TRUE(fails_with(reader->create(test_run(2), Sync::kNormal), Code::kInvalid));
  EXPECT_TRUE(fails_with(reader->commit({&write, 1}, Sync::kFull), Code::kInvalid));
}

TEST(SqliteStore, RowsOutliveTheStore) {
  TestFolder folder;
  ASSERT_TRUE(succeeds(open_store(folder / "sluice.db")->create(test_run(1), Sync::kNormal)));
  EXPECT_FALSE(std::filesystem::exists(folder / "sluice.db-wal"));  // closing has checkpointed it
  EXPECT_EQ(open_store(folder / "sluice.db")->run(test_uuid(1))->name, "run 1");
  EXPECT_EQ(open_store(folder / "sluice.db", true)->run(test_uuid(1))->name, "run 1");
}

TEST(SqliteStore, AMissingOrEmptyFileHasNothingToRead) {
  TestFolder folder;
  const auto missing = open_sqlite_store({.path = folder / "sluice.db", .read_only = true});
  EXPECT_TRUE(fails_with(missing, Code::kNotFound));
  EXPECT_THAT(missing.error().message, HasSubstr(folder / "sluice.db"));
  EXPECT_FALSE(std::filesystem::exists(folder / "sluice.db"));
  std::ofstream(folder / "sluice.db").flush();
  EXPECT_TRUE(fails_with(open_sqlite_store({.path = folder / "sluice.db", .read_only = true}), Code::kNotFound));
}

TEST(SqliteStore, AFolderThatIsNotThereIsInvalidAndNamed) {
  TestFolder folder;
  const auto store = open_sqlite_store({.path = folder / "no/sluice.db"});
  EXPECT_TRUE(fails_with(store, Code::kInvalid));
  EXPECT_THAT(store.error().message, HasSubstr(folder / "no/sluice.db"));
  EXPECT_THAT(store.error().hint, Not(IsEmpty()));
}

TEST(SqliteStore, ANewerSchemaIsRefusedWithBothVersions) {
  TestFolder folder;
  open_store(folder / "sluice.db");
  run_sql(folder / "sluice.db", "PRAGMA user_version = 4711");
  for (const bool read_only : {false, true}) {
    const auto store = open_sqlite_store({.path = folder / "sluice.db", .read_only = read_only});
    EXPECT_TRUE(fails_with(store, Code::kUnavailable));
    EXPECT_THAT(store.error().message, AllOf(HasSubstr("4711"), HasSubstr("up to " + std::to_string(schema_version()))));
  }
}

TEST(SqliteStore, SomethingElseThanOurDatabaseIsRefusedAndLeftAlone) {
  TestFolder folder;
  std::ofstream(folder / "text.db") << std::string(8192, 'x');
  EXPECT_TRUE(fails_with(open_sqlite_store({.path = folder / "text.db"}), Code::kCorrupt));
  EXPECT_TRUE(fails_with(open_sqlite_store({.path = folder / "text.db", .read_only = true}), Code::kCorrupt));
  EXPECT_EQ(std::filesystem::file_size(folder / "text.db"), 8192U);

  run_sql(folder / "other.db", "CREATE TABLE experiments (id)");
  EXPECT_TRUE(fails_with(open_sqlite_store({.path = folder / "other.db"}), Code::kInvalid));
  EXPECT_TRUE(fails_with(open_sqlite_store({.path = folder / "other.db", .read_only = true}), Code::kInvalid));
}

TEST(SqliteStore, AColumnThatDoesNotReadBackIsCorrupt) {
  TestFolder folder;
  const auto store = open_store(folder / "sluice.db");
  const RunId run = store->create(test_run(1), Sync::kNormal).value();
  const Write write{.run = run, .tasks = {test_task(0)}};
  ASSERT_TRUE(succeeds(store->commit({&write, 1}, Sync::kNormal)));
  for (const std::string damage : {"parameters = '{\"a\":'", "parameters = '[1]'", "parameters = x'ff00'", "context = ''",
                                   "options = 'no'", "state = 'RUN'", "uuid = x'01'"}) {
    run_sql(folder / "sluice.db", "CREATE TABLE aside AS SELECT * FROM runs; UPDATE runs SET " + damage);
    const auto rows = store->list({}, {});
    EXPECT_TRUE(fails_with(rows, Code::kCorrupt)) << damage;
    EXPECT_THAT(rows.error().message, HasSubstr(damage.substr(0, damage.find(' ')))) << damage;
    run_sql(folder / "sluice.db", "DELETE FROM runs; INSERT INTO runs SELECT * FROM aside; DROP TABLE aside");
  }
  ASSERT_TRUE(succeeds(store->run(test_uuid(1))));
  run_sql(folder / "sluice.db", "UPDATE tasks SET state = 'DONE'");
  EXPECT_TRUE(fails_with(store->tasks(run), Code::kCorrupt));
}

TEST(SqliteStore, ALockedDatabaseIsUnavailable) {
  TestFolder folder;
  open_store(folder / "sluice.db");
  const auto store = open_sqlite_store({.path = folder / "sluice.db", .busy_timeout = std::chrono::milliseconds(1)}).value();
  auto other = SqliteConnection::open(folder / "sluice.db", false);
  ASSERT_TRUE(succeeds(other->execute("BEGIN IMMEDIATE")));
  EXPECT_TRUE(fails_with(store->create(test_run(1), Sync::kNormal), Code::kUnavailable));
  ASSERT_TRUE(succeeds(other->execute("ROLLBACK")));
  EXPECT_TRUE(succeeds(store->create(test_run(1), Sync::kNormal)));
}

// Each list must be a walk down one index: no scan of the table where a filter has an index, no sorting.
TEST(SqliteStore, EveryListIsOneIndexRange) {
  TestFolder folder;
  open_store(folder / "sluice.db");
  auto db = SqliteConnection::open(folder / "sluice.db", true);
  ASSERT_TRUE(succeeds(db));
  const std::vector<std::pair<RunFilter, std::string>> cases{
      {{}, "SEARCH runs USING INTEGER PRIMARY KEY (rowid<?)"},
      {{.state = RunState::kRunning}, "USING INDEX runs_by_state (state=? AND rowid<?)"},
      {{.experiment = "e"}, "USING INDEX runs_by_experiment (experiment=? AND rowid<?)"},
      {{.pipeline_name = "p"}, "USING INDEX runs_by_pipeline_name (pipeline_name=? AND rowid<?)"},
      {{.state = RunState::kRunning, .experiment = "e", .pipeline_name = "p"}, "USING INDEX runs_by_"},
      {{.name_contains = "n"}, "SEARCH runs USING INTEGER PRIMARY KEY (rowid<?)"}};
  for (const auto& [filter, expected] : cases) {
    SqliteStatement explain(*db, "EXPLAIN QUERY PLAN " + SqliteReader::list_sql(filter));
    std::string plan;
    ASSERT_TRUE(succeeds(explain.each([&] {
      plan.append(explain.text(3)).append("\n");
      return Status{};
    })));
    EXPECT_THAT(plan, HasSubstr(expected));
    EXPECT_THAT(plan, Not(HasSubstr("SCAN")));
    EXPECT_THAT(plan, Not(HasSubstr("TEMP B-TREE")));
  }
}

// A file system of 2 MiB in a mount namespace of this thread; it goes away with the test program.
bool mount_small(const std::string& path) {
  std::filesystem::create_directory(path);
  return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", path.c_str(), "tmpfs", 0, "size=2m") == 0;
}

TEST(SqliteStore, AFullDiskIsUnavailableAndNothingOfTheCommitIsThere) {
  TestFolder folder;
  const std::string disk = folder / "disk";
  if (!mount_small(disk)) GTEST_SKIP() << "may not mount a file system here";
  {
    const auto store = open_store(disk + "/sluice.db");
    const RunId run = store->create(test_run(1), Sync::kFull).value();
    const std::string filler = disk + "/filler";
    {
      std::ofstream fill(filler, std::ios::binary);
      while (fill << std::string(4096, 'f') && fill.flush()) {}
    }
    JournalEntry large = test_entry(1);
    large.payload.assign(300'000, 'p');
    const Write write{.run = run, .entries = {large}, .tasks = {test_task(0)}, .change = RunChange{.state = RunState::kRunning}};
    for (const Sync sync : {Sync::kNormal, Sync::kFull, Sync::kNormal}) {
      EXPECT_TRUE(fails_with(store->commit({&write, 1}, sync), Code::kUnavailable));
      EXPECT_EQ(store->run(test_uuid(1))->seq, 0U);
      EXPECT_EQ(store->run(test_uuid(1))->state, RunState::kPending);
      EXPECT_THAT(store->journal(run).value(), IsEmpty());
      EXPECT_THAT(store->tasks(run).value(), IsEmpty());
    }
    std::filesystem::remove(filler);
    EXPECT_TRUE(succeeds(store->commit({&write, 1}, Sync::kNormal)));
    EXPECT_THAT(store->journal(run).value(), SizeIs(1));
    EXPECT_EQ(store->run(test_uuid(1))->seq, 1U);
  }
  ::umount2(disk.c_str(), MNT_DETACH);
}

// Commits for ever, one journal entry and one task row each, and tells the pipe about each commit when it is acknowledged.
[[noreturn]] void commit_until_killed(const std::string& path, int acknowledged) {
  auto store = open_sqlite_store({.path = path});
  if (!store) ::_exit(1);
  const auto run = (*store)->run(test_uuid(1));
  for (std::uint64_t seq = run->seq;; ++seq) {
    Write write{.run = run->id, .expected_seq = seq, .entries = {test_entry(seq + 1)}, .tasks = {test_task(0)}};
    write.entries[0].payload.assign(16'000, 'p');
    write.tasks[0].attempts = static_cast<int>(seq + 1);
    if (!(*store)->commit({&write, 1}, Sync::kNormal)) ::_exit(2);
    const std::uint64_t done = seq + 1;
    if (::write(acknowledged, &done, sizeof done) != sizeof done) ::_exit(3);
  }
}

// Starts a child, kills it after `acknowledgements` of its commits, answers the last that it acknowledged.
std::uint64_t kill_after(const std::string& path, int acknowledgements) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) commit_until_killed(path, ends[1]);
  ::close(ends[1]);
  std::uint64_t last = 0;
  for (int i = 0; i < acknowledgements; ++i) EXPECT_EQ(::read(ends[0], &last, sizeof last), static_cast<ssize_t>(sizeof last));
  ::kill(child, SIGKILL);
  for (std::uint64_t more = 0; ::read(ends[0], &more, sizeof more) == static_cast<ssize_t>(sizeof more);) last = more;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  return last;
}

TEST(SqliteStore, AcknowledgedCommitsSurviveKillNine) {
  TestFolder folder;
  const std::string path = folder / "sluice.db";
  ASSERT_TRUE(succeeds(open_store(path)->create(test_run(1), Sync::kNormal)));
  std::mt19937 random(4711);
  for (int round = 0; round < 20; ++round) {
    const auto acknowledged = kill_after(path, std::uniform_int_distribution(1, 150)(random));
    // A reader that comes before the next writer sees them as well.
    EXPECT_GE(open_store(path, true)->run(test_uuid(1))->seq, acknowledged);
    const auto store = open_store(path);
    const RunRow run = store->run(test_uuid(1)).value();
    EXPECT_GE(run.seq, acknowledged);
    EXPECT_LE(run.seq, acknowledged + 1);  // a commit whose acknowledgement was cut off
    // Every part of the last commit is there, and nothing of one after it.
    const auto journal = store->journal(run.id).value();
    ASSERT_THAT(journal, SizeIs(run.seq));
    EXPECT_EQ(journal.back().seq, run.seq);
    EXPECT_EQ(store->tasks(run.id)->at(0).attempts, static_cast<int>(run.seq));
  }
}

}  // namespace
}  // namespace sluice
