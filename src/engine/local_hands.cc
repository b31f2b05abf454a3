#include "engine/local_hands.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "engine/attempt_platform.h"

namespace sluice {
namespace {

std::string attempt_id(const Uuid& run, TaskId task, int attempt) {
  return run.text() + "/" + std::to_string(task.value) + "/" + std::to_string(attempt);
}

Capacity capacity_of(const LocalHandsOptions& options) {
  Capacity capacity = options.machine;
  capacity.slots = options.slots;
  capacity.ahead = options.ahead;
  return capacity;
}

}  // namespace

LocalHands::LocalHands(Loop& loop, const DataDir& dir, ObjectStore& objects, EnvironmentStore& environments,
                       LocalHandsOptions options)
    : loop_(loop),
      dir_(dir),
      objects_(objects),
      environments_(environments),
      options_(std::move(options)),
      admission_(capacity_of(options_)),
      pool_("work", std::max(2, static_cast<int>(std::thread::hardware_concurrency()))),
      builders_("build", 2) {}

LocalHands::~LocalHands() {
  for (auto& [key, build] : builds_) build->cancelled = true;
  if (supervisor_ != nullptr) loop_.unwatch(supervisor_->fd());
  supervisor_.reset();
  removals_->carry_out();  // the pool drops what it has not begun with
}

Status LocalHands::end_tasks() {
  is_over_ = true;
  for (auto& [key, build] : builds_) build->cancelled = true;
  if (supervisor_ == nullptr) return {};
  loop_.unwatch(supervisor_->fd());
  Status ended = supervisor_->shut_down();
  supervisor_.reset();
  for (const auto& [id, job] : jobs_)
    if (!job->attempt.order.folders.empty()) remove_own_folders(job->attempt);
  return ended;
}

void LocalHands::start(AttemptOrder order) {
  const auto job = std::make_shared<Job>(Job{.attempt = Attempt(std::move(order), dir_)});
  jobs_.emplace(job->attempt.id, job);
  if (job->attempt.order.cached) job->lease = objects_.lease();
  if (job->attempt.order.site == nullptr) return import_job(job);
  if (job->attempt.order.again && adopt(job)) return job->attempt.order.cached.reset();
  if (job->attempt.order.cached) return link_job(job);
  if (job->attempt.order.site->environment)
    await_environment(job);
  else
    make_ready(job);
}

void LocalHands::import_job(const JobPtr& job) {
  job->phase = Phase::kCollecting;
  if (!job->lease) job->lease = objects_.lease();
  const AttemptOrder& order = job->attempt.order;
  if (order.volume && order.volume->removes)
    if (std::string user = user_of_volume(order.volume->name); !user.empty())
      return fail_soon(job, FailureKind::kExit, "volume '" + order.volume->name + "' is in use by task '" + user + "'");
  pool_.submit([this, job, alive = std::weak_ptr(alive_)] {
    const auto& volume = job->attempt.order.volume;
    auto outputs =
        volume ? carry_out_volume_task(*volume, dir_, job->attempt.order.again) : import_artifact(job->attempt, objects_);
    loop_.post([this, job, alive, outputs = std::move(outputs)] {
      if (!alive.expired()) on_collected(job, Collected{FailureKind::kOutput, outputs});
    });
  });
}

// The task that has the volume mounted, or waits to have it; empty: none.
std::string LocalHands::user_of_volume(const std::string& name) const {
  const std::string path = dir_.volumes() + "/" + name;
  for (const auto& [id, job] : jobs_)
    for (const AttemptMount& mount : job->attempt.order.mounts)
      if (mount.source == path || mount.source.starts_with(path + "/")) return job->attempt.order.task_name;
  return {};
}

void LocalHands::make_ready(const JobPtr& job) {
  job->phase = Phase::kReady;
  if (job->number == 0) job->number = ++numbers_;
  const auto held = held_.find(job->attempt.order.run);
  (held != held_.end() ? held->second : ready_).emplace(job->number, job);
  if (held == held_.end()) ask(job);
}

void LocalHands::unqueue(const JobPtr& job) {
  give_back(job);
  ready_.erase(job->number);
  if (const auto held = held_.find(job->attempt.order.run); held != held_.end()) held->second.erase(job->number);
}

void LocalHands::stop(const Uuid& run, TaskId task, int attempt, FailureKind why) {
  const auto found = jobs_.find(attempt_id(run, task, attempt));
  if (found == jobs_.end() || found->second->stopped) return;
  const JobPtr job = found->second;
  job->stopped = true;
  job->why = why;
  switch (job->phase) {
    case Phase::kEnvironment:
    case Phase::kReady:
      unqueue(job);
      for (auto& [key, build] : builds_) {
        std::erase(build->waiting, job);
        cancel_if_unwanted(*build);
      }
      fail_soon(job, why, "stopped before it began");
      break;
    case Phase::kRunning:
      // The supervisor must not hear of the end before the start, nor of a start that nobody wants any more.
      if (std::erase_if(starts_, [&](const AttemptSpec& spec) { return spec.id == job->attempt.id; }) > 0) {
        give_back(job);
        job->phase = Phase::kReady;
        fail_soon(job, why, "stopped before it began");
        break;
      }
      // An error means that the supervisor is gone: then the attempt is reported as lost.
      if (supervisor_ != nullptr) (void)supervisor_->stop(job->attempt.id, options_.stop_grace).has_value();
      break;
    case Phase::kLinking:
    case Phase::kLayingOut:     // seen when it comes back
    case Phase::kCollecting:    // its process has ended already
      break;
  }
}

void LocalHands::flush() {
  if (is_over_) return;
  answered_.clear();  // a flush comes after the commit of what was answered
  const bool is_first = !is_settled_;
  if (is_first) settle_found();
  dispatch();
  if (!removals_due_.empty()) remove_checkpoints();
  if (supervisor_ == nullptr) return;
  Status sent;
  if (!acks_.empty() || is_first) sent = supervisor_->ack(acks_);
  acks_.clear();
  if (sent) sent = send_starts();
  if (sent) return;
  // A supervisor that cannot be written to is as good as gone, after what it has said before.
  loop_.post([this, why = sent.error().message, tried = supervisor_.get(), alive = std::weak_ptr(alive_)] {
    if (alive.expired() || supervisor_.get() != tried) return;
    on_supervisor();
    if (supervisor_.get() == tried) on_supervisor_lost(why);
  });
}

Status LocalHands::send_starts() {
  const std::vector<AttemptSpec> starts = std::exchange(starts_, {});
  if (starts.empty()) return {};
  Status sent = supervisor_->start(starts);
  if (sent || sent.error().code == Code::kUnavailable) return sent;
  // One of them cannot be sent, and with it none was: that one fails, the others start.
  for (const AttemptSpec& spec : starts) {
    sent = supervisor_->start({&spec, 1});
    if (sent) continue;
    if (sent.error().code == Code::kUnavailable) return sent;
    const JobPtr job = jobs_.at(spec.id);
    give_back(job);
    job->phase = Phase::kReady;
    fail_soon(job, FailureKind::kStart, sent.error().message);
  }
  return {};
}

void LocalHands::dispatch() {
  while (!is_pausing_) {
    auto grant = admission_.next();
    if (!grant) break;
    const JobPtr job = ready_.extract(grant->ticket).mapped();
    job->gpus = std::move(grant->gpus);
    job->phase = Phase::kLayingOut;
    lay_out_job(job);
  }
  tell_waiting();
}

void LocalHands::lay_out_job(const JobPtr& job) {
  const auto work = [this, job, is_there = job->laid_out]() -> Result<AttemptSpec> {
    if (!is_there) SLUICE_TRY_STATUS(lay_out(job->attempt, objects_));
    return make_spec(job->attempt, job->environment_bin, options_.warm);
  };
  // Without artifacts this is two mkdirs: not worth a trip to another thread.
  if (!job->attempt.has_input_artifacts()) return launch(job, work());
  pool_.submit([this, job, work, alive = std::weak_ptr(alive_)] {
    auto spec = work();
    loop_.post([this, job, alive, spec = std::move(spec)] {
      if (!alive.expired()) launch(job, spec);
    });
  });
}

void LocalHands::launch(const JobPtr& job, Result<AttemptSpec> spec) {
  const auto give_up = [&](FailureKind kind, std::string problem) {
    give_back(job);
    fail_soon(job, kind, std::move(problem));
  };
  if (job->stopped) return give_up(job->why, "stopped before it began");
  if (!spec) {
    if (spec.error().code != Code::kUnavailable) return give_up(FailureKind::kStart, std::move(spec).error().message);
    give_back(job);
    return put_off(job, spec.error());
  }
  job->laid_out = true;
  if (held_.contains(job->attempt.order.run)) {
    give_back(job);
    return make_ready(job);
  }
  if (const Status there = ensure_supervisor(); !there) {
    if (there.error().code != Code::kUnavailable)
      return give_up(FailureKind::kLost, "no supervisor could be started: " + there.error().message);
    give_back(job);
    return put_off(job, there.error());
  }
  overcome(job);
  job->phase = Phase::kRunning;
  apply_need(*job, *spec);
  starts_.push_back(std::move(*spec));
}

// Answers never come from within a call of the engine's.
void LocalHands::fail_soon(const JobPtr& job, FailureKind kind, std::string message) {
  loop_.post([this, job, kind, message = std::move(message), alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) fail_job(job, kind, 0, message);
  });
}

Status LocalHands::ensure_supervisor() {
  if (is_over_) return fail(Code::kCancelled, "all tasks are ended");
  if (supervisor_ == nullptr) {
    SLUICE_TRY(supervisor_, options_.launch_supervisor());
    if (supervisor_->fd() >= 0) loop_.watch(supervisor_->fd(), [this] { on_supervisor(); });
  }
  return supervisor_->make_ready();
}

}  // namespace sluice
