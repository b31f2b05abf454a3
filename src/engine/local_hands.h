// Attempts as processes of this machine: slots, environments, the supervisor.
//
// An attempt goes: waiting for its environment -> ready -> laid out -> running -> collected -> answered. Only laid-out and
// running attempts hold a slot; outputs are collected in the pool after the slot is free again. What cannot be done for now (a
// full disk, no descriptors left) is tried again until it can: it goes back to ready, or is collected once more.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "engine/hands.h"
#include "engine/loop.h"
#include "engine/work_pool.h"
#include "exec/environment.h"
#include "exec/supervisor.h"
#include "sched/admission.h"
#include "store/object_store.h"

namespace sluice {

struct LocalHandsOptions {
  int slots = 2;
  Capacity machine;  // less slots and ahead, which are here
  // So many more are sent to the supervisor ahead of free slots, so that none waits for us: 10,000 `true` took 1.4 times as long
  // without.
  int ahead = 2;
  Duration stop_grace = std::chrono::seconds(10);
  bool warm = true;  // Python steps in forks of warm workers, where they can
  Duration trouble_pause = std::chrono::seconds(1);  // between two tries of what cannot be done for now
  // One that ends with us (launch_supervisor), or all those that outlive us (SupervisorPool::attach). Called by attach(), else
  // when there is first something to start; again when one is gone.
  std::function<Result<std::unique_ptr<Supervisor>>()> launch_supervisor;
};

class LocalHands final : public Hands {
 public:
  LocalHands(Loop& loop, const DataDir& dir, ObjectStore& objects, EnvironmentStore& environments, LocalHandsOptions options);
  // Supervisors that outlive us are left alone, with what they run; one that does not ends.
  ~LocalHands() override;

  // Finds what an owner before us has left with its supervisors: orders `again` are then answered by what became of them. Once,
  // before the first order. Without it such an order is one like any other.
  Status attach();
  // Ends all attempts and all supervisors. Nothing is started or answered afterwards.
  Status end_tasks();

  void listen(Listener listener) override { listener_ = std::move(listener); }
  void prepare(const Uuid& run, const std::vector<EnvironmentSpec>& environments) override;
  void release(const Uuid& run) override;
  void drop_checkpoints(const Uuid& run) override;
  void hold(const Uuid& run) override;
  void let_go(const Uuid& run) override;
  void start(AttemptOrder order) override;
  void stop(const Uuid& run, TaskId task, int attempt, FailureKind why) override;
  void flush() override;
  HandsFigures figures() const override { return {admission_.capacity(), admission_.figures()}; }

 private:
  enum class Phase { kEnvironment, kReady, kLinking, kLayingOut, kRunning, kCollecting };
  struct Job {
    Attempt attempt;
    Phase phase = Phase::kReady;
    std::uint64_t number = 0;  // its place among those that are ready; 0: it has none yet
    bool stopped = false;
    FailureKind why = FailureKind::kExit;  // of the stop
    bool laid_out = false;  // its directory waits for it
    bool began = false;  // its process is known to run
    bool adopted = false;  // an owner before us has started it
    bool troubled = false;  // it is one of those that cannot go on for now
    ObjectStore::Lease lease;  // on what it takes into the store, or found there
    bool is_tidy = false;  // nothing of it is left but what is kept
    bool left_container = false;  // its engine may have died without ending it
    std::string environment_bin;
    Aside aside;  // of the supervisor
    Usage usage;
    std::vector<int> gpus;  // indices that it was given
    std::string need_note;  // what of its need this machine cannot give
  };
  using JobPtr = std::shared_ptr<Job>;
  struct Build {
    std::string name;
    std::vector<JobPtr> waiting;
    std::set<Uuid> wanted_by;  // runs that will need it, but not yet
    bool told = false;  // somebody has seen it progress, so its end is news
    std::atomic<bool> cancelled{false};
  };

  using Queue = std::map<std::uint64_t, JobPtr>;  // by number
  // What a supervisor has of an attempt: it runs, it is held, it has ended.
  struct Held {};
  using Found = std::variant<AttemptBegan, Held, AttemptExit>;

  // local_hands.cc: from an order to a running process.
  void import_job(const JobPtr& job);
  std::string user_of_volume(const std::string& name) const;
  void make_ready(const JobPtr& job);
  void unqueue(const JobPtr& job);
  void dispatch();
  // local_admission.cc: what an attempt asks of the machine.
  void ask(const JobPtr& job);
  void give_back(const JobPtr& job) { admission_.drop(job->number); }
  void hold_found(const JobPtr& job, const Found* what);
  static Aside need_aside(const Job& job);
  void apply_need(Job& job, AttemptSpec& spec) const;
  void tell_waiting();
  void lay_out_job(const JobPtr& job);
  void launch(const JobPtr& job, Result<AttemptSpec> spec);
  void fail_soon(const JobPtr& job, FailureKind kind, std::string message);
  Status ensure_supervisor();
  Status send_starts();  // an error: the supervisor is gone
  // local_ends.cc: from what the supervisor says to an answer.
  void on_supervisor();
  void on_began(const AttemptBegan& began);
  void on_exit(const AttemptExit& exit);
  void on_bad_exit(const JobPtr& job, const AttemptExit& exit);
  void collect_job(const JobPtr& job);
  void on_collected(const JobPtr& job, Collected collected);
  void on_supervisor_lost(const std::string& why);
  void lose_job(const JobPtr& job, std::string message, bool acknowledge);
  void fail_job(const JobPtr& job, FailureKind kind, int exit_code, std::string message);
  void answer(const JobPtr& job, Event event);
  void tidy_and_answer(const JobPtr& job, Event event);
  // local_adopt.cc: what an owner before us has left.
  bool adopt(const JobPtr& job);
  void note_found(const SupervisorEvent& event);
  void settle_found();
  // local_holds.cc: runs that are held back, and what cannot be done for now.
  void on_withdrawn(const AttemptsWithdrawn& withdrawn);
  void put_off(const JobPtr& job, const Error& error);
  void try_later(const JobPtr& job, const Error& error, std::function<void()> again);
  void note_trouble(const JobPtr& job, const Error& error);
  void overcome(const JobPtr& job);
  void pause();
  // local_known.cc: what need not run.
  void link_job(const JobPtr& job);
  void on_linked(const JobPtr& job, Result<TaskData> outputs);
  // local_checkpoints.cc: what is to be removed, by the flush after the commit.
  struct Removal {
    std::string path;
    bool only_if_empty = false;
  };
  struct Removals {
    std::mutex mutex;
    std::vector<Removal> waiting;  // guarded by mutex
    void carry_out();
  };
  void leave_checkpoint(const Job& job);
  void leave_checkpoints(const Uuid& run);
  void remove_checkpoints();
  // local_builds.cc: environments.
  void await_environment(const JobPtr& job);
  std::shared_ptr<Build> build_of(const EnvironmentSpec& spec);
  static void cancel_if_unwanted(Build& build);
  void on_built(const std::string& key, Result<Environment> environment);
  std::vector<Uuid> runs_waiting(const Build& build) const;

  Loop& loop_;
  const DataDir& dir_;
  ObjectStore& objects_;
  EnvironmentStore& environments_;
  const LocalHandsOptions options_;
  Listener listener_;
  std::unique_ptr<Supervisor> supervisor_;
  std::map<std::string, JobPtr> jobs_;  // by attempt id, until answered
  Queue ready_;
  std::map<Uuid, Queue> held_;  // runs that are held, and what of them is ready
  std::uint64_t numbers_ = 0;  // given out
  ResourceQueue admission_;  // by number: those in ready_ ask, those that are laid out or run hold
  std::vector<std::uint64_t> asked_;  // for more than a slot, since tell_waiting() was last called
  std::vector<AttemptSpec> starts_;  // collected for the next flush
  std::vector<std::string> acks_;
  std::vector<ObjectStore::Lease> answered_;  // of what is answered and, until the next flush, perhaps not committed
  std::vector<Removal> removals_due_;
  std::shared_ptr<Removals> removals_ = std::make_shared<Removals>();  // that the pool has not begun with
  std::map<std::string, Found> found_;  // by attempt id; until the first flush
  bool is_settled_ = true;  // false: from attach() to the first flush
  bool found_all_ = true;  // what is not in found_ never began
  std::set<std::string> troubled_;  // attempts that cannot go on for now
  std::vector<std::function<void()>> later_;  // to be tried again after the pause
  bool is_troubled_ = false;  // the listener has been told so
  bool is_pausing_ = false;  // nothing is started
  bool is_over_ = false;  // end_tasks() was called
  std::map<std::string, std::shared_ptr<Build>> builds_;  // by environment key, while they are built
  std::map<std::string, std::string> built_;  // key -> bin directory, known to be there
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // posted calls that come too late see it gone
  WorkPool pool_;  // last: its threads end first
  WorkPool builders_;
};

}  // namespace sluice
