// Random pipelines on a machine on which everything dies: the engine between any two effects on the world, the supervisor with
// its attempts, both; stores that cannot be written, clocks that are set back, runs that are paused, cancelled, removed, retried.
// A seed is the whole bug report: SLUICE_SEED=n replays one, SLUICE_SEEDS=n runs so many.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "engine/random_text.h"
#include "engine/test_witness.h"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using testing::Dice;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kSeeds = 200;
#else
constexpr std::uint64_t kSeeds = 2'000;
#endif

struct Run {
  Uuid uuid;
  std::shared_ptr<const Plan> plan;
  Duration task_deadline{};
  bool removed = false;
  std::uint64_t checked_seq = 0;  // of the end that was looked at last
};

class Simulation {
 public:
  Simulation(std::uint64_t seed, const DataDir& dir, Seen& seen) : dice_(seed), dir_(dir), seed_(seed), seen_(seen) {
    options_ = {.begun_waits = 25ms, .store_patience = std::nullopt, .is_server = dice_.chance(75)};
    options_.snapshot_events = static_cast<int>(1 + dice_.roll(20));
    machine_.on_start = [this](const Machine::Key& key) { witness_.check_start(key); };
    store_.effect = [this] { fuse_.burn(); };
    store_.on_commit = [this](std::span<const Write> writes) {
      for (const Write& write : writes) witness_.check_write(write);
    };
    make_engine();
  }
  ~Simulation() { forget_engine(); }

  void run_until_success() {
    const std::uint64_t runs = 1 + dice_.roll(3);
    constexpr int kTurnsMax = 3'000;
    for (int turn = 0; turn < kTurnsMax && !::testing::Test::HasFailure(); ++turn) {
      calm_ = turn >= 100;  // from here on nothing goes wrong any more
      if (calm_) fuse_.put_out();
      if (runs_.size() < runs && (turn == 0 || calm_ || dice_.chance(20))) submit();
      if (!calm_) something_goes_wrong();
      guarded([this] { serve(); });
      check_processes();
      if (all_done() && runs_.size() == runs) return check_end();
      advance();
    }
    if (!::testing::Test::HasFailure()) FAIL() << "the runs do not succeed" << states();
  }

 private:
  // --- The engine's process -------------------------------------------------------------------------------------------
  void make_engine() {
    loop_ = std::make_unique<Loop>([this] { return machine_.time; });
    hands_ = std::make_unique<MachineHands>(machine_, *loop_, fuse_, dice_, calm_);
    engine_ = std::make_unique<Engine>(*loop_, dir_, store_, *hands_, machine_, options_);
  }
  void forget_engine() {
    fuse_.put_out();
    engine_.reset();
    hands_.reset();
    loop_.reset();
    store_.failures = 0;
  }

  // Whatever `does` has done when the engine dies is done.
  void guarded(const std::function<void()>& does) {
    try {
      does();
    } catch (const Crash&) {
      ++seen_.fuses;
      if (dice_.chance(20)) lose_supervisor();
      begin_again();
    }
  }

  // Another engine takes over; that may die over it, too.
  void begin_again() {
    for (;;) {
      forget_engine();
      make_engine();
      if (!calm_ && dice_.chance(30)) fuse_.light(1 + dice_.roll(20));
      try {
        const Status recovered = engine_->recover();
        ASSERT_TRUE(recovered.has_value()) << recovered.error().message;
        serve();
        return;
      } catch (const Crash&) {
        ++seen_.cut_recoveries;
      }
    }
  }

  // An owner that is no server: its attempts die with it, and nobody but a server goes on with the runs of a server.
  void be_orphaned() {
    ++seen_.orphans;
    forget_engine();
    machine_.processes.clear();
    make_engine();
    const Status adopted = engine_->adopt_orphans();
    ASSERT_TRUE(adopted.has_value()) << adopted.error().message;
    if (options_.is_server) begin_again();
  }

  void serve() {
    do {
      loop_->post([this] { loop_->stop(); });
      loop_->run();
    } while (hands_->busy());
  }

  void advance() {
    const std::optional<Duration> end = machine_.next_end();
    const std::optional<Duration> timer = loop_->next_timer();
    if (!end && !timer) return on_quiet();
    const Duration until_end = end ? *end - machine_.time : Duration::max();
    machine_.time += std::min(until_end, timer.value_or(Duration::max()));
    guarded([this] {
      for (auto& [key, process] : machine_.processes) {
        if (process.ended || process.ends > machine_.time) continue;
        process.ended = true;
        hands_->on_end(key);
      }
      serve();
    });
  }

  // Nothing runs and no timer is set: every run has ended or is paused, or is stuck.
  void on_quiet() {
    for (const Run& run : runs_) {
      if (run.removed) continue;
      const RunState state = row(run).state;
      if (state == RunState::kPaused && engine_->is_active(run.uuid)) {
        guarded([&] { ask(engine_->resume(run.uuid)); });
      } else if (!engine_->is_active(run.uuid)) {
        if (state != RunState::kSucceeded) retry(run);
      } else {
        ADD_FAILURE() << "run " << run.uuid.text() << " is stuck" << states();
      }
    }
  }

  // --- What people and machines do ------------------------------------------------------------------------------------
  void submit() {
    RandomText random(dice_);
    const Submission submission{.spec = random.text(), .key = "key" + std::to_string(runs_.size())};
    Run run;
    run.task_deadline = random.task_deadline;
    for (;;) {
      Uuid uuid;
      for (std::size_t i = 0; i < 8; ++i) uuid.bytes.at(i) = static_cast<std::uint8_t>(seed_ >> (8 * i));
      uuid.bytes.back() = static_cast<std::uint8_t>(++submitted_);
      Prepared prepared = prepare(submission, {}, new_run_context(dir_, uuid, machine_.now()));
      ASSERT_TRUE(prepared.errors.empty()) << prepared.errors.front().text();
      run.plan = prepared.plan;
      if (!calm_ && dice_.chance(15)) fuse_.light(1 + dice_.roll(4));
      try {
        const auto created = engine_->submit(submission, std::move(prepared));
        ASSERT_TRUE(created.has_value()) << created.error().message;
        if (*created != uuid) ++seen_.same_keys;
        run.uuid = *created;
        runs_.push_back(run);
        return;
      } catch (const Crash&) {  // whoever asked asks again, with the same key
        begin_again();
      }
    }
  }

  void something_goes_wrong() {
    const std::uint64_t what = dice_.roll(1'000);
    if (what < 30) {
      ++seen_.crashes;
      if (dice_.chance(25)) lose_supervisor();
      begin_again();
    } else if (what < 90) {
      fuse_.light(1 + dice_.roll(25));
    } else if (what < 120) {
      lose_supervisor();
      guarded([this] { hands_->on_supervisor_lost(); });
    } else if (what < 135) {
      stop_cleanly();
    } else if (what < 142) {
      be_orphaned();
    } else if (what < 170) {
      ++seen_.clock_jumps;
      machine_.wall_offset += std::chrono::seconds(static_cast<int>(dice_.roll(7'200)) - 3'600);
    } else if (what < 200) {
      ++seen_.troubles;
      store_.failures = 1 + static_cast<int>(dice_.roll(3));
    } else if (what < 300 && !runs_.empty()) {
      guarded([&] { somebody_asks(runs_.at(dice_.roll(runs_.size())), what); });
    }
  }

  void somebody_asks(Run& run, std::uint64_t what) {
    if (run.removed || store_.failures != 0) return;
    if (!engine_->is_active(run.uuid)) {
      if (row(run).state != RunState::kSucceeded && dice_.chance(50)) retry(run);
    } else if (what < 240) {
      seen_.pauses += ask(engine_->pause(run.uuid));
    } else if (what < 285) {
      seen_.resumes += ask(engine_->resume(run.uuid));
    } else if (what < 295) {
      seen_.cancels += ask(engine_->cancel(run.uuid, "bored"));
    }
    if (what >= 297) remove(run);
  }
  // Conflicts are ordinary here: a run that is not paused cannot go on.
  static std::uint64_t ask(const Status& asked) {
    EXPECT_TRUE(asked || asked.error().code == Code::kConflict) << asked.error().message;
    return asked ? 1 : 0;
  }

  void remove(Run& run) {
    ++seen_.removals;
    try {
      const Status removed = engine_->remove(run.uuid);
      ASSERT_TRUE(removed.has_value()) << removed.error().message;
      run.removed = true;
    } catch (const Crash&) {
      run.removed = !store_.run(run.uuid);
      throw;
    }
  }

  void retry(const Run& run) {
    ++seen_.retries;
    const RunState before = row(run).state;
    guarded([&] {
      const Status retried = engine_->retry(run.uuid);
      ASSERT_TRUE(retried.has_value()) << retried.error().message << " (" << state_name(before) << ")";
      serve();
    });
  }

  void lose_supervisor() {
    ++seen_.lost_supervisors;
    machine_.lose_supervisor();
  }

  void stop_cleanly() {
    guarded([this] {
      const bool works = store_.failures == 0;
      const Status settled = engine_->settle();
      EXPECT_TRUE(settled || !works) << settled.error().message;
      ++seen_.clean_stops;
      begin_again();
    });
  }

  // --- What must hold -------------------------------------------------------------------------------------------------
  // What takes longer than its deadline is told to stop, nothing else is; what runs is known.
  void check_processes() {
    if (::testing::Test::HasFailure() || store_.failures != 0 || engine_->trouble()) return;
    if (const auto timer = loop_->next_timer(); timer && *timer <= Duration{0}) return;  // it has not had its turn
    for (const auto& [key, process] : machine_.processes) {
      if (process.ended) continue;
      const Run* run = find(std::get<0>(key));
      if (run == nullptr || run->removed || run->task_deadline == Duration{0}) continue;
      const Duration age = machine_.time - process.began;
      EXPECT_TRUE(age <= run->task_deadline || process.stopped) << Machine::name(key) << " is too old";
      EXPECT_TRUE(process.stopped != FailureKind::kTimeout || age >= run->task_deadline) << Machine::name(key) << " is young";
    }
    for (const Run& each : runs_) {
      if (each.removed) continue;
      const RunState state = row(each).state;
      EXPECT_EQ(engine_->is_active(each.uuid), !is_final(state) && state != RunState::kInterrupted) << state_name(state);
    }
  }

  bool all_done() {
    return std::all_of(runs_.begin(), runs_.end(), [&](Run& run) {
      if (run.removed) return true;
      const RunRow now = row(run);
      if (is_final(now.state) && std::exchange(run.checked_seq, now.seq) != now.seq) check_ended(run, now);
      return now.state == RunState::kSucceeded;
    });
  }

  void check_ended(const Run& run, const RunRow& row) {
    expect_journal_agrees(store_, *run.plan, run.uuid);
    const auto tasks = store_.tasks(row.id).value();
    bool failed = false;
    for (const TaskRow& task : tasks) {
      EXPECT_TRUE(is_final(task.state)) << task.path << " " << state_name(task.state);
      failed = failed || task.state == TaskState::kFailed;
      if (row.state == RunState::kSucceeded) {
        EXPECT_TRUE(is_success(task.state)) << task.path << " " << state_name(task.state);
      }
    }
    EXPECT_TRUE(row.state != RunState::kCanceled || witness_.told(row.id).cancelled);
    EXPECT_TRUE(row.state != RunState::kFailed || failed || row.error.find("its deadline") != std::string::npos);
  }

  void check_end() {
    // What runs of removed runs ends, and a store that could not be written has been tried again.
    for (int turn = 0; turn < 1'000 && (machine_.next_end() || engine_->trouble()); ++turn) advance();
    guarded([this] { serve(); });
    for (const auto& [key, process] : machine_.processes) ADD_FAILURE() << Machine::name(key) << " was never acknowledged";
    std::size_t rows = 0;
    for (const Run& run : runs_) {
      const auto found = store_.run(run.uuid);
      EXPECT_EQ(found.has_value(), !run.removed);
      rows += found ? 1 : 0;
    }
    EXPECT_EQ(store_.list({}, {}).value().size(), rows) << "a key stands for one run";
    EXPECT_TRUE(engine_->idle());
  }

  RunRow row(const Run& run) { return store_.run(run.uuid).value(); }
  const Run* find(const Uuid& uuid) const {
    for (const Run& run : runs_)
      if (run.uuid == uuid) return &run;
    return nullptr;
  }
  std::string states() {
    std::string text;
    for (const Run& run : runs_) {
      if (run.removed) continue;
      text += "\n" + run.uuid.text() + " " + std::string(state_name(row(run).state)) + " " + row(run).error;
      const auto tasks = store_.tasks(row(run).id).value();
      for (const TaskRow& task : tasks) text += "\n  " + task.path + " " + std::string(state_name(task.state));
    }
    return text;
  }

  Dice dice_;
  const DataDir& dir_;
  const std::uint64_t seed_;
  Seen& seen_;
  EngineOptions options_;
  Fuse fuse_;
  bool calm_ = false;
  int submitted_ = 0;
  Machine machine_;
  FaultyStore store_;
  Witness witness_{store_, seen_};
  std::vector<Run> runs_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<MachineHands> hands_;
  std::unique_ptr<Engine> engine_;
};

void simulate(std::uint64_t seed, const DataDir& dir, Seen& seen) {
  SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
  Simulation(seed, dir, seen).run_until_success();
}

TEST(EngineSimulation, EveryRunSucceedsInTheEndWhateverDies) {
  const TestFolder folder;
  const DataDir dir = DataDir::at(folder.path() + "/data").value();
  ASSERT_TRUE(dir.create().has_value());
  Seen seen;
  if (const char* one = std::getenv("SLUICE_SEED")) return simulate(std::strtoull(one, nullptr, 10), dir, seen);
  const char* text = std::getenv("SLUICE_SEEDS");
  const std::uint64_t seeds = text == nullptr ? kSeeds : std::strtoull(text, nullptr, 10);
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) simulate(seed, dir, seen);
  if (seeds < 200 || HasFailure()) return;
  const std::map<std::string, std::uint64_t> times{{"crashes", seen.crashes},
                                                   {"fuses", seen.fuses},
                                                   {"cut recoveries", seen.cut_recoveries},
                                                   {"lost supervisors", seen.lost_supervisors},
                                                   {"clean stops", seen.clean_stops},
                                                   {"orphans", seen.orphans},
                                                   {"troubles", seen.troubles},
                                                   {"clock jumps", seen.clock_jumps},
                                                   {"pauses", seen.pauses},
                                                   {"resumes", seen.resumes},
                                                   {"cancels", seen.cancels},
                                                   {"retries", seen.retries},
                                                   {"removals", seen.removals},
                                                   {"snapshots", seen.snapshots},
                                                   {"losses", seen.lost},
                                                   {"timeouts", seen.timeouts},
                                                   {"run deadlines", seen.run_deadlines},
                                                   {"same keys", seen.same_keys},
                                                   {"cached tasks", seen.cached}};
  for (const auto& [what, count] : times) EXPECT_GT(count, 0U) << what << ": the simulation has become too tame";
}

}  // namespace
}  // namespace sluice
