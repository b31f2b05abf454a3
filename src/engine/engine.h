// The driver of runs. An event is journalled in the commit of its turn before its actions are carried out, so whatever a
// crash leaves behind reads back through sched::step to where it was.
//
// Everything here is called on the loop's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/result.h"
#include "base/uuid.h"
#include "engine/data_dir.h"
#include "engine/flights.h"
#include "engine/hands.h"
#include "engine/loop.h"
#include "engine/platform.h"
#include "engine/result_cache.h"
#include "engine/secrets.h"
#include "engine/site.h"
#include "model/task_facts.h"
#include "sched/budget.h"
#include "sched/sched.h"
#include "store/run_store.h"

namespace sluice {

class KeptResults;
struct ReadBack;

// What somebody wants to run.
struct Submission {
  std::string spec;                          // text of the pipeline
  std::string spec_file;                     // where it came from, for messages
  Struct parameters;
  std::string name;                          // empty: made from the pipeline's name and the time
  std::string description;
  std::string experiment = "Default";
  bool cache = true;
  bool keep_checkpoints = false;             // also those of tasks that have succeeded
  std::optional<Uuid> pipeline, version;     // the uploaded version that `spec` is the text of
  std::string key;                           // idempotency key; empty: none
  std::string notify;                        // http(s) URL that is told of the run's end; empty: none
  Struct labels;                             // kept with the run as they are, under "labels" of its options
  int priority = 0;                          // of all its tasks; what a task says of itself comes on top
  Budget budget;                             // of the run
};
Value to_value(const Submission& submission);
Submission submission_from_value(const Value& value);

// A submission that has been read and can run here.
struct Prepared {
  std::shared_ptr<const Pipeline> pipeline;  // null if errors says so
  std::shared_ptr<const Plan> plan;
  Sites sites;
  bool cache = true;                         // results from before may be used
  Diagnostics errors, warnings;
};
// The facts of a new run that placeholders stand for; names are filled in by prepare().
RunContext new_run_context(const DataDir& dir, const Uuid& uuid, Instant now);
// Reads, plans and looks for what the components need; every error at once.
Prepared prepare(const Submission& submission, const SiteRules& rules, RunContext context);

// What changed, for whoever draws or streams it.
struct TaskNotice {
  Uuid run;
  TaskId task, parent;
  std::string path;
  TaskState state = TaskState::kPending;
  bool is_leaf = true;
  int attempt = 0;
  int exit_code = 0;
  Instant began{}, ended{};
  std::string error;
};
struct RunNotice {
  Uuid run;
  RunState state = RunState::kRunning;
  std::string error;
  bool notify = false;  // it has ended, and the store has a notice of it that is to be told
};
struct Observer {
  std::function<void(const TaskNotice&)> task;
  std::function<void(const RunNotice&)> run;         // whenever its state changes, after the commit that says so
  std::function<void(const BuildNotice&)> building;
  std::function<void(const Error&)>
      trouble;         // the store cannot be written; it is tried again. Code kInternal's empty message: it works again
};

struct EngineOptions {
  Sync durability = Sync::kNormal;                   // of everything; run creation and end are always kFull
  SiteRules sites;
  ValueRules values;                                 // where secrets and config maps come from
  bool keep_checkpoints = false;                     // of all runs, whatever they were submitted with
  Duration begun_waits =
      std::chrono::milliseconds(25);  // so long the row that says RUNNING may wait for the one that says how it ended
  // So long a store that cannot be written is tried again; nothing: for ever.
  std::optional<Duration> store_patience = std::chrono::seconds(30);
  Duration store_pause = std::chrono::milliseconds(500);  // between two tries
  // States of whose end somebody is told who is named in the settings, or in the run's options.
  std::set<RunState> notify_all, notify_own{RunState::kSucceeded, RunState::kFailed, RunState::kCanceled};
  // Runs of this engine belong to a server: an owner that is none leaves them for the next server.
  bool is_server = false;
  LockOf lock_of;                                    // EnvironmentStore::lock; none: no environment is built
  std::map<std::string, Budget, std::less<>> budgets;  // of experiments, by name: all their runs together
  std::int64_t machine_memory = 0;  // bytes; a task that needs more than it may gets no more than 80 % of it; 0: not known
  int snapshot_events = 1000;  // a snapshot after so many events, or as many as the run has nodes if that is more
};

// Figures of this moment, for /metrics.
struct EngineFigures {
  std::size_t runs = 0, paused = 0;
  std::uint64_t events = 0, commits = 0;  // since the start
  std::uint64_t runs_begun = 0, runs_succeeded = 0, runs_failed = 0, runs_canceled = 0;
  std::uint64_t attempts_begun = 0, attempts_succeeded = 0, attempts_failed = 0, attempts_lost = 0;
  std::uint64_t cache_hits = 0, cache_misses = 0;  // of tasks that asked
  HandsFigures hands;
};

class Engine {
 public:
  Engine(Loop& loop, const DataDir& dir, RunStore& store, Hands& hands, const Clock& clock, EngineOptions options);
  ~Engine();

  void observe(Observer observer) { observer_ = std::move(observer); }

  // Runs that an owner left in the middle become INTERRUPTED, except those of a server. Call once, before anything else; or:
  Status adopt_orphans();
  // Runs that an owner left in the middle go on where they were: the newest snapshot and the journal after it are read back, and
  // attempts that may have a process are ordered again, at once. One that does not read back (its text, its journal) or cannot
  // run here any more becomes INTERRUPTED and says why; the others go on. An error of kUnavailable: the store could not be read,
  // and nothing has been done.
  Status recover();

  // Creates the run (durable when this returns) and starts it. `prepared` is of `submission` and without errors; the run's id is
  // in its context. If a run was created with submission.key before, that run, and nothing new.
  Result<Uuid> submit(const Submission& submission, Prepared prepared);
  // kConflict if it has ended, kNotFound if there is no such run.
  Status cancel(const Uuid& run, const std::string& reason);
  // Nothing new of the run starts until resume(), also after a restart; what runs ends. kConflict if it is not running, or not
  // paused.
  Status pause(const Uuid& run);
  Status resume(const Uuid& run);
  // Forgets the run and its rows for ever; what runs of it is stopped first. Its files stay until they are collected.
  Status remove(const Uuid& run);
  // Runs what failed, was cancelled or was cut short again; with `from`, the path of a task ("root/" may be left out), that task
  // and what depends on it too. kConflict if the run is active, or has succeeded and `from` is empty; kNotFound if it has no such
  // task.
  Status retry(const Uuid& run, const std::string& from = {});
  // The run, which has ended somehow, begins anew as another pipeline (see prepare_restart); tasks that are as they were keep
  // what they have made. kConflict if the run is active.
  Status restart(const Uuid& run, const Submission& submission, Prepared prepared);

  bool idle() const { return runs_.empty(); }
  bool is_active(const Uuid& run) const { return runs_.contains(run); }
  // Active, or removed while attempts of it still have to end.
  bool knows(const Uuid& run) const { return runs_.contains(run) || removed_.contains(run); }
  void cancel_all(const std::string& reason);
  // At a clean stop: what has been heard is remembered, with snapshots of all live runs. Nothing is carried out afterwards.
  Status settle();
  // Why nothing goes on at the moment: the store cannot be written, or nothing can be started. Nothing: all is well.
  std::optional<Error> trouble() const { return store_trouble_ ? store_trouble_ : hands_trouble_; }
  EngineFigures figures() const;

 private:
  struct LiveRun {
    RunId id;
    Uuid uuid;
    std::string uuid_text;
    std::shared_ptr<const Plan> plan;
    Sites sites;
    State state;
    std::uint64_t seq = 0;  // of the newest entry that is in the journal or in `write`
    std::uint64_t snapshot_seq = 0;  // of the newest snapshot in the store
    Write write;  // what this turn has to remember
    std::set<TaskId> changed;  // rows to write
    std::set<TaskId> news;  // to tell the observer after the commit
    std::set<TaskId> begun;  // of which only AttemptStarted has to be written: see flush_begun
    std::vector<Action> actions;  // to carry out after the commit
    std::map<TaskId, std::string> notes;  // of attempts; those of the site are not repeated here
    std::map<TaskId, TaskFacts> facts;  // without usage, which the state has
    std::map<TaskId, std::string> waits;  // what queued tasks wait for, as far as it is no plain slot
    std::string experiment;
    int priority = 0;
    Budget budget;
    Usage used;  // of all attempts that have ended
    std::string paused_because;  // empty: somebody has asked for it
    RunState told = RunState::kPending;  // to the observer
    bool cache = true;  // results from before may be used
    bool has_notify = false;  // its options name somebody who is to be told of its end
    bool notify = false;  // and so it is, now that it has ended
    bool keep_checkpoints = false;
    bool is_asked_again = false;  // from a task on: what runs once more is not taken from the cache
    std::shared_ptr<KeptResults> kept;  // of a run whose pipeline was edited
    bool held = false;  // the hands start nothing of it
    bool ended = false;
    bool removed = false;
  };
  using RunPtr = std::shared_ptr<LiveRun>;
  // A run that was removed stays until its attempts have been answered: the hands' orders point to its sites.
  struct Removed {
    RunPtr run;
    std::set<std::pair<TaskId, int>> attempts;
  };

  // engine.cc: what is asked, and the turn.
  RunPtr add_run(RunId id, const Uuid& uuid, Prepared prepared);
  RunState asked_state(const LiveRun& run) const;
  Status not_running(const Uuid& run) const;
  void push(const Uuid& run, Event event);
  void on_answer_to_removed(const Uuid& run, const Event& event);
  void forget_removed(const Uuid& run);
  void turn();
  void take_events();
  void take(LiveRun& run, Event event, Instant now);
  // carry_out.cc: from a decision to an order.
  void carry_out(const RunPtr& run);
  void perform(LiveRun& run, const Action& action);
  void start_attempt(LiveRun& run, const StartAttempt& start, bool again);
  void arm(const LiveRun& run, const ArmTimer& timer);
  void tell(LiveRun& run);
  void finish(const RunPtr& run);
  void count(const Event& event);
  // needs.cc: what attempts ask of the machine, and what was learned of that.
  Result<Need> need_of(const LiveRun& run, const Node& node, const PlanComponent& component);
  std::int64_t learned_memory(const PlanComponent& component);
  void note_need(LiveRun& run, TaskId task, const Need& need);
  void learn(LiveRun& run, const AttemptSucceeded& event, Instant now);
  void note_waiting(const Uuid& run, TaskId task, const std::string& what);
  // budgets.cc: what runs and experiments have used, and what happens when that is all they may.
  static void set_terms(LiveRun& run, const std::string& experiment, const Value& options);
  void note_used(LiveRun& run, const Event& event);
  void keep_to_budgets(LiveRun& run);
  void stop_for(LiveRun& run, const Budget& budget, const std::string& why);
  Result<Usage> used_in(const std::string& experiment);
  static std::string shown_error(const LiveRun& run);
  // retry.cc: runs that have ended go on.
  Result<RunRow> ended_run(const Uuid& run);
  Status make_way(const Uuid& run);
  std::optional<TaskData> kept_outputs(const LiveRun& run, const StartAttempt& start) const;
  // recover.cc: from rows and a journal to a live run.
  Result<std::vector<RunRow>> unfinished_runs();
  Result<ReadBack> load(const RunRow& row);
  RunPtr add_loaded(const RunRow& row, ReadBack loaded);
  void go_on(LiveRun& run);
  Status interrupt(const std::vector<std::pair<RunRow, std::string>>& rows);
  // remember.cc: from a decision to rows.
  bool commit();
  Status save();
  void on_store_trouble(const Error& error);
  void tell_trouble();
  void fill_write(LiveRun& run);
  bool wants_snapshot(const LiveRun& run) const;
  void note_begun(LiveRun& run, const std::vector<TaskId>& tasks);
  void flush_begun();
  void note_on_task(const Uuid& run, const Event& event, Aside aside);
  TaskRow row_of(const LiveRun& run, TaskId id) const;
  void note_artifacts(LiveRun& run, TaskId task, int attempt);
  void forget_documents(LiveRun& run);
  // caching.cc: results that are there already, and equal tasks at the same time.
  bool ask_cache(LiveRun& run, const StartAttempt& start, AttemptOrder& order);
  void start_again(const std::vector<Flights::Attempt>& attempts);
  bool stop_waiting(LiveRun& run, const StopAttempt& stop);
  void note_result(LiveRun& run, const Event& event, Instant now);
  bool keep_result(LiveRun& run, const AttemptSucceeded& event, Instant now);
  void note_lock(LiveRun& run, TaskId task);
  void on_uncached(const Uuid& run, TaskId task, int attempt);
  void hold_back(LiveRun& run);
  void let_go(LiveRun& run);

  Loop& loop_;
  const DataDir& dir_;
  RunStore& store_;
  Hands& hands_;
  const Clock& clock_;
  const EngineOptions options_;
  ResultCache cache_;
  Flights flights_;
  Observer observer_;
  EngineFigures figures_;
  std::map<Uuid, RunPtr> runs_;
  std::map<Uuid, Removed> removed_;
  std::vector<std::pair<Uuid, Event>> events_;  // not yet taken
  std::set<RunPtr> touched_;  // runs with something to commit or carry out
  std::optional<std::map<std::string, std::int64_t>> learned_;  // bytes by component_key(); nothing: not read yet
  std::map<std::string, Usage> spent_;  // of experiments with a budget: by runs that are not in runs_
  bool flushes_begun_ = false;  // a timer for it is set
  std::optional<Error> store_trouble_, hands_trouble_;
  bool holding_ = false;  // the store cannot be written, or the engine has settled: nothing is carried out
  bool settled_ = false;
  Instant trouble_since_{};
  Instant last_now_{};  // the journal's clock never goes back
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice
