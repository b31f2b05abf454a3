// Attempts that may not use all of the machine, and those for which it had no more.
#include <algorithm>
#include <csignal>
#include <limits>
#include <utility>

#include "exec/supervisor_loop.h"

namespace sluice {

void SupervisorLoop::look_at_limits() {
  if (now_ < look_at_) return;
  int every_ms = std::numeric_limits<int>::max();
  for (const auto& [id, attempt] : attempts_) {
    AttemptLimit* limit = attempt->limit();
    if (limit == nullptr || attempt->has_main_ended()) continue;
    every_ms = std::min(every_ms, limit->look_every_ms());
    // Its other processes would wait for the one that is gone.
    if (limit->look(attempt->pid())) ::kill(-attempt->pid(), SIGKILL);
  }
  look_at_ = now_ + std::chrono::milliseconds(std::min(every_ms, 1000));
}

// A death by SIGKILL that nobody has ordered (137: of a child, as a shell tells it), and the kernel has killed something
// meanwhile.
void SupervisorLoop::note_oom(AttemptProcess& attempt) {
  if (attempt.exit().exit_code != 128 + SIGKILL || attempt.kill_at || attempt.exit().out_of_memory) return;
  const std::int64_t kills = oom_kills();
  if (kills > std::exchange(oom_kills_, std::max(oom_kills_, kills)) && oom_kills_ >= 0) attempt.note_oom();
}

}  // namespace sluice
