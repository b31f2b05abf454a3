// What an owner before us has left with its supervisors: attempts that run, that wait, that have ended.
#include <sys/stat.h>

#include <utility>

#include "base/match.h"
#include "engine/local_hands.h"

namespace sluice {

Status LocalHands::attach() {
  SLUICE_TRY(supervisor_, options_.launch_supervisor());
  if (supervisor_->fd() >= 0) loop_.watch(supervisor_->fd(), [this] { on_supervisor(); });
  SupervisorInventory inventory = supervisor_->inventory();
  // An attempt that is told of twice, by a dead supervisor and by one that has it now, is where it is now.
  for (AttemptExit& exit : inventory.ended) found_[exit.id] = std::move(exit);
  for (const std::string& id : inventory.held) found_[id] = Held{};
  for (AttemptBegan& began : inventory.running) found_[began.id] = std::move(began);
  found_all_ = inventory.is_complete;
  is_settled_ = false;
  return {};
}

// News of an attempt that nobody has ordered: the order may still come, else nobody wants it.
void LocalHands::note_found(const SupervisorEvent& event) {
  std::visit(Match{[&](const AttemptBegan& began) {
                     if (!is_settled_) found_[began.id] = began;
                   },
                   [&](const AttemptExit& exit) {
                     if (is_settled_)
                       acks_.push_back(exit.id);
                     else
                       found_[exit.id] = exit;
                   },
                   [&](const AttemptLost& lost) {
                     acks_.push_back(lost.id);
                     if (found_.erase(lost.id) > 0) found_all_ = false;
                   },
                   [](const AttemptsWithdrawn&) {}},
             event);
}

// False: it never began, or that is not known: it is to be started as if it had not been ordered before.
bool LocalHands::adopt(const JobPtr& job) {
  const auto found = found_.find(job->attempt.id);
  struct stat info{};
  if (found == found_.end()) {
    if (found_all_ || ::lstat(job->attempt.directory.c_str(), &info) != 0) return false;
    hold_found(job, nullptr);  // until nothing of it is left
    lose_job(job, "its supervisor has died", true);
    return true;
  }
  const Found what = std::move(found->second);
  found_.erase(found);
  if (const auto* exit = std::get_if<AttemptExit>(&what); exit != nullptr && exit->unavailable) {
    acks_.push_back(exit->id);
    return false;
  }
  hold_found(job, &what);
  job->phase = Phase::kRunning;
  job->adopted = true;
  find_inputs(job->attempt, objects_);
  loop_.post([this, what, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (const auto* began = std::get_if<AttemptBegan>(&what)) on_began(*began);
    if (const auto* exit = std::get_if<AttemptExit>(&what)) on_exit(*exit);
  });
  return true;
}

// All orders that an owner before us has given have come: what is left is of runs that are no more.
void LocalHands::settle_found() {
  is_settled_ = true;
  for (const auto& [id, what] : std::exchange(found_, {})) {
    if (std::holds_alternative<AttemptExit>(what))
      acks_.push_back(id);
    else
      (void)supervisor_->stop(id, options_.stop_grace).has_value();
  }
  if (found_all_) return;
  // A supervisor that died may have left processes of attempts that nobody asks for. Looked for now, before anything is started.
  for (const std::string& id : live_attempts()) {
    const std::string run = id.substr(0, id.find('/'));
    struct stat info{};
    if (jobs_.contains(id) || !Uuid::parse(run) || ::lstat(dir_.run(run).c_str(), &info) != 0) continue;
    pool_.submit([id] { (void)end_leftovers(id).has_value(); });
  }
}

}  // namespace sluice
