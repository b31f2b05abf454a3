// What the engine has done for it: attempts are started and stopped, and what became of them is reported as events.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "engine/attempt.h"
#include "sched/admission.h"
#include "sched/sched.h"

namespace sluice {

struct BuildNotice {
  std::string environment;  // key
  std::string name;         // for people: "pandas, scikit-learn"
  BuildProgress progress;
  bool finished = false;
  bool failed = false;
  double seconds = 0;
  std::vector<Uuid> runs;    // that wait for it
};

// What else is to be told of an attempt; mostly nothing.
struct Aside {
  std::string note;     // a warning for the task
  std::string process;  // of a Python component: "warm", or "cold: <why>"
  std::string gpus;     // that it was given: "0,1"
};

// What attempts hold of the machine, and what there is, for /metrics.
struct HandsFigures {
  Capacity capacity;
  ResourceQueue::Figures used;
};

class Hands {
 public:
  struct Listener {
    std::function<void(const Uuid& run, Event event, Aside aside)> report;
    std::function<void(const BuildNotice&)> building;
    // It may start, but what it asks for is not free: "2 cpus", "pool 'db' (1 of 1)". Told once, of attempts that ask for more
    // than a slot.
    std::function<void(const Uuid& run, TaskId task, const std::string& what)> waiting;
    // Nothing can be started or taken in for now (disk full, no descriptors left); it is tried again. Empty message: it works
    // again.
    std::function<void(const Error&)> trouble;
    // The content of what an order had as `cached` is gone. The order is void, and may be given again without.
    std::function<void(const Uuid& run, TaskId task, int attempt)> uncached;
  };
  virtual ~Hands() = default;
  virtual void listen(Listener listener) = 0;

  // The run will probably need these, in this order: what is not there may be built ahead. Whether that works shows when a task
  // needs it.
  virtual void prepare(const Uuid& run, const std::vector<EnvironmentSpec>& environments) = 0;
  // The run has ended: nothing needs to be built for it any more.
  virtual void release(const Uuid& run) = 0;
  // The run is no more, and none of its attempts: its checkpoints go.
  virtual void drop_checkpoints(const Uuid& /*run*/) {}

  // Nothing of the run starts until let_go(); what runs goes on, and holds its slot only until it ends. Orders that come
  // meanwhile wait. Both may be called again without effect.
  virtual void hold(const Uuid& run) = 0;
  virtual void let_go(const Uuid& run) = 0;

  // Each order is answered by one AttemptSucceeded or AttemptFailed, later and never from within this call; AttemptStarted comes
  // before if a process was started. One with `cached` is answered by AttemptCached or uncached(), without a slot and without its
  // environment. An order that an owner before us may have given (`again`) is answered by what became of it:
  // its process is found and waited for, or has ended meanwhile, or never began and is started now, or is kLost. Such orders all
  // come before the first flush(); what still runs then and was not ordered is ended.
  virtual void start(AttemptOrder order) = 0;
  // Ends an attempt early; it is still answered, by whatever came first. Unknown attempts are ignored.
  virtual void stop(const Uuid& run, TaskId task, int attempt, FailureKind why) = 0;
  // Sends what start() and stop() collected. Called at the end of a turn.
  virtual void flush() = 0;
  virtual HandsFigures figures() const { return {}; }
};

}  // namespace sluice
