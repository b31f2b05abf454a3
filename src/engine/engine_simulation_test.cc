// Random pipelines on an engine that dies between any two writes, and whose store fails now and then. A seed is the whole bug
// report: SLUICE_SEED=n replays one, SLUICE_SEEDS=n runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

#include "base/json.h"
#include "engine/test_engine.h"
#include "sched/random_pipeline.h"

namespace sluice {
namespace {

using testing::Dice;

// Every run of it succeeds if nothing fails.
class RandomText {
 public:
  explicit RandomText(Dice& dice) : dice_(dice) {}
  std::string text() {
    std::string tasks = "      " + dag(0) + "\n";
    return pipeline_text(tasks, components_);
  }

 private:
  std::string dag(int depth) {
    std::string text;
    std::vector<std::string> leaves;  // those with a plain output y
    const std::uint64_t count = 1 + dice_.roll(depth == 0 ? 6 : 3);
    for (std::uint64_t i = 0; i < count; ++i) text += (i == 0 ? "" : ", ") + task(depth, i, leaves);
    return "{" + text + "}";
  }

  std::string task(int depth, std::uint64_t index, std::vector<std::string>& leaves) {
    const bool group = depth < 2 && dice_.chance(30);
    const bool loop = dice_.chance(group ? 50 : 15);
    const bool always = index > 0 && dice_.chance(20);
    std::string after;
    for (std::uint64_t i = 0; i < index; ++i)
      if (dice_.chance(35)) after += (after.empty() ? "t" : ", t") + std::to_string(i);
    std::string inputs;
    if (!loop && depth > 0 && dice_.chance(40)) inputs = "componentInputParameter: x";
    if (!loop && !always && !leaves.empty() && dice_.chance(50)) {
      const std::string& producer = leaves.at(dice_.roll(leaves.size()));
      after += (after.empty() ? "" : ", ") + producer;
      inputs = "taskOutputParameter: {producerTask: " + producer + ", outputParameterKey: y}";
    }
    const std::string name = "t" + std::to_string(index);
    if (!group && !loop && !always) leaves.push_back(name);
    std::string text =
        name + ": {componentRef: {name: " + (group ? new_group(depth) : "comp-step") + "}, dependentTasks: [" + after + "]";
    if (!inputs.empty()) text += ", inputs: {parameters: {x: {" + inputs + "}}}";
    if (always) text += ", triggerPolicy: {strategy: ALL_UPSTREAM_TASKS_COMPLETED}";
    if (loop) {
      text += ", parameterIterator: {itemInput: x, items: {raw: '[1, 2, 3]'}}";
      if (dice_.chance(50)) text += ", iteratorPolicy: {parallelismLimit: 2}";
    }
    if (dice_.chance(30))
      text += ", retryPolicy: {maxRetryCount: 2, backoffDuration: " + std::string(dice_.chance(50) ? "0s" : "0.001s") + "}";
    return text + "}";
  }

  std::string new_group(int depth) {
    const std::string name = "comp-group" + std::to_string(++groups_);
    const std::string tasks = dag(depth + 1);
    components_ += "  " + name + ": {inputDefinitions: {parameters: {x: {parameterType: NUMBER_INTEGER, isOptional: true}}}, " +
                   "dag: {tasks: " + tasks + "}}\n";
    return name;
  }

  Dice& dice_;
  std::string components_;
  int groups_ = 0;
};

// A simulation that never meets a thing does not test it.
struct Seen {
  int crashes = 0, lost_writes = 0, kept_writes = 0, troubles = 0, retries = 0, cancels = 0;
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, std::string text, Seen& seen) : dice_(seed * 2 + 1), text_(std::move(text)), seen_(seen) {}

  void run_until_success() {
    uuid_ = world_.submit(text_);
    plan_ = prepare({.spec = text_}, {}, new_run_context(world_.dir, uuid_, world_.clock.now())).plan;
    constexpr int kRoundsMax = 40;
    for (int round = 0; round < kRoundsMax && !::testing::Test::HasFailure(); ++round) {
      calm_ = round >= 12;  // from here on nothing goes wrong any more
      run_until_quiet();
      if (::testing::Test::HasFailure()) return;
      const RunState state = world_.row(uuid_).state;
      if (state == RunState::kSucceeded) return check_end();
      if (is_final(state)) {
        expect_journal_agrees(world_.store, *plan_, uuid_);
        if (dice_.chance(50)) forget();
      }
      ++seen_.retries;
      const auto retried = world_.engine->retry(uuid_);
      ASSERT_TRUE(retried.has_value()) << retried.error().message;
      world_.settle();
    }
    FAIL() << "the run does not succeed";
  }

 private:
  // The run has ended, or the engine has died and another one knows of it.
  void run_until_quiet() {
    constexpr int kTurnsMax = 10'000;
    for (int turn = 0; turn < kTurnsMax && !::testing::Test::HasFailure(); ++turn) {
      take_orders();
      if (!world_.engine->is_active(uuid_)) return;
      if (live_.empty()) {  // a backoff, or a store that fails
        const auto moved = [&] { return taken_ < world_.hands->orders.size() || !world_.engine->is_active(uuid_); };
        ASSERT_TRUE(world_.serve_until(moved));
        continue;
      }
      world_.clock.advance(std::chrono::milliseconds(dice_.roll(100)));
      if (!calm_ && dice_.chance(6)) return crash();
      if (!calm_ && dice_.chance(8)) {
        ++seen_.troubles;
        world_.store.failures = 1 + static_cast<int>(dice_.roll(2));
      }
      if (!calm_ && dice_.chance(1)) {
        ++seen_.cancels;
        ASSERT_TRUE(world_.engine->cancel(uuid_, "bored").has_value());
      }
      for (std::uint64_t i = 1 + dice_.roll(3); i > 0 && !live_.empty(); --i) something_happens();
      world_.settle();
      const auto& troubles = world_.troubles;  // the last one, without a message: the store works again
      ASSERT_TRUE(world_.serve_until([&] { return troubles.empty() || troubles.back().message.empty(); }));
      world_.settle();
    }
  }

  // The owner dies before or after the commit of what it has just heard; its processes die with it.
  void crash() {
    ++seen_.crashes;
    world_.store.failures = -1;
    world_.store.writes_before_it_fails = dice_.chance(50);
    ++(world_.store.writes_before_it_fails ? seen_.kept_writes : seen_.lost_writes);
    for (std::uint64_t i = 1 + dice_.roll(2); i > 0 && !live_.empty(); --i) something_happens();
    world_.settle();
    EXPECT_EQ(taken_, world_.hands->orders.size()) << "an order without a commit";
    world_.store.failures = 0;
    world_.store.writes_before_it_fails = false;
    world_.troubles.clear();
    forget();
    const auto adopted = world_.engine->adopt_orphans();
    ASSERT_TRUE(adopted.has_value()) << adopted.error().message;
    EXPECT_TRUE(world_.engine->idle());
  }

  void forget() {
    live_.clear();
    taken_ = 0;
    world_.forget_engine();
  }

  void take_orders() {
    for (; taken_ < world_.hands->orders.size(); ++taken_) {
      const AttemptOrder& order = world_.hands->orders.at(taken_);
      EXPECT_TRUE(ordered_.emplace(order.task, order.attempt).second)
          << order.task_name << "#" << order.attempt << " is ordered twice";
      for (const auto& [task, attempt] : live_) EXPECT_NE(task, order.task) << "two live attempts of " << order.task_name;
      live_.emplace_back(order.task, order.attempt);
    }
  }

  void something_happens() {
    const std::size_t chosen = dice_.roll(live_.size());
    const auto [task, attempt] = live_.at(chosen);
    const auto& report = world_.hands->listener.report;
    if (dice_.chance(30)) return report(uuid_, AttemptStarted{task, attempt}, {});
    live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(chosen));
    const auto& stops = world_.hands->stops;
    const bool stopped =
        std::any_of(stops.begin(), stops.end(), [&](const auto& stop) { return stop.task == task && stop.attempt == attempt; });
    if ((stopped && dice_.chance(80)) || (!calm_ && dice_.chance(15)))
      return report(uuid_, AttemptFailed{task, attempt, FailureKind::kExit, 143, "stopped"}, {});
    report(uuid_, AttemptSucceeded{task, attempt, y_is(static_cast<int>(dice_.roll(10)))}, {});
  }

  void check_end() {
    EXPECT_TRUE(live_.empty());
    expect_journal_agrees(world_.store, *plan_, uuid_);
    std::set<std::pair<std::int64_t, std::int64_t>> answered;
    for (const JournalEntry& entry : world_.journal(uuid_)) {
      if (entry.kind != "attempt_succeeded" && entry.kind != "attempt_failed") continue;
      const Value payload = parse_json(entry.payload).value();
      EXPECT_TRUE(answered.emplace(payload.int_or("task", -1), payload.int_or("attempt", -1)).second)
          << "committed twice: " << entry.payload;
    }
    const auto tasks = world_.store.tasks(world_.row(uuid_).id).value();
    for (const TaskRow& task : tasks) EXPECT_TRUE(is_success(task.state)) << task.path << " " << state_name(task.state);
  }

  Dice dice_;
  const std::string text_;
  Seen& seen_;
  EngineWorld world_;
  Uuid uuid_;
  std::shared_ptr<const Plan> plan_;
  std::size_t taken_ = 0;  // so many orders of these hands are known
  std::vector<std::pair<TaskId, int>> live_;
  std::set<std::pair<TaskId, int>> ordered_;
  bool calm_ = false;
};

void simulate(std::uint64_t seed, Seen& seen) {
  Dice dice(seed);
  const std::string text = RandomText(dice).text();
  SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed) + "\n" + text);
  Simulation(seed, text, seen).run_until_success();
}

TEST(EngineSimulation, EveryRunSucceedsInTheEndWhateverDies) {
  Seen seen;
  if (const char* one = std::getenv("SLUICE_SEED")) return simulate(std::strtoull(one, nullptr, 10), seen);
  const char* text = std::getenv("SLUICE_SEEDS");
  const std::uint64_t seeds = text == nullptr ? 50 : std::strtoull(text, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) simulate(seed, seen);
  if (seeds < 50 || HasFailure()) return;
  for (const int times : {seen.crashes, seen.lost_writes, seen.kept_writes, seen.troubles, seen.retries, seen.cancels})
    EXPECT_GT(times, 0) << "the simulation has become too tame";
}

}  // namespace
}  // namespace sluice
