// What must hold of all that the store is told and of all that is started, whatever dies.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "base/json.h"
#include "engine/test_machine.h"

namespace sluice {

// A simulation that never meets a thing does not test it.
struct Seen {
  std::uint64_t crashes = 0, fuses = 0, cut_recoveries = 0, lost_supervisors = 0, clean_stops = 0, orphans = 0, troubles = 0,
                clock_jumps = 0, pauses = 0, resumes = 0, cancels = 0, retries = 0, removals = 0, snapshots = 0, lost = 0,
                timeouts = 0, run_deadlines = 0, same_keys = 0, cached = 0;
};

// What the store has been told of one run.
struct Told {
  std::set<std::pair<std::int64_t, std::int64_t>> answers;  // task, attempt
  std::set<std::int64_t> succeeded;
  std::map<std::int64_t, int> losses;  // by task, since the last retry
  bool cancelled = false;  // since the last retry
};

class Witness {
 public:
  Witness(FaultyStore& store, Seen& seen) : store_(store), seen_(seen) {}

  void check_write(const Write& write) {
    Told& told = told_[write.run];
    bool retried = false;
    seen_.snapshots += write.snapshot ? 1 : 0;
    for (const JournalEntry& entry : write.entries) {
      if (entry.kind == "retry_asked") {
        retried = true;
        told.losses.clear();
        told.cancelled = false;
      }
      if (entry.kind == "cancel_asked") told.cancelled = true;
      if (entry.kind != "attempt_succeeded" && entry.kind != "attempt_cached" && entry.kind != "attempt_failed") continue;
      const Value payload = parse_json(entry.payload).value();
      const std::int64_t task = payload.int_or("task", -1);
      EXPECT_TRUE(told.answers.emplace(task, payload.int_or("attempt", -1)).second) << "committed twice: " << entry.payload;
      if (entry.kind != "attempt_failed") told.succeeded.insert(task);
      seen_.cached += entry.kind == "attempt_cached" ? 1 : 0;
      seen_.timeouts += payload.string_or("failure", "") == "timeout" ? 1 : 0;
      if (payload.string_or("failure", "") != "lost") continue;
      ++seen_.lost;
      EXPECT_LE(++told.losses[task], 4) << "a task is lost four times at most";
    }
    for (const TaskRow& row : write.tasks) {
      if (row.state == TaskState::kFailed && row.error == "its supervisor is gone") {
        EXPECT_EQ(told.losses[row.id.value], 4) << row.path << ": three losses are nobody's fault";
      }
      if (is_success(row.state) || !told.succeeded.contains(row.id.value)) continue;
      EXPECT_TRUE(retried) << row.path << " had succeeded";
      told.succeeded.erase(row.id.value);
    }
    if (write.change && write.change->state == RunState::kFailed)
      seen_.run_deadlines += write.change->error.find("its deadline") != std::string::npos ? 1 : 0;
  }

  void check_start(const Machine::Key& key) {
    const auto& [uuid, task, attempt] = key;
    const auto row = store_.run(uuid);
    ASSERT_TRUE(row.has_value()) << Machine::name(key) << " of a run that was removed";
    EXPECT_EQ(row->state, RunState::kRunning) << Machine::name(key) << ": nothing starts of a run that does not run";
    EXPECT_FALSE(told_[row->id].succeeded.contains(task.value)) << Machine::name(key) << " has succeeded before";
  }

  const Told& told(RunId run) { return told_[run]; }

 private:
  FaultyStore& store_;
  Seen& seen_;
  std::map<RunId, Told> told_;
};

}  // namespace sluice
