// Checkpoints that nobody needs any more are removed in the pool, after the commit that says so.
#include <unistd.h>

#include <iterator>
#include <utility>

#include "engine/local_hands.h"

namespace sluice {

void LocalHands::Removals::carry_out() {
  for (;;) {
    std::vector<Removal> taken;
    {
      const std::lock_guard lock(mutex);
      taken = std::exchange(waiting, {});
    }
    if (taken.empty()) return;
    for (const Removal& removal : taken) {
      if (removal.only_if_empty)
        (void)rmdir(removal.path.c_str());
      else
        remove_checkpoint(removal.path);
    }
  }
}

void LocalHands::leave_checkpoint(const Job& job) {
  const Checkpoint& checkpoint = job.attempt.order.checkpoint;
  if (!checkpoint.path.empty() && !checkpoint.keep) removals_due_.push_back({checkpoint.path, false});
}

void LocalHands::leave_checkpoints(const Uuid& run) { removals_due_.push_back({dir_.checkpoints(run.text()), true}); }
void LocalHands::drop_checkpoints(const Uuid& run) { removals_due_.push_back({dir_.checkpoints(run.text()), false}); }

void LocalHands::remove_checkpoints() {
  {
    const std::lock_guard lock(removals_->mutex);
    auto& waiting = removals_->waiting;
    waiting.insert(waiting.end(), std::make_move_iterator(removals_due_.begin()), std::make_move_iterator(removals_due_.end()));
  }
  removals_due_.clear();
  pool_.submit([removals = removals_] { removals->carry_out(); });
}

}  // namespace sluice
