// One writer and its readers on threads of their own, and copies that are made meanwhile.
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "store/test_stores.h"

namespace sluice {
namespace {

constexpr int kTurns = 150;

// Two runs move on together in each turn; now and then a run comes, goes or is archived.
void write_turns(RunStore& store) {
  const RunId one = store.create(test_run(1), Sync::kNormal).value();
  const RunId two = store.create(test_run(2), Sync::kNormal).value();
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto seq = static_cast<std::uint64_t>(turn);
    std::vector<Write> writes;
    for (const RunId run : {one, two})
      writes.push_back({.run = run, .expected_seq = seq, .entries = {test_entry(seq + 1)}, .tasks = {test_task(turn % 5)}});
    ASSERT_TRUE(succeeds(store.commit(writes, Sync::kNormal)));
    const auto n = static_cast<std::uint32_t>(100 + turn);
    if (turn % 3 == 0) {
      EXPECT_TRUE(succeeds(store.create(test_run(n), Sync::kNormal)));
    }
    if (turn % 9 == 1) {
      EXPECT_TRUE(succeeds(store.set_run_storage(test_uuid(n - 1), StorageState::kArchived)));
    }
    if (turn % 9 == 2) {
      EXPECT_TRUE(succeeds(store.remove(test_uuid(n - 2))));
    }
  }
}

// What holds in every state that a reader may see.
void expect_consistent(RunStore& store) {
  const auto all = store.list_runs({.limit = 1000});
  ASSERT_TRUE(succeeds(all));
  EXPECT_EQ(all->total, static_cast<std::int64_t>(all->rows.size()));
  EXPECT_FALSE(all->next.has_value());
  if (all->rows.size() >= 2) {
    EXPECT_EQ(all->rows[0].seq, all->rows[1].seq);
  }
  const auto archived = store.list_runs({.where = {{"storage", Compare::kEquals, {"ARCHIVED"}}}, .limit = 1000});
  ASSERT_TRUE(succeeds(archived));
  EXPECT_EQ(archived->total, static_cast<std::int64_t>(archived->rows.size()));
  EXPECT_TRUE(succeeds(store.catalog().list_experiments({})));
}

void read_until(const std::atomic<bool>& done, RunStore& store) {
  bool last = false;
  while (!last) {
    last = done;  // once more after the writer's last turn
    expect_consistent(store);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(StoreThreads, ReadersSeeWholeCommitsWhileAWriterCommits) {
  TestFolder folder;
  const auto writer = make_sqlite(folder);
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      const auto store = open_sqlite_store({.path = folder / "sluice.db", .read_only = true}).value();
      read_until(done, *store);
    });
  write_turns(*writer);
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(writer->run(test_uuid(1))->seq, static_cast<std::uint64_t>(kTurns));
}

TEST(StoreThreads, OneMemoryStoreServesSeveralThreads) {
  const auto store = make_memory_store();
  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) readers.emplace_back([&] { read_until(done, *store); });
  write_turns(*store);
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(store->run(test_uuid(2))->seq, static_cast<std::uint64_t>(kTurns));
}

TEST(StoreThreads, ACopyIsWholeWhileTheWriterGoesOn) {
  TestFolder folder;
  const auto writer = make_sqlite(folder);
  const auto reader = open_sqlite_store({.path = folder / "sluice.db", .read_only = true}).value();
  std::atomic<bool> done = false;
  int copies = 0;
  std::thread copier([&] {
    while (!done) {
      const std::string path = folder / ("copy-" + std::to_string(copies));
      ASSERT_TRUE(succeeds(reader->copy_to(path)));
      ++copies;
    }
  });
  write_turns(*writer);
  done = true;
  copier.join();
  ASSERT_TRUE(succeeds(writer->copy_to(folder / "last")));
  for (int n = 0; n < copies; ++n) {
    const auto copy = open_sqlite_store({.path = folder / ("copy-" + std::to_string(n))}).value();
    expect_consistent(*copy);
  }
  const auto last = open_sqlite_store({.path = folder / "last", .read_only = true}).value();
  const RunRow run = last->run(test_uuid(1)).value();
  EXPECT_EQ(run.seq, static_cast<std::uint64_t>(kTurns));
  EXPECT_EQ(last->journal(run.id)->size(), static_cast<std::size_t>(kTurns));
  EXPECT_EQ(last->list_runs({})->total, writer->list_runs({})->total);
}

TEST(StoreThreads, ACopyNeverWritesOverAFile) {
  TestFolder folder;
  const auto store = make_sqlite(folder);
  std::ofstream(folder / "there") << "mine";
  EXPECT_TRUE(fails_with(store->copy_to(folder / "there"), Code::kConflict));
  EXPECT_EQ(std::filesystem::file_size(folder / "there"), 4U);
  EXPECT_TRUE(fails_with(store->copy_to(folder / "sluice.db"), Code::kConflict));
  EXPECT_TRUE(fails_with(store->copy_to(folder / "no/copy"), Code::kNotFound));
  EXPECT_TRUE(fails_with(make_memory_store()->copy_to(folder / "memory"), Code::kInvalid));
  EXPECT_FALSE(std::filesystem::exists(folder / "memory"));
}

TEST(StoreThreads, NothingIsLeftOfACopyThatFails) {
  TestFolder folder;
  const auto store = make_sqlite(folder);
  ASSERT_TRUE(succeeds(store->create(test_run(1), Sync::kNormal)));
  std::filesystem::rename(folder / "sluice.db", folder / "moved.db");  // the copy opens it by its name
  EXPECT_TRUE(fails_with(store->copy_to(folder / "copy"), Code::kNotFound));
  EXPECT_FALSE(std::filesystem::exists(folder / "copy"));
}

}  // namespace
}  // namespace sluice
