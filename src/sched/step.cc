#include <algorithm>
#include <utility>
#include <variant>

#include "sched/turn.h"

namespace sluice {

Outcome step(const Plan& plan, State& state, const Event& event, Instant now) {
  Turn turn(plan, state, now);
  std::visit([&](const auto& happened) { turn.on(happened); }, event);
  return std::move(turn).finish();
}

Outcome Turn::finish() && {
  const auto pop = [](std::deque<TaskId>& queue) {
    const TaskId id = queue.front();
    queue.pop_front();
    return id;
  };
  while (!ended_.empty() || !ready_.empty()) {
    if (!ended_.empty())
      tell_others(pop(ended_));
    else
      begin(pop(ready_));
  }
  std::sort(out_.changed.begin(), out_.changed.end());
  out_.changed.erase(std::unique(out_.changed.begin(), out_.changed.end()), out_.changed.end());
  return std::move(out_);
}

}  // namespace sluice
