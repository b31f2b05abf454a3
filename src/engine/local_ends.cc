// How attempts end: from what the supervisor reports to the event that the engine is told.
#include <algorithm>
#include <utility>

#include "base/match.h"
#include "base/text.h"
#include "engine/attempt_platform.h"
#include "engine/container.h"
#include "engine/local_hands.h"
#include "exec/log.h"
#include "exec/redact.h"

namespace sluice {
namespace {

// "exit code 1: ValueError: boom": the last line that the task printed mostly says why.
std::string exit_message(const AttemptExit& exit, const std::string& log) {
  if (!exit.error.empty()) return exit.error;
  if (exit.lost) return "the warm worker that it was forked from has died, and it with that";
  std::string message =
      exit.signal != 0 ? "ended by signal " + std::to_string(exit.signal) : "exit code " + std::to_string(exit.exit_code);
  if (exit.exit_code == 137 && exit.signal == 0) message += " (killed, often for want of memory)";
  if (const auto last = last_log_lines(log, 1); last && !trim(*last).empty())
    message += ": " + std::string(trim(*last).substr(0, 300));
  return message;
}

Usage usage_of(const AttemptExit& exit, std::size_t gpus) {
  const Duration wall = std::max(exit.ended - exit.began, Duration{0});
  return {.cpu = exit.cpu, .wall = wall, .gpu = wall * static_cast<std::int64_t>(gpus), .peak_bytes = exit.max_rss_bytes};
}

// Where the peak stayed well below the limit it was the machine that had no more.
std::string shortage_text(std::int64_t peak, std::int64_t limit) {
  const auto bytes = [](std::int64_t amount) { return format_bytes(static_cast<double>(amount)); };
  if (limit == 0 || peak < limit / 10 * 9) return "out of memory: used " + bytes(peak) + ", and the machine had no more";
  return "out of memory: used " + bytes(peak) + ", the limit is " + bytes(limit);
}

}  // namespace

void LocalHands::on_supervisor() {
  // Until there is nothing more: a supervisor that is gone says so only after its last events.
  while (supervisor_ != nullptr) {
    const auto events = supervisor_->receive();
    if (!events) return on_supervisor_lost(events.error().message);
    if (events->empty()) return;
    for (const SupervisorEvent& event : *events)
      std::visit(Match{[&](const AttemptExit& exit) { on_exit(exit); }, [&](const AttemptBegan& began) { on_began(began); },
                       [&](const AttemptsWithdrawn& withdrawn) { on_withdrawn(withdrawn); },
                       [&](const AttemptLost& lost) {
                         const auto found = jobs_.find(lost.id);
                         if (found == jobs_.end()) return note_found(lost);
                         if (found->second->phase == Phase::kRunning)
                           lose_job(found->second, "its supervisor is gone: " + lost.why, true);
                       }},
                 event);
  }
}

void LocalHands::on_began(const AttemptBegan& began) {
  const auto found = jobs_.find(began.id);
  if (found == jobs_.end()) return note_found(began);
  found->second->began = true;
  const AttemptOrder& order = found->second->attempt.order;
  listener_.report(order.run, AttemptStarted{order.task, order.attempt, found->second->adopted ? began.at : Instant{}},
                   need_aside(*found->second));
}

void LocalHands::on_exit(const AttemptExit& exit) {
  const auto found = jobs_.find(exit.id);
  if (found == jobs_.end()) return note_found(exit);
  const JobPtr job = found->second;
  if (job->phase != Phase::kRunning) return;  // told twice
  give_back(job);
  if (exit.unavailable && !job->stopped) {
    acks_.push_back(exit.id);
    return put_off(job, {Code::kUnavailable, exit.error, ""});
  }
  job->aside = need_aside(*job);
  job->aside.process = exit.process;
  if (!exit.note.empty()) job->aside.note += (job->aside.note.empty() ? "" : "; ") + exit.note;
  job->usage = usage_of(exit, job->gpus.size());
  if (exit.exit_code != 0 || exit.signal != 0 || !exit.error.empty()) return on_bad_exit(job, exit);
  if (!job->attempt.has_outputs() && job->attempt.linked.empty())
    return answer(job, AttemptSucceeded{job->attempt.order.task, job->attempt.order.attempt, {}, job->usage});
  job->phase = Phase::kCollecting;
  collect_job(job);
}

void LocalHands::collect_job(const JobPtr& job) {
  if (!job->lease) job->lease = objects_.lease();
  pool_.submit([this, job, alive = std::weak_ptr(alive_)] {
    auto collected = collect(job->attempt, objects_);
    loop_.post([this, job, alive, collected = std::move(collected)] {
      if (!alive.expired()) on_collected(job, collected);
    });
  });
}

void LocalHands::on_bad_exit(const JobPtr& job, const AttemptExit& exit) {
  job->left_container = exit.signal != 0 && !job->attempt.order.site->container_engine.empty();
  const FailureKind kind = job->stopped         ? job->why
                           : exit.out_of_memory ? FailureKind::kMemory
                           : exit.lost          ? FailureKind::kLost
                           : exit.error.empty() ? FailureKind::kExit
                                                : FailureKind::kStart;
  std::string message = job->stopped && job->why == FailureKind::kTimeout ? "took longer than its time limit"
                        : kind == FailureKind::kMemory ? shortage_text(exit.max_rss_bytes, job->attempt.order.need.memory_limit)
                                                       : exit_message(exit, job->attempt.log());
  if (job->attempt.linked.empty()) return fail_job(job, kind, exit.exit_code, std::move(message));
  // The next attempt must not be given an object that this one has changed.
  job->phase = Phase::kCollecting;
  pool_.submit([this, job, kind, code = exit.exit_code, message = std::move(message), alive = std::weak_ptr(alive_)]() mutable {
    if (const Status unchanged = check_inputs(job->attempt, objects_); !unchanged) message += "; it " + unchanged.error().message;
    loop_.post([this, job, kind, code, message = std::move(message), alive] {
      if (!alive.expired()) fail_job(job, kind, code, message);
    });
  });
}

void LocalHands::on_collected(const JobPtr& job, Collected collected) {
  if (!collected.outputs && collected.outputs.error().code == Code::kUnavailable && !job->stopped)
    return try_later(job, collected.outputs.error(), [this, job] {
      if (job->attempt.order.site == nullptr)
        import_job(job);
      else
        collect_job(job);
    });
  if (!collected.outputs) return fail_job(job, collected.failure, 0, collected.outputs.error().message);
  answer(job, AttemptSucceeded{job->attempt.order.task, job->attempt.order.attempt, std::move(*collected.outputs), job->usage});
}

void LocalHands::on_supervisor_lost(const std::string& why) {
  loop_.unwatch(supervisor_->fd());
  supervisor_.reset();
  starts_.clear();
  acks_.clear();
  for (const auto& [id, job] : jobs_)
    if (job->phase == Phase::kRunning) lose_job(job, "its supervisor is gone: " + why, false);
}

// Its processes should have died with the supervisor; a new attempt may only start when none is left.
void LocalHands::lose_job(const JobPtr& job, std::string message, bool acknowledge) {
  job->phase = Phase::kCollecting;
  pool_.submit([this, job, message = std::move(message), acknowledge, alive = std::weak_ptr(alive_)] {
    const auto ended = end_leftovers(job->attempt.id);
    loop_.post([this, job, message, acknowledge, alive, ended] {
      if (alive.expired()) return;
      if (!ended) return try_later(job, ended.error(), [=, this] { lose_job(job, message, acknowledge); });
      give_back(job);
      job->left_container = !job->attempt.order.site->container_engine.empty();
      if (!acknowledge) job->phase = Phase::kReady;  // there is nobody left to acknowledge it to
      fail_job(job, job->stopped ? job->why : FailureKind::kLost, 0, message);
    });
  });
}

void LocalHands::fail_job(const JobPtr& job, FailureKind kind, int exit_code, std::string message) {
  if (!job->attempt.order.redact.empty()) message = redacted(message, job->attempt.order.redact);
  answer(job,
         AttemptFailed{job->attempt.order.task, job->attempt.order.attempt, kind, exit_code, std::move(message), job->usage});
}

// Secrets must be gone before anybody can think that the attempt is, and a container before the next attempt begins.
void LocalHands::tidy_and_answer(const JobPtr& job, Event event) {
  job->is_tidy = true;
  if (job->phase == Phase::kRunning) job->phase = Phase::kCollecting;  // its end is known: it is not told again, nor lost
  pool_.submit([this, job, event = std::move(event), alive = std::weak_ptr(alive_)] {
    if (job->left_container) remove_container(job->attempt.order.site->container_engine, job->attempt.id);
    remove_own_folders(job->attempt);
    loop_.post([this, job, alive, event] {
      if (!alive.expired()) answer(job, event);
    });
  });
}

void LocalHands::answer(const JobPtr& job, Event event) {
  if (!is_over_ && !job->is_tidy && (job->left_container || !job->attempt.order.folders.empty()))
    return tidy_and_answer(job, std::move(event));
  if (is_over_ || jobs_.erase(job->attempt.id) == 0) return;
  overcome(job);
  if (job->lease) answered_.push_back(std::move(job->lease));
  // Sent by the next flush, which comes after the commit of what is reported here.
  if (job->phase == Phase::kRunning || (job->phase == Phase::kCollecting && job->attempt.order.site != nullptr))
    acks_.push_back(job->attempt.id);
  // One that is known and never began has left none.
  const bool is_known = std::holds_alternative<AttemptCached>(event) && job->attempt.order.attempt > 1;
  if (std::holds_alternative<AttemptSucceeded>(event) || is_known) leave_checkpoint(*job);
  listener_.report(job->attempt.order.run, std::move(event), std::move(job->aside));
}

}  // namespace sluice
