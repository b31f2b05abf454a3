#include "engine/garbage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "base/json.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kOne = pipeline_text(step_line("a"));

class Garbage : public testing::Test {
 protected:
  Garbage() { EXPECT_TRUE(objects.open().has_value()); }

  // A run of one task that has ended with this output; its uuid.
  Uuid run_with(const TaskData& outputs, std::uint8_t number, bool succeeds = true) {
    const Uuid uuid = world.submit(kOne, number);
    if (succeeds)
      world.hands->succeed("a", outputs);
    else
      world.hands->fail("a");
    world.settle();
    return uuid;
  }
  TaskData data_is(const std::string& text, const std::string& uri = "/elsewhere/data") {
    TaskData outputs = y_is(1);
    outputs.artifacts["data"].push_back({.name = "data", .uri = uri, .digest = put(text)});
    return outputs;
  }
  std::string put(const std::string& text) {
    const std::string path = world.folder.path() + "/file-" + std::to_string(++files_);
    write(path, text);
    const auto stored = objects.put(path);
    EXPECT_TRUE(stored.has_value());
    fs::remove(path);
    return stored ? stored->digest : "";
  }
  static void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
  }

  Result<GarbageReport> try_collect(bool dry_run = false) {
    const GarbageHost host{
        .reader =
            [this] {
              return Result<std::shared_ptr<RunStore>>(std::shared_ptr<RunStore>(std::shared_ptr<void>(), &world.store));
            },
        .on_owner =
            [this, dry_run](const std::function<Status(Engine&, RunStore&)>& call) {
              EXPECT_FALSE(dry_run);
              if (between) between();
              return call(*world.engine, world.store);
            },
        .is_busy = [] { return false; },
        .progress = {}};
    return GarbageCollector(world.dir, objects, environments, host, rules, dry_run, SystemClock().now() + 2h, cancelled)
        .collect();
  }
  std::map<std::string, std::int64_t> collect(bool dry_run = false) {
    const auto report = try_collect(dry_run);
    EXPECT_TRUE(report.has_value()) << report.error().message;
    std::map<std::string, std::int64_t> numbers;
    if (!report) return numbers;
    EXPECT_THAT(report->problems, IsEmpty());
    for (const GarbageFigure& figure : report->kinds)
      if (figure.number != 0) numbers[figure.kind] = figure.number;
    freed = report->bytes();
    return numbers;
  }
  using Numbers = std::map<std::string, std::int64_t>;

  EngineWorld world;
  ObjectStore objects{world.dir.objects(), false};
  EnvironmentStore environments{world.folder.path() + "/envs", "none"};
  GarbageRules rules;
  std::atomic<bool> cancelled{false};
  std::function<void()> between;  // whatever happens on the engine's thread meanwhile
  std::int64_t freed = 0;

 private:
  int files_ = 0;
};

TEST_F(Garbage, WhatARunHasMadeStaysAndWhatNobodyHasMadeGoes) {
  const TaskData outputs = data_is("made by a run");
  const Uuid uuid = run_with(outputs, 1);
  const std::string stray = put("made by nobody");
  EXPECT_EQ(collect(true), (Numbers{{"objects", 1}}));
  EXPECT_TRUE(objects.has(stray)) << "it was a dry run";
  EXPECT_EQ(collect(), (Numbers{{"objects", 1}}));
  EXPECT_EQ(freed, 14);
  EXPECT_FALSE(objects.has(stray));
  EXPECT_TRUE(objects.has(outputs.artifacts.at("data")[0].digest));
  EXPECT_TRUE(fs::exists(world.dir.run(uuid.text())));
  EXPECT_EQ(collect(), Numbers{});
}

TEST_F(Garbage, WhatWasTouchedAMomentAgoStays) {
  const std::string stray = put("for a commit that is to come");
  rules.grace = 3h;
  EXPECT_EQ(collect(), Numbers{});
  rules.grace = 0h;
  {
    const auto lease = objects.lease();
    EXPECT_TRUE(objects.keep(stray));
    EXPECT_EQ(collect(), Numbers{}) << "somebody is about to name it";
  }
  EXPECT_EQ(collect(), (Numbers{{"objects", 1}}));
}

TEST_F(Garbage, ARunThatWasRemovedLeavesNothing) {
  const TaskData outputs = data_is("made by a run");
  const Uuid uuid = run_with(outputs, 1);
  write(world.dir.run(uuid.text()) + "/1-a.1.log", "it said something");
  EXPECT_TRUE(world.engine->remove(uuid).has_value());
  EXPECT_EQ(collect(true), (Numbers{{"folders", 1}, {"objects", 1}}));
  EXPECT_EQ(collect(), (Numbers{{"folders", 1}, {"objects", 1}}));
  EXPECT_FALSE(fs::exists(world.dir.run(uuid.text())));
  EXPECT_TRUE(fs::is_empty(world.dir.trash()));
}

TEST_F(Garbage, RunsGoWhenTheyAreOldEnoughAndNotBefore) {
  const TaskData outputs = data_is("made by a run");
  const Uuid uuid = run_with(outputs, 1);
  EXPECT_EQ(collect(), Numbers{}) << "by itself no run goes";
  rules.runs = 500'000h;
  EXPECT_EQ(collect(), Numbers{});
  rules.runs = 24h;
  const Numbers all{{"folders", 1}, {"objects", 1}, {"runs", 1}};
  EXPECT_EQ(collect(true), all);
  EXPECT_TRUE(world.store.run(uuid).has_value());
  EXPECT_EQ(collect(), all);
  EXPECT_FALSE(world.store.run(uuid).has_value());
}

TEST_F(Garbage, ARunThatIsActiveStaysHoweverOldItIs) {
  rules.runs = 1h;
  const Uuid uuid = world.submit(kOne);
  EXPECT_EQ(collect(), Numbers{});
  EXPECT_TRUE(fs::exists(world.dir.run(uuid.text())));
  EXPECT_EQ(world.row(uuid).state, RunState::kRunning);
}

TEST_F(Garbage, ARunThatIsGoneOnWithMeanwhileStays) {
  const Uuid uuid = run_with({}, 1, false);
  rules.runs = 1h;
  between = [&] {
    if (world.engine->is_active(uuid)) return;
    EXPECT_TRUE(world.engine->retry(uuid).has_value());
  };
  EXPECT_EQ(collect(), Numbers{});
  EXPECT_TRUE(world.store.run(uuid).has_value());
}

TEST_F(Garbage, AFolderWhoseRunIsMadeMeanwhileStays) {
  const std::string folder = world.dir.run(EngineWorld::uuid_of(7).text());
  fs::create_directories(folder);
  between = [&] {
    if (!world.engine->is_active(EngineWorld::uuid_of(7))) world.submit(kOne, 7);
  };
  EXPECT_EQ(collect(), Numbers{});
  EXPECT_TRUE(fs::exists(folder));
}

TEST_F(Garbage, FoldersThatAreNoRunsStay) {
  write(world.dir.root() + "/runs/notes/mine", "precious");
  write(world.folder.path() + "/outside/mine", "precious");
  fs::create_directory_symlink(world.folder.path() + "/outside", world.dir.run(EngineWorld::uuid_of(9).text()));
  EXPECT_EQ(collect(), Numbers{});
  EXPECT_TRUE(fs::exists(world.dir.root() + "/runs/notes/mine"));
  EXPECT_TRUE(fs::exists(world.folder.path() + "/outside/mine"));
}

TEST_F(Garbage, CheckpointsGoWithTheirRuns) {
  const Uuid uuid = run_with({}, 1, false);
  write(world.dir.root() + "/checkpoints/" + uuid.text() + "/1/epoch-5", "weights");
  write(world.dir.root() + "/checkpoints/" + EngineWorld::uuid_of(8).text() + "/1/epoch-5", "weights");
  EXPECT_EQ(collect(), (Numbers{{"folders", 1}}));
  EXPECT_TRUE(fs::exists(world.dir.root() + "/checkpoints/" + uuid.text()));
}

TEST_F(Garbage, InputsOfEndedRunsGoUnlessTheyAreOutputsToo) {
  const Uuid plain = run_with({}, 1);
  write(world.dir.run(plain.text()) + "/1-a.1.in/data/data", "a copy");
  write(world.dir.run(plain.text()) + "/1-a.1/work", "stays");
  const std::string place = world.dir.run(EngineWorld::uuid_of(2).text()) + "/1-a.1.in/data/data";
  run_with(data_is("handed on", place), 2);
  write(place, "handed on");
  EXPECT_EQ(collect(true), (Numbers{{"leftovers", 1}}));
  EXPECT_EQ(collect(), (Numbers{{"leftovers", 1}}));
  EXPECT_FALSE(fs::exists(world.dir.run(plain.text()) + "/1-a.1.in"));
  EXPECT_TRUE(fs::exists(world.dir.run(plain.text()) + "/1-a.1/work"));
  EXPECT_TRUE(fs::exists(place));
}

TEST_F(Garbage, WhatARunThatFailedHasLeftStaysToBeLookedAtForAWhile) {
  const Uuid uuid = run_with({}, 1, false);
  write(world.dir.run(uuid.text()) + "/1-a.1.in/data/data", "a copy");
  write(world.dir.run(uuid.text()) + "/1-a.1.tmp/core", "dumped");
  rules.keep_failed = 500'000h;
  EXPECT_EQ(collect(), Numbers{});
  rules.keep_failed = 24h;
  EXPECT_EQ(collect(), (Numbers{{"leftovers", 2}}));
}

TEST_F(Garbage, ResultsGoWithTheirTimeAndWhatOnlyTheyNameWithThem) {
  const Uuid uuid = run_with({}, 1);
  const std::string digest = put("what a result is");
  const Write write{.run = world.row(uuid).id,
                    .expected_seq = world.row(uuid).seq,
                    .cached = {{.key = "k", .run = uuid, .created = from_micros(1), .outputs = to_json(Value(digest))}}};
  EXPECT_TRUE(world.store.commit({&write, 1}, Sync::kNormal).has_value());
  rules.cache = std::nullopt;
  EXPECT_EQ(collect(), Numbers{});
  rules.cache = 24h;
  const Numbers all{{"objects", 1}, {"results", 1}};
  EXPECT_EQ(collect(true), all);
  EXPECT_EQ(collect(), all);
  EXPECT_FALSE(objects.has(digest));
}

TEST_F(Garbage, WhatWasCutShortIsFinishedByTheNext) {
  write(world.dir.trash() + "/half/removed", "");
  cancelled = true;
  EXPECT_EQ(try_collect().error().code, Code::kCancelled);
  cancelled = false;
  EXPECT_EQ(collect(), Numbers{});
  EXPECT_TRUE(fs::is_empty(world.dir.trash()));
}

TEST_F(Garbage, NothingGoesWhileABackupIsMade) {
  const auto backup = FileLock::try_acquire(world.dir.garbage_lock(), FileLock::Kind::kShared);
  ASSERT_TRUE(backup && *backup);
  const auto report = try_collect();
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, Code::kUnavailable);
  EXPECT_EQ(collect(true), Numbers{}) << "to look is allowed";
}

// Random runs with random outputs, of which some are removed, cut short after each possible number of steps.
TEST_F(Garbage, WhereverItIsCutShortAllThatRunsNameIsThere) {
  std::mt19937 random(20);
  std::map<Uuid, std::string> kept;
  for (std::uint8_t number = 1; number <= 20; ++number) {
    const TaskData outputs = data_is("text " + std::to_string(random() % 8));
    const Uuid uuid = run_with(outputs, number);
    if (random() % 2 == 0) {
      EXPECT_TRUE(world.engine->remove(uuid).has_value());
    } else {
      kept[uuid] = outputs.artifacts.at("data")[0].digest;
    }
    put("stray " + std::to_string(number));
  }
  for (int steps = 1; steps < 16; ++steps) {
    int left = steps;
    between = [&] { cancelled = --left <= 0; };
    (void)try_collect().has_value();
    cancelled = false;
    for (const auto& [uuid, digest] : kept) {
      EXPECT_TRUE(objects.verify(digest).has_value());
      EXPECT_TRUE(fs::exists(world.dir.run(uuid.text())));
    }
  }
  between = {};
  collect();
  EXPECT_EQ(collect(), Numbers{});
  std::set<std::string> digests;
  for (const auto& [uuid, digest] : kept) digests.insert(digest);
  std::size_t there = 0;
  for (const auto& entry : fs::recursive_directory_iterator(objects.root() + "/sha256")) there += entry.is_regular_file() ? 1 : 0;
  EXPECT_EQ(there, digests.size());
  EXPECT_EQ(std::distance(fs::directory_iterator(world.dir.root() + "/runs"), fs::directory_iterator()),
            static_cast<std::ptrdiff_t>(kept.size()));
}

}  // namespace
}  // namespace sluice
