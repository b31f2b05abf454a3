// A machine in a simulation: a supervisor whose attempts outlive the engine, and hands on it that die with the engine. They keep
// the promises of hands.h and nothing else: attempts run for as long as they were told to, on a clock of the machine's own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/hands.h"
#include "engine/loop.h"
#include "engine/test_engine.h"
#include "sched/random_pipeline.h"

namespace sluice {

// The engine's process dies here.
struct Crash {};

// Burns down with every effect that the engine has on the world; where it ends the engine dies.
class Fuse {
 public:
  void light(std::uint64_t effects) { left_ = effects; }
  void put_out() { left_ = 0; }
  void burn() {
    if (left_ > 0 && --left_ == 0) throw Crash{};
  }

 private:
  std::uint64_t left_ = 0;
};

class Machine final : public Clock {
 public:
  using Key = std::tuple<Uuid, TaskId, int>;
  struct Process {
    Duration began{};  // on the monotonic clock
    Duration ends{};
    bool ended = false;  // and not acknowledged
    bool good = true;
    std::optional<FailureKind> stopped;
  };

  Instant now() const override { return from_micros(1'000'000'000'000'000) + time + wall_offset; }

  void start(const Key& key, Duration takes, bool good) {
    if (on_start) on_start(key);
    EXPECT_TRUE(begun.insert(key).second) << name(key) << " is started twice";
    for (const auto& [other, process] : processes) {
      const bool same_task = std::get<0>(other) == std::get<0>(key) && std::get<1>(other) == std::get<1>(key);
      EXPECT_FALSE(same_task && !process.ended) << name(key) << " and " << name(other) << " are alive at once";
    }
    processes[key] = {.began = time, .ends = time + takes, .good = good};
  }
  void stop(const Key& key, FailureKind why) {
    const auto found = processes.find(key);
    if (found == processes.end() || found->second.ended || found->second.stopped) return;
    found->second.stopped = why;
    found->second.ends = std::min(found->second.ends, time + std::chrono::seconds(1));
  }
  // The supervisor dies and its attempts with it. What had ended before is on the disk.
  void lose_supervisor() {
    std::erase_if(processes, [](const auto& entry) { return !entry.second.ended; });
  }
  // The next moment at which something ends.
  std::optional<Duration> next_end() const {
    std::optional<Duration> next;
    for (const auto& [key, process] : processes)
      if (!process.ended && (!next || process.ends < *next)) next = process.ends;
    return next;
  }
  static std::string name(const Key& key) {
    return std::get<0>(key).text().substr(30) + " task " + std::to_string(std::get<1>(key).value) + "#" +
           std::to_string(std::get<2>(key));
  }

  Duration time{};         // never goes back
  Duration wall_offset{};  // but the time of day does
  std::map<Key, Process> processes;
  std::set<Key> begun;  // there is a directory of it
  std::function<void(const Key&)> on_start;
};

class MachineHands final : public Hands {
 public:
  using Key = Machine::Key;
  MachineHands(Machine& machine, Loop& loop, Fuse& fuse, testing::Dice& dice, const bool& calm)
      : machine_(machine), loop_(loop), fuse_(fuse), dice_(dice), calm_(calm) {}

  void listen(Listener listener) override { listener_ = std::move(listener); }
  void prepare(const Uuid&, const std::vector<EnvironmentSpec>&) override {}
  void release(const Uuid& run) override { held_.erase(run); }
  void hold(const Uuid& run) override {
    fuse_.burn();
    held_.insert(run);
  }
  void let_go(const Uuid& run) override {
    fuse_.burn();
    held_.erase(run);
  }
  void start(AttemptOrder order) override {
    fuse_.burn();
    const Key key{order.run, order.task, order.attempt};
    EXPECT_FALSE(jobs_.contains(key)) << Machine::name(key) << " is ordered twice";
    EXPECT_FALSE(order.again && flushed_) << Machine::name(key) << " is adopted too late";
    jobs_[key] = {.again = order.again, .cached = std::move(order.cached)};
    queue_.push_back(key);
  }
  void stop(const Uuid& run, TaskId task, int attempt, FailureKind why) override {
    fuse_.burn();
    const Key key{run, task, attempt};
    const auto found = jobs_.find(key);
    if (found == jobs_.end() || found->second.stopped) return;
    found->second.stopped = why;
    if (found->second.running) return machine_.stop(key, why);
    if (!found->second.again) answer_stopped(key);
  }
  void flush() override {
    fuse_.burn();
    if (!std::exchange(flushed_, true))
      std::erase_if(machine_.processes, [&](const auto& entry) { return !jobs_.contains(entry.first); });
    for (const Key& key : std::exchange(acks_, {})) {
      fuse_.burn();
      machine_.processes.erase(key);
    }
    for (const Key& key : std::exchange(queue_, {})) dispatch(key);
  }

  // Of the supervisor: this attempt has ended.
  void on_end(const Key& key) {
    const auto found = jobs_.find(key);
    if (found != jobs_.end() && found->second.running) answer_ended(key);
  }
  void on_supervisor_lost() {
    for (const auto& [key, job] : jobs_)
      if (job.running && !machine_.processes.contains(key)) answer_lost(key);
  }
  bool busy() const { return posted_ > 0; }

 private:
  struct Job {
    bool again = false;
    bool running = false;
    std::optional<FailureKind> stopped;
    std::optional<TaskData> cached;
  };

  void dispatch(const Key& key) {
    const auto found = jobs_.find(key);
    if (found == jobs_.end()) return;
    Job& job = found->second;
    if (std::exchange(job.again, false)) {
      if (adopt(key, job)) return;
      if (job.stopped) return answer_stopped(key);
    }
    if (job.stopped) return;  // its answer is on its way
    if (job.cached && !held_.contains(std::get<0>(key))) return answer_cached(key, *job.cached);
    constexpr int kSlots = 3;
    const auto busy = std::count_if(jobs_.begin(), jobs_.end(), [](const auto& entry) { return entry.second.running; });
    if (held_.contains(std::get<0>(key)) || busy >= kSlots) return queue_.push_back(key);
    fuse_.burn();
    const Duration takes = std::chrono::milliseconds(calm_ ? dice_.roll(100) : dice_.roll(8'000));
    machine_.start(key, takes, calm_ || dice_.chance(85));
    job.running = true;
    say(key, AttemptStarted{std::get<1>(key), std::get<2>(key)});
  }

  // What an owner before us may have started. False: it never began.
  bool adopt(const Key& key, Job& job) {
    if (!machine_.begun.contains(key)) return false;
    job.running = true;
    const auto process = machine_.processes.find(key);
    if (process == machine_.processes.end()) {
      answer_lost(key);
    } else if (process->second.ended) {
      answer_ended(key);
    } else {
      say(key, AttemptStarted{std::get<1>(key), std::get<2>(key), machine_.now() - (machine_.time - process->second.began)});
      if (job.stopped) machine_.stop(key, *job.stopped);
    }
    return true;
  }

  void answer_ended(const Key& key) {
    const auto& [run, task, attempt] = key;
    const Machine::Process& process = machine_.processes.at(key);
    const bool good = process.good && (!process.stopped || dice_.chance(20));
    const FailureKind why = process.stopped.value_or(FailureKind::kExit);
    say(key, good ? Event(AttemptSucceeded{task, attempt, y_is(static_cast<int>(dice_.roll(10)))})
                  : Event(AttemptFailed{task, attempt, why, process.stopped ? 143 : 1, "bad luck"}));
  }
  // Now and then the content is gone.
  void answer_cached(const Key& key, const TaskData& outputs) {
    if (calm_ || !dice_.chance(10)) return say(key, AttemptCached{std::get<1>(key), std::get<2>(key), outputs});
    ++posted_;
    loop_.post([this, key] {
      --posted_;
      if (jobs_.erase(key) > 0) listener_.uncached(std::get<0>(key), std::get<1>(key), std::get<2>(key));
    });
  }
  void answer_lost(const Key& key) {
    const auto stopped = jobs_.at(key).stopped;
    say(key, AttemptFailed{std::get<1>(key), std::get<2>(key), stopped.value_or(FailureKind::kLost), 0,
                           stopped ? "stopped" : "its supervisor is gone"});
  }
  void answer_stopped(const Key& key) {
    const FailureKind why = *jobs_.at(key).stopped;
    say(key, AttemptFailed{std::get<1>(key), std::get<2>(key), why, 0, "stopped before it began"});
  }

  // Never from within a call of the engine's. The end of an attempt is acknowledged by the flush after the commit that says so.
  void say(const Key& key, Event event) {
    ++posted_;
    loop_.post([this, key, event = std::move(event)] {
      --posted_;
      if (!jobs_.contains(key)) return;
      if (!std::holds_alternative<AttemptStarted>(event)) {
        jobs_.erase(key);
        acks_.push_back(key);
      }
      listener_.report(std::get<0>(key), event, {});
    });
  }

  Machine& machine_;
  Loop& loop_;
  Fuse& fuse_;
  testing::Dice& dice_;
  const bool& calm_;
  Listener listener_;
  std::map<Key, Job> jobs_;
  std::vector<Key> queue_;  // not yet started
  std::vector<Key> acks_;
  std::set<Uuid> held_;
  bool flushed_ = false;
  int posted_ = 0;
};

}  // namespace sluice
