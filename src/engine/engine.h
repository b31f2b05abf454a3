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
#include "engine/hands.h"
#include "engine/loop.h"
#include "engine/platform.h"
#include "engine/secrets.h"
#include "engine/site.h"
#include "model/task_facts.h"
#include "sched/sched.h"
#include "store/run_store.h"

namespace sluice {

// What somebody wants to run.
struct Submission {
  std::string spec;                          // text of the pipeline
  std::string spec_file;                     // where it came from, for messages
  Struct parameters;
  std::string name;                          // empty: made from the pipeline's name and the time
  std::string description;
  std::string experiment = "Default";
  bool cache = true;
  std::optional<Uuid> pipeline, version;     // the uploaded version that `spec` is the text of
  std::string key;                           // idempotency key; empty: none
  Struct labels;                             // kept with the run as they are, under "labels" of its options
};
Value to_value(const Submission& submission);
Submission submission_from_value(const Value& value);

// A submission that has been read and can run here.
struct Prepared {
  std::shared_ptr<const Pipeline> pipeline;  // null if errors says so
  std::shared_ptr<const Plan> plan;
  Sites sites;
  Diagnostics errors, warnings;
};
// The facts of a new run that placeholders stand for; names are filled in by prepare().
RunContext new_run_context(const DataDir& dir, const Uuid& uuid, Instant now);
// Reads, plans and looks for what the components need; every error at once.
Prepared prepare(const Submission& submission, const ImageRules& images, RunContext context);

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
  ImageRules images;
  ValueRules values;                                 // where secrets and config maps come from
  Duration begun_waits =
      std::chrono::milliseconds(25);  // so long the row that says RUNNING may wait for the one that says how it ended
  // So long a store that cannot be written is tried again; nothing: for ever.
  std::optional<Duration> store_patience = std::chrono::seconds(30);
  Duration store_pause = std::chrono::milliseconds(500);  // between two tries
  // Runs of this engine belong to a server: an owner that is none leaves them for the next server.
  bool is_server = false;
  int snapshot_events = 1000;  // a snapshot after so many events, or as many as the run has nodes if that is more
};

// Figures of this moment, for /metrics.
struct EngineFigures {
  std::size_t runs = 0, paused = 0;
  std::uint64_t events = 0, commits = 0;  // since the start
  std::uint64_t runs_begun = 0, runs_succeeded = 0, runs_failed = 0, runs_canceled = 0;
  std::uint64_t attempts_begun = 0, attempts_succeeded = 0, attempts_failed = 0, attempts_lost = 0;
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
  // Runs what failed, was cancelled or was cut short again. kConflict if the run is active or has succeeded.
  Status retry(const Uuid& run);

  bool idle() const { return runs_.empty(); }
  bool is_active(const Uuid& run) const { return runs_.contains(run); }
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
    RunState told = RunState::kPending;  // to the observer
    bool held = false;  // the hands start nothing of it
    bool ended = false;
    bool removed = false;
  };
  using RunPtr = std::shared_ptr<LiveRun>;
  // A run as its rows and its journal have it.
  struct Loaded {
    Prepared prepared;
    State state;
    std::uint64_t seq = 0, snapshot_seq = 0;
  };
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
  // recover.cc: from rows and a journal to a live run.
  Result<std::vector<RunRow>> unfinished_runs();
  Result<Loaded> load(const RunRow& row);
  Status replay(const RunRow& row, Loaded& loaded);
  RunPtr add_loaded(const RunRow& row, Loaded loaded);
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
  void note_artifacts(LiveRun& run, const AttemptSucceeded& event);

  Loop& loop_;
  const DataDir& dir_;
  RunStore& store_;
  Hands& hands_;
  const Clock& clock_;
  const EngineOptions options_;
  Observer observer_;
  EngineFigures figures_;
  std::map<Uuid, RunPtr> runs_;
  std::map<Uuid, Removed> removed_;
  std::vector<std::pair<Uuid, Event>> events_;  // not yet taken
  std::set<RunPtr> touched_;  // runs with something to commit or carry out
  bool flushes_begun_ = false;  // a timer for it is set
  std::optional<Error> store_trouble_, hands_trouble_;
  bool holding_ = false;  // the store cannot be written, or the engine has settled: nothing is carried out
  bool settled_ = false;
  Instant trouble_since_{};
  Instant last_now_{};  // the journal's clock never goes back
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice
