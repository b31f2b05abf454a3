// Environments that attempts wait for. Each key is built once, whoever asks, in a thread of its own.
#include <algorithm>
#include <utility>

#include "engine/local_hands.h"
#include "exec/log.h"

namespace sluice {

void LocalHands::await_environment(const JobPtr& job) {
  const EnvironmentSpec& spec = *job->attempt.order.site->environment;
  if (const auto found = built_.find(spec.key); found != built_.end()) {
    job->environment_bin = found->second;
    ready_.push_back(job);
    return;
  }
  job->phase = Phase::kEnvironment;
  auto& build = builds_[spec.key];
  if (build != nullptr && !build->cancelled) {
    build->waiting.push_back(job);
    return;
  }
  build = std::make_shared<Build>();
  build->waiting.push_back(job);
  builders_.submit([this, spec, build = build, alive = std::weak_ptr(alive_)] {
    const auto progress = [&](const BuildProgress& now) {
      loop_.post([this, alive, build, notice = BuildNotice{.environment = spec.key, .progress = now}]() mutable {
        if (alive.expired() || !listener_.building) return;
        notice.runs = runs_waiting(*build);
        listener_.building(notice);
      });
    };
    auto environment = environments_.ensure(spec, progress, build->cancelled);
    loop_.post([this, alive, build, key = spec.key, environment = std::move(environment)] {
      if (alive.expired()) return;
      // A cancelled build may have been followed by another one of the same key.
      if (const auto found = builds_.find(key); found != builds_.end() && found->second == build) on_built(key, environment);
    });
  });
}

void LocalHands::on_built(const std::string& key, Result<Environment> environment) {
  const auto build = builds_.at(key);
  builds_.erase(key);
  if (listener_.building)
    listener_.building({.environment = key,
                        .progress = {},
                        .finished = true,
                        .seconds = environment ? environment->build_seconds : 0,
                        .runs = runs_waiting(*build)});
  if (environment) built_[key] = environment->path + "/bin";
  for (const JobPtr& job : build->waiting) {
    if (environment) {
      job->phase = Phase::kReady;
      job->environment_bin = environment->path + "/bin";
      ready_.push_back(job);
      continue;
    }
    std::string message = "its Python environment could not be built: " + environment.error().message;
    if (auto laid_out = lay_out(job->attempt, objects_)) {
      LogWriter log(job->attempt.log(), 1 << 20);
      log.write(Stream::kNote, message + "\n", std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()));
    }
    fail_job(job, FailureKind::kStart, 0, std::move(message));
  }
}

std::vector<Uuid> LocalHands::runs_waiting(const Build& build) const {
  std::vector<Uuid> runs;
  runs.reserve(build.waiting.size());
  for (const JobPtr& job : build.waiting) runs.push_back(job->attempt.order.run);
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  return runs;
}

}  // namespace sluice
