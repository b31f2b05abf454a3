// What an owner does besides running runs: it tells who asked for it that they have ended, and collects garbage.
#include "app/owner.h"

namespace sluice {

void Owner::start_notifier(const Config& config) {
  notifier_ =
      std::make_unique<Notifier>(config.notify, NotifierHost{.reader = [this] { return readers_.lend(); },
                                                             .told = [this](const PendingNotice& notice) { note_told(notice); },
                                                             .url =
                                                                 [this] {
                                                                   const std::lock_guard lock(mutex_);
                                                                   return url_;
                                                                 },
                                                             .data_dir = dir_.root(),
                                                             .failed =
                                                                 [this](const std::string& target, const Error& error) {
                                                                   if (unnotified_) unnotified_(target, error);
                                                                 }});
  // What an owner before us could not tell. A run that only waits for its own end does not look for that of others.
  if (is_server_) loop_.post([this] { notifier_->look(); });
}

void Owner::note_told(const PendingNotice& notice) {
  loop_.post([this, notice] {
    (void)store_->note_told(notice).has_value();  // else it is told once more, by the next owner
  });
}

Status Owner::collect_garbage(bool dry_run, std::optional<Duration> grace) {
  if (!is_ready_) return fail(Code::kUnavailable, "the server is starting", "try again in a moment");
  return garbage_->start(dry_run, grace);
}

GarbageState Owner::garbage() const { return is_ready_ ? garbage_->state() : GarbageState{}; }

void Owner::collect_now_and_then(Duration first) {
  loop_.after(first, [this] {
    (void)collect_garbage(false, std::nullopt).has_value();  // one that is under way is as good
    collect_now_and_then(*garbage_every_);
  });
}

}  // namespace sluice
