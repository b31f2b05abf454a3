// What does not start for now: runs that are held back, and attempts for which there is no room on the disk, no descriptor, no
// memory.
#include <algorithm>
#include <utility>

#include "engine/local_hands.h"

namespace sluice {

void LocalHands::hold(const Uuid& run) {
  const auto [held, is_new] = held_.try_emplace(run);
  if (!is_new) return;
  for (auto place = ready_.begin(); place != ready_.end();) {
    const auto next = std::next(place);
    if (place->second->attempt.order.run == run) {
      give_back(place->second);
      held->second.insert(ready_.extract(place));
    }
    place = next;
  }
  std::vector<std::string> sent;
  const std::string prefix = run.text() + "/";
  for (auto at = jobs_.lower_bound(prefix); at != jobs_.end() && at->first.starts_with(prefix); ++at) {
    const JobPtr& job = at->second;
    if (job->phase != Phase::kRunning || job->began) continue;
    if (std::erase_if(starts_, [&](const AttemptSpec& spec) { return spec.id == job->attempt.id; }) > 0) {
      give_back(job);
      make_ready(job);
    } else {
      sent.push_back(at->first);
    }
  }
  // One that begins meanwhile goes on. An error means that the supervisor is gone: then they are lost.
  if (supervisor_ != nullptr && !sent.empty()) (void)supervisor_->withdraw(sent).has_value();
}

void LocalHands::let_go(const Uuid& run) {
  const auto held = held_.find(run);
  if (held == held_.end()) return;
  Queue queue = std::move(held->second);
  held_.erase(held);
  for (const auto& [number, job] : queue)
    if (job->attempt.order.cached) link_job(job);
  std::erase_if(queue, [](const auto& entry) { return entry.second->attempt.order.cached.has_value(); });
  for (const auto& [number, job] : queue) ask(job);
  ready_.merge(queue);
}

void LocalHands::on_withdrawn(const AttemptsWithdrawn& withdrawn) {
  for (const std::string& id : withdrawn.ids) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end() || found->second->phase != Phase::kRunning) continue;
    const JobPtr job = found->second;
    give_back(job);
    job->phase = Phase::kReady;
    if (job->stopped)
      fail_job(job, job->why, 0, "stopped before it began");
    else if (job->attempt.order.site->environment && job->environment_bin.empty())
      await_environment(job);  // an owner before us knew where it is
    else
      make_ready(job);
  }
}

// To be started again, in its turn.
void LocalHands::put_off(const JobPtr& job, const Error& error) {
  note_trouble(job, error);
  make_ready(job);
}

void LocalHands::try_later(const JobPtr& job, const Error& error, std::function<void()> again) {
  note_trouble(job, error);
  later_.push_back(std::move(again));
}

void LocalHands::note_trouble(const JobPtr& job, const Error& error) {
  job->troubled = true;
  troubled_.insert(job->attempt.id);
  pause();
  if (std::exchange(is_troubled_, true) || !listener_.trouble) return;
  loop_.post([this, error, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) listener_.trouble(error);
  });
}

// The attempt goes on. The trouble is over with the last one that had it.
void LocalHands::overcome(const JobPtr& job) {
  if (!std::exchange(job->troubled, false)) return;
  troubled_.erase(job->attempt.id);
  if (!troubled_.empty() || !std::exchange(is_troubled_, false) || !listener_.trouble) return;
  loop_.post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) listener_.trouble({});
  });
}

void LocalHands::pause() {
  if (std::exchange(is_pausing_, true)) return;
  loop_.after(options_.trouble_pause, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    is_pausing_ = false;
    for (const auto& again : std::exchange(later_, {})) again();
  });
}

}  // namespace sluice
