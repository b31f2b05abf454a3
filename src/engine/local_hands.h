// Attempts as processes of this machine: slots, environments, the supervisor.
//
// An attempt goes: waiting for its environment -> ready -> laid out -> running -> collected -> answered. Only laid-out and
// running attempts hold a slot; outputs are collected in the pool after the slot is free again.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/hands.h"
#include "engine/loop.h"
#include "engine/work_pool.h"
#include "exec/environment.h"
#include "exec/supervisor.h"
#include "store/object_store.h"

namespace sluice {

struct LocalHandsOptions {
  int slots = 2;
  // So many more are sent to the supervisor ahead of free slots, so that none waits for us: 10,000 `true` took 1.4 times as long
  // without.
  int ahead = 2;
  Duration stop_grace = std::chrono::seconds(10);
  std::function<Result<std::unique_ptr<Supervisor>>()> launch_supervisor;
};

class LocalHands final : public Hands {
 public:
  LocalHands(Loop& loop, const DataDir& dir, ObjectStore& objects, EnvironmentStore& environments, LocalHandsOptions options);
  ~LocalHands() override;

  void listen(Listener listener) override { listener_ = std::move(listener); }
  void prepare(const Uuid& run, const std::vector<EnvironmentSpec>& environments) override;
  void release(const Uuid& run) override;
  void start(AttemptOrder order) override;
  void stop(const Uuid& run, TaskId task, int attempt, FailureKind why) override;
  void flush() override;

 private:
  enum class Phase { kEnvironment, kReady, kLayingOut, kRunning, kCollecting };
  struct Job {
    Attempt attempt;
    Phase phase = Phase::kReady;
    bool stopped = false;
    FailureKind why = FailureKind::kExit;  // of the stop
    std::string environment_bin;
    std::string note;  // of the supervisor, for the task
  };
  using JobPtr = std::shared_ptr<Job>;
  struct Build {
    std::string name;
    std::vector<JobPtr> waiting;
    std::set<Uuid> wanted_by;  // runs that will need it, but not yet
    bool told = false;  // somebody has seen it progress, so its end is news
    std::atomic<bool> cancelled{false};
  };

  // local_hands.cc: from an order to a running process.
  void dispatch();
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
  void on_collected(const JobPtr& job, Collected collected);
  void on_supervisor_lost(const std::string& why);
  void fail_job(const JobPtr& job, FailureKind kind, int exit_code, std::string message);
  void answer(const JobPtr& job, Event event);
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
  std::deque<JobPtr> ready_;  // in the order of their starts
  int busy_ = 0;  // slots in use
  std::vector<AttemptSpec> starts_;  // collected for the next flush
  std::vector<std::string> acks_;
  std::map<std::string, std::shared_ptr<Build>> builds_;  // by environment key, while they are built
  std::map<std::string, std::string> built_;  // key -> bin directory, known to be there
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // posted calls that come too late see it gone
  WorkPool pool_;  // last: its threads end first
  WorkPool builders_;
};

}  // namespace sluice
