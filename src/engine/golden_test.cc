// What earlier builds have written must read back for ever: journals (tests/golden/journal-*.txt) through step() to the same end,
// and a data directory of schema 1 to runs that go on.
//
// A golden file has parts that begin with "== ": pipeline (IR), journal (seq, at, kind, payload), snapshot (seq and version in
// its heading; taken in the middle), end (what the run and its tasks are afterwards). The end is what this build makes of it:
// SLUICE_ACCEPT=1 rewrites that part and no other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json.h"
#include "base/text.h"
#include "engine/test_engine.h"
#include "spec/parse.h"
#include "store/sqlite.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

const fs::path kGolden = fs::path(SLUICE_SOURCE_DIR) / "tests" / "golden";

std::string read(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Golden {
  std::string pipeline;
  std::vector<JournalEntry> journal;
  Snapshot snapshot;
  std::string end;
};

JournalEntry entry_from(std::string_view line) {
  const auto word = [&] {
    const std::size_t space = line.find(' ');
    const std::string text(line.substr(0, space));
    line.remove_prefix(std::min(line.size(), space + 1));
    return text;
  };
  JournalEntry entry;
  entry.seq = std::stoull(word());
  entry.at = from_micros(std::stoll(word()));
  entry.kind = word();
  entry.payload = line;
  return entry;
}

Golden golden_from(const std::string& text) {
  Golden golden;
  std::string part;
  for (const std::string_view line : split(text, '\n')) {
    if (line.starts_with("== ")) {
      part = line.substr(3);
      if (part.starts_with("snapshot")) std::istringstream(part.substr(8)) >> golden.snapshot.seq >> golden.snapshot.version;
    } else if (part == "pipeline") {
      golden.pipeline += std::string(line) + "\n";
    } else if (part == "journal") {
      golden.journal.push_back(entry_from(line));
    } else if (part.starts_with("snapshot")) {
      golden.snapshot.text += line;
    } else if (part == "end" && !line.empty()) {
      golden.end += std::string(line) + "\n";
    }
  }
  return golden;
}

std::shared_ptr<const Plan> plan_of(const std::string& text) {
  ParsedPipeline parsed = parse_pipeline(text, "golden.json");
  for (const Diagnostic& error : parsed.errors) ADD_FAILURE() << error.text();
  auto made = make_plan(std::make_shared<const Pipeline>(std::move(parsed.pipeline)), {}, {.run_uuid = "golden"});
  for (const Diagnostic& error : made.errors) ADD_FAILURE() << error.text();
  return made.plan;
}

void replay(const Plan& plan, State& state, const Golden& golden, std::uint64_t after) {
  for (const JournalEntry& entry : golden.journal) {
    if (entry.seq <= after) continue;
    const auto event = event_from(entry.kind, entry.payload);
    ASSERT_TRUE(event.has_value()) << event.error().message;
    (void)step(plan, state, *event, entry.at);
  }
}

// What people can see of a run.
std::string end_of(const Plan& plan, const State& state) {
  std::string text = "run " + std::string(state_name(state.run)) + " " + std::to_string(to_micros(state.began)) + " " +
                     std::to_string(to_micros(state.ended)) + " '" + state.error + "'\n";
  for (std::size_t i = 0; i < state.nodes.size(); ++i) {
    const TaskId id{static_cast<std::int64_t>(i)};
    const Node& node = state.at(id);
    text += std::to_string(i) + " " + task_path(plan, state, id) + " " + std::string(state_name(node.state)) +
            " attempts=" + std::to_string(node.attempt) + " exit_code=" + std::to_string(node.exit_code) +
            " ended=" + std::to_string(to_micros(node.ended)) + " inputs=" + to_json(to_value(node.inputs)) +
            " outputs=" + to_json(to_value(node.outputs)) + " '" + node.error + "'\n";
  }
  return text;
}

class GoldenJournal : public ::testing::TestWithParam<fs::path> {};

TEST_P(GoldenJournal, EndsAsItAlwaysDid) {
  const std::string text = read(GetParam());
  const Golden golden = golden_from(text);
  const auto plan = plan_of(golden.pipeline);
  ASSERT_NE(plan, nullptr);
  State state;
  replay(*plan, state, golden, 0);
  const std::string end = end_of(*plan, state);
  if (std::getenv("SLUICE_ACCEPT") != nullptr && end != golden.end) {
    std::ofstream(GetParam()) << text.substr(0, text.find("== end\n") + 7) << end;
    return;
  }
  EXPECT_EQ(golden.end, end);
}

TEST_P(GoldenJournal, GoesOnFromItsSnapshot) {
  const Golden golden = golden_from(read(GetParam()));
  const auto plan = plan_of(golden.pipeline);
  ASSERT_NE(plan, nullptr);
  auto state = state_from_snapshot(*plan, golden.snapshot.version, golden.snapshot.text);
  if (!state && state.error().code == Code::kUnavailable) GTEST_SKIP() << state.error().message;
  ASSERT_TRUE(state.has_value()) << state.error().message;
  replay(*plan, *state, golden, golden.snapshot.seq);
  EXPECT_EQ(golden.end, end_of(*plan, *state));
}

std::vector<fs::path> journals() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(kGolden))
    if (entry.path().filename().string().starts_with("journal-")) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenJournal, ::testing::ValuesIn(journals()),
                         [](const auto& tested) { return replace_all(tested.param.stem().string(), "-", "_"); });

TEST(GoldenData, RunsOfSchema1GoOn) {
  const TestFolder folder;
  const DataDir dir = DataDir::at(folder.path()).value();
  ASSERT_TRUE(dir.create().has_value());
  const std::string path = folder.path() + "/sluice.db";
  {
    auto db = SqliteConnection::open(path, false);
    ASSERT_TRUE(db.has_value()) << db.error().message;
    const std::string sql = replace_all(read(kGolden / "data-schema-1.sql"), "@DATA@", folder.path());
    const Status filled = db->execute(sql.c_str());
    ASSERT_TRUE(filled.has_value()) << filled.error().message;
  }
  auto store = open_sqlite_store({.path = path});
  ASSERT_TRUE(store.has_value()) << store.error().message;
  FakeClock clock;  // far behind the journals
  Loop loop;
  FakeHands hands;
  Engine engine(loop, dir, **store, hands, clock, {.begun_waits = Duration{0}});
  const auto settle = [&] {
    loop.post([&] { loop.stop(); });
    loop.run();
  };
  const auto run = [&](const char* uuid) { return (*store)->run(Uuid::parse(uuid).value()).value(); };
  const char* cut = "bab01076-937a-45d2-8d38-5b456f91372a";
  const char* bad = "bf91e028-7c41-451d-a1ec-fdfa1e651239";

  const Status recovered = engine.recover();
  ASSERT_TRUE(recovered.has_value()) << recovered.error().message;
  settle();
  ASSERT_EQ(hands.orders.size(), 1U);
  const AttemptOrder order = hands.orders.front();
  EXPECT_TRUE(order.again);
  EXPECT_EQ(order.run.text(), cut);
  hands.succeed(order.task_name);
  settle();
  EXPECT_EQ(run(cut).state, RunState::kSucceeded);
  EXPECT_GE(run(cut).ended, run(cut).began) << "the clock was far behind";

  const Status retried = engine.retry(run(bad).uuid);
  ASSERT_TRUE(retried.has_value()) << retried.error().message;
  settle();
  ASSERT_EQ(hands.orders.size(), 2U);
  EXPECT_EQ(hands.orders.back().attempt, 2);
  hands.succeed(hands.orders.back().task_name);
  settle();
  EXPECT_EQ(run(bad).state, RunState::kSucceeded);
  EXPECT_TRUE(engine.idle());
}

}  // namespace
}  // namespace sluice
