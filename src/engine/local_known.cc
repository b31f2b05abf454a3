// Attempts whose outputs are known: they get links instead of a process, and need no slot.
#include <algorithm>
#include <utility>

#include "engine/known_outputs.h"
#include "engine/local_hands.h"

namespace sluice {

void LocalHands::link_job(const JobPtr& job) {
  // Nothing of a run that is held goes on: let_go() comes back to it.
  if (const auto held = held_.find(job->attempt.order.run); held != held_.end()) return make_ready(job);
  job->phase = Phase::kLinking;
  const auto& artifacts = job->attempt.order.cached->artifacts;
  const auto came = [this, job, alive = std::weak_ptr(alive_)](Result<TaskData> outputs) {
    loop_.post([this, job, alive, outputs = std::move(outputs)] {
      if (!alive.expired()) on_linked(job, outputs);
    });
  };
  const bool has_content = std::any_of(artifacts.begin(), artifacts.end(), [](const auto& entry) {
    return std::any_of(entry.second.begin(), entry.second.end(), [](const Artifact& one) { return !one.digest.empty(); });
  });
  if (!has_content) return came(link_outputs(job->attempt, objects_));
  pool_.submit([this, job, came] { came(link_outputs(job->attempt, objects_)); });
}

void LocalHands::on_linked(const JobPtr& job, Result<TaskData> outputs) {
  const AttemptOrder& order = job->attempt.order;
  if (outputs) return answer(job, AttemptCached{order.task, order.attempt, std::move(*outputs)});
  if (job->stopped) return fail_job(job, job->why, 0, "stopped before it began");
  if (outputs.error().code == Code::kUnavailable) return try_later(job, outputs.error(), [this, job] { link_job(job); });
  // Whatever is wrong with it, the task can make it anew.
  if (is_over_ || jobs_.erase(job->attempt.id) == 0) return;
  overcome(job);
  if (listener_.uncached) listener_.uncached(order.run, order.task, order.attempt);
}

}  // namespace sluice
