// The collection of garbage: what of a data directory, and of the Python environments, nobody needs any more.
//
// It runs on a thread of its own beside an engine that goes on; what only the engine's thread may do is done there, a little at a
// time. It can be cut short at any moment, also by kill -9: what it has not come to is found by the next one. Why nothing goes
// that a run needs: object_sweep.h for objects; folders are taken away (renamed) on the engine's thread, on which their runs are
// made and go on, and removed when nobody can find them any more; environments: environment_use.cc.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/data_dir.h"
#include "engine/engine.h"
#include "exec/environment.h"
#include "store/object_store.h"
#include "store/run_store.h"
#include "store/tree_remover.h"

namespace sluice {

// How long what is kept for convenience is kept; nothing: for ever.
struct GarbageRules {
  std::optional<Duration> runs;  // since their end
  std::optional<Duration> cache = std::chrono::hours(30 * 24);  // results, since they were made
  std::optional<Duration> environments = std::chrono::hours(30 * 24);  // since they were last used
  Duration keep_failed = std::chrono::hours(7 * 24);  // inputs and /tmp of attempts of runs that failed
  Duration grace = std::chrono::hours(1);  // since anything was last touched
};

struct GarbageFigure {
  std::string kind;  // "runs", "results", "objects", "folders", "leftovers", "environments"
  std::int64_t number = 0, bytes = 0;
};
struct GarbageReport {
  std::vector<GarbageFigure> kinds;  // in the order in which they are come to
  std::vector<std::string> problems;  // what could not be removed, and why; ten at most
  std::int64_t bytes() const;
};

// The newest collection: how far it is, or how it ended.
struct GarbageState {
  bool is_running = false;
  bool dry_run = false;
  Instant began, ended;  // 0: not yet
  GarbageReport report;
  std::optional<Error> error;
};

// What a collection needs of whoever owns the directory.
struct GarbageHost {
  std::function<Result<std::shared_ptr<RunStore>>()> reader;
  // Calls on the engine's thread and waits for the end of it. Not called by a dry run.
  std::function<Status(std::function<Status(Engine&, RunStore&)>)> on_owner;
  std::function<bool()> is_busy;  // runs are active: deletions make way for them
  std::function<void(const GarbageReport& so_far)> progress;
};

class GarbageCollector {
 public:
  GarbageCollector(const DataDir& dir, ObjectStore& objects, EnvironmentStore& environments, GarbageHost host, GarbageRules rules,
                   bool dry_run, Instant now, const std::atomic<bool>& cancelled);

  // kUnavailable: a backup is being made, or another collection runs. kCancelled: `cancelled` has become true.
  Result<GarbageReport> collect();

 private:
  // garbage.cc
  Status each_run(const ListQuery& query, const std::function<bool(const RunRow&)>& use);
  Status find_expired();
  Status remove_runs();
  Status forget_results();
  Status sweep_objects();
  Status remove_environments();
  Status remove_environment(const EnvironmentInfo& environment);
  static bool has_ended(const RunRow& run);
  static Instant end_of(const RunRow& run);
  GarbageFigure& figure(const std::string& kind);
  void note(GarbageFigure& figure, const TreeRemover& remover);
  void note_problem(const Error& error);
  bool go_on();
  Instant limit(const std::optional<Duration>& kept) const { return kept ? now_ - *kept : Instant::min(); }
  // garbage_folders.cc
  Status empty_trash();
  Status remove_folders(const std::string& parent, const std::set<std::string>& live);
  Status remove_leftovers(const std::set<std::string>& live);
  Status remove_leftovers_of(const RunRow& run);
  Result<std::vector<std::string>> leftovers_of(const RunRow& run);
  Status take_away(const Uuid& run, bool is_ended, const std::vector<std::string>& names, const std::string& kind);

  const DataDir& dir_;
  ObjectStore& objects_;
  EnvironmentStore& environments_;
  const GarbageHost host_;
  const GarbageRules rules_;
  const bool dry_run_;
  const Instant now_;
  const std::atomic<bool>& cancelled_;
  std::shared_ptr<RunStore> reader_;
  std::vector<RunRow> expired_;
  std::set<Uuid> expired_ids_;
  TreeRemover remover_;
  GarbageReport report_;
  int removed_ = 0;  // names, since the last pause
  Instant batch_began_{};
  int taken_away_ = 0;
};

}  // namespace sluice
