// Processes of attempts that have lost their parent. Everything that an attempt started is a descendant of the supervisor, which
// is a subreaper: such a process becomes its child, whatever session or group it has made for itself.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "exec/attempt.h"
#include "exec/processes.h"

namespace sluice {

class Orphans {
 public:
  using Attempts = std::unordered_map<std::string, std::unique_ptr<AttemptProcess>>;  // by id, those that are not finished
  using Mains = std::unordered_map<pid_t, AttemptProcess*>;                           // main processes that live

  // Takes in those that have become our children since the last call. One read of a file when there are none: as many children
  // as `expected`.
  void find(const Attempts& attempts, const Mains& mains, std::size_t expected);
  // Asks those of an attempt whose main process has ended to end, or kills them once its grace is over. False: there are none.
  // The last attempt (`is_last`) has those too that belong to nobody we know.
  bool end_those_of(const AttemptProcess& attempt, bool is_last, Instant now);
  // The process is gone and has been waited for.
  void forget(pid_t pid) { orphans_.erase(pid); }
  // The last act: whatever is still a child of ours, wherever it came from, and waits for it. Helpers are left to finish.
  void kill_children();

 private:
  struct Orphan {
    std::string attempt;
    bool told = false;  // SIGTERM has been sent
  };

  ChildList children_;
  std::unordered_map<pid_t, Orphan> orphans_;
  std::vector<pid_t> pids_;  // kept for its memory
};

}  // namespace sluice
