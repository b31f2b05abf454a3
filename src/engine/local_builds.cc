// Environments that attempts wait for. Each key is built once, whoever asks, in a thread of its own.
#include <algorithm>
#include <utility>

#include "base/text.h"
#include "engine/local_hands.h"
#include "exec/log.h"

namespace sluice {
namespace {

// "pandas, scikit-learn": what the author asked for, without the executor and without versions.
std::string name_of(const EnvironmentSpec& spec) {
  std::vector<std::string> names;
  for (const std::string& requirement : spec.requirements) {
    const std::string name = requirement.substr(0, requirement.find_first_of(" ;<>=!~[@"));
    const bool own = std::find(spec.no_deps.begin(), spec.no_deps.end(), requirement) != spec.no_deps.end();
    if (!own && !name.empty()) names.push_back(name);
  }
  if (names.empty()) return "kfp";
  constexpr std::size_t kShown = 4;
  const std::size_t more = names.size() > kShown ? names.size() - kShown : 0;
  names.resize(names.size() - more);
  return join(names, ", ") + (more > 0 ? " and " + std::to_string(more) + " more" : "");
}

}  // namespace

void LocalHands::prepare(const Uuid& run, const std::vector<EnvironmentSpec>& environments) {
  for (const EnvironmentSpec& spec : environments)
    if (!built_.contains(spec.key)) build_of(spec)->wanted_by.insert(run);
}

void LocalHands::release(const Uuid& run) {
  leave_checkpoints(run);
  for (auto& [key, build] : builds_) {
    build->wanted_by.erase(run);
    cancel_if_unwanted(*build);
  }
  let_go(run);
}

void LocalHands::cancel_if_unwanted(Build& build) {
  if (build.waiting.empty() && build.wanted_by.empty()) build.cancelled = true;
}

void LocalHands::await_environment(const JobPtr& job) {
  const EnvironmentSpec& spec = *job->attempt.order.site->environment;
  if (const auto found = built_.find(spec.key); found != built_.end()) {
    environments_.note_use(spec.key);
    job->environment_bin = found->second;
    return make_ready(job);
  }
  job->phase = Phase::kEnvironment;
  build_of(spec)->waiting.push_back(job);
}

// The build that is under way, else a new one.
std::shared_ptr<LocalHands::Build> LocalHands::build_of(const EnvironmentSpec& spec) {
  auto& build = builds_[spec.key];
  if (build != nullptr && !build->cancelled) return build;
  build = std::make_shared<Build>();
  build->name = name_of(spec);
  builders_.submit([this, spec, build = build, alive = std::weak_ptr(alive_)] {
    const auto progress = [&](const BuildProgress& now) {
      loop_.post(
          [this, alive, build, notice = BuildNotice{.environment = spec.key, .name = build->name, .progress = now}]() mutable {
            if (alive.expired() || !listener_.building) return;
            notice.runs = runs_waiting(*build);
            build->told = true;
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
  return build;
}

void LocalHands::on_built(const std::string& key, Result<Environment> environment) {
  const auto build = builds_.at(key);
  builds_.erase(key);
  if (build->told && listener_.building)
    listener_.building({.environment = key,
                        .name = build->name,
                        .progress = {},
                        .finished = true,
                        .failed = !environment,
                        .seconds = environment ? environment->build_seconds : 0,
                        .runs = runs_waiting(*build)});
  if (environment) built_[key] = environment->path + "/bin";
  if (environment && !build->waiting.empty()) environments_.note_use(key);
  for (const JobPtr& job : build->waiting) {
    if (environment) {
      job->environment_bin = environment->path + "/bin";
      make_ready(job);
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
  std::vector<Uuid> runs(build.wanted_by.begin(), build.wanted_by.end());
  for (const JobPtr& job : build.waiting) runs.push_back(job->attempt.order.run);
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  return runs;
}

}  // namespace sluice
