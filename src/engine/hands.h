// What the engine has done for it: attempts are started and stopped, and what became of them is reported as events.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "engine/attempt.h"
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

class Hands {
 public:
  struct Listener {
    // `note` is a warning for the task about this attempt; mostly empty.
    std::function<void(const Uuid& run, Event event, std::string note)> report;
    std::function<void(const BuildNotice&)> building;
  };
  virtual ~Hands() = default;
  virtual void listen(Listener listener) = 0;

  // The run will probably need these, in this order: what is not there may be built ahead. Whether that works shows when a task
  // needs it.
  virtual void prepare(const Uuid& run, const std::vector<EnvironmentSpec>& environments) = 0;
  // The run has ended: nothing needs to be built for it any more.
  virtual void release(const Uuid& run) = 0;

  // Each order is answered by one AttemptSucceeded or AttemptFailed, later and never from within this call; AttemptStarted comes
  // before if a process was started.
  virtual void start(AttemptOrder order) = 0;
  // Ends an attempt early; it is still answered, by whatever came first. Unknown attempts are ignored.
  virtual void stop(const Uuid& run, TaskId task, int attempt, FailureKind why) = 0;
  // Sends what start() and stop() collected. Called at the end of a turn.
  virtual void flush() = 0;
};

}  // namespace sluice
