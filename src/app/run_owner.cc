// The owner's side of `sluice run`: an engine for one run, and for those of other terminals while it lasts.
#include <algorithm>
#include <set>

#include "app/owner.h"
#include "app/run_session.h"
#include "app/run_summary.h"
#include "app/run_view.h"
#include "base/text.h"
#include "engine/reuse.h"

namespace sluice {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);

class OwnerSession {
 public:
  OwnerSession(const Context& context, Owner& owner, Signals& signals, Wanted& wanted)
      : context_(context),
        console_(context.console),
        owner_(owner),
        signals_(signals),
        wanted_(wanted),
        view_(console_, wanted.title) {
    view_.recall(wanted_.tasks);
  }

  int run() {
    owner_.on_notice([&](const Notice& notice) { on_notice(notice); });
    owner_.on_unnotified([&](const std::string& target, const Error& error) {
      owner_.loop().post(
          [this, text = "the run's end could not be told to " + target + ": " + error.message] { view_.say(text, now()); });
    });
    const auto begun = begin();
    if (!begun) return errors_.empty() ? console_.fail(begun.error()) : console_.fail(errors_);
    uuid_ = *begun;
    wanted_.begun = uuid_;
    // Of an idempotency key that was used before.
    if (!owner_.engine().is_active(uuid_)) return report();
    owner_.loop().watch(signals_.fd(), [&] { on_signal(signals_.take()); });
    if (console_.live()) tick();
    const Status served = owner_.serve();
    owner_.loop().unwatch(signals_.fd());
    view_.finish(now());
    if (!served) {
      console_.err("run " + uuid_.text() + " is interrupted; sluice run --resume " + uuid_.text() + " goes on with it\n");
      return console_.fail(served.error());
    }
    return report();
  }

 private:
  Instant now() const { return SystemClock().now(); }

  Result<Uuid> begin() {
    if (!wanted_.resume) return owner_.engine().submit(*wanted_.submission, std::move(*wanted_.prepared));
    if (wanted_.submission) return restart(*wanted_.resume, *wanted_.submission);
    SLUICE_TRY_STATUS(owner_.engine().retry(*wanted_.resume, wanted_.from));
    return *wanted_.resume;
  }

  Result<Uuid> restart(const Uuid& run, Submission& submission) {
    SLUICE_TRY(const RunRow row, owner_.store().run(run));
    SLUICE_TRY(Prepared prepared, prepare_restart(row, submission, context_.config.sites()));
    errors_ = prepared.errors;
    if (!errors_.empty()) return fail(Code::kInvalid, errors_.front().text());
    for (const Diagnostic& warning : prepared.warnings) console_.warn(warning);
    SLUICE_TRY_STATUS(owner_.engine().restart(run, submission, std::move(prepared)));
    return run;
  }

  void on_notice(const Notice& notice) {
    if (concerns_us(notice)) view_.take(notice, now());
    if (const auto* task = std::get_if<TaskNotice>(&notice); task != nullptr && task->run != uuid_) others_.insert(task->run);
    const auto* run = std::get_if<RunNotice>(&notice);
    if (run == nullptr || !is_final(run->state)) return;
    others_.erase(run->run);
    if (owner_.engine().idle()) return owner_.end_when_idle();
    if (run->run == uuid_) view_.say("run " + uuid_.text() + " has ended; runs of other terminals still use this process", now());
  }

  bool concerns_us(const Notice& notice) const {
    if (const auto* task = std::get_if<TaskNotice>(&notice)) return task->run == uuid_;
    if (const auto* build = std::get_if<BuildNotice>(&notice))
      return std::find(build->runs.begin(), build->runs.end(), uuid_) != build->runs.end() || build->finished;
    return std::get<RunNotice>(notice).run == uuid_;
  }

  void tick() {
    owner_.loop().after(kTick, [this] {
      view_.tick(now());
      tick();
    });
  }

  void on_signal(int signal) {
    if (signal == 0) return;
    if (signal_ == 0) {
      signal_ = signal;
      view_.say("cancelling; tasks have " + format_duration(context_.config.stop_grace) + " to end" +
                    (others_.empty() ? "" : " (once more to cancel the runs of other terminals too)"),
                now());
      if (owner_.engine().is_active(uuid_)) (void)owner_.engine().cancel(uuid_, "interrupted").has_value();
    } else {
      owner_.engine().cancel_all("interrupted");
    }
  }

  int report() {
    const auto row = owner_.store().run(uuid_);
    if (!row) return console_.fail(row.error());
    if (wanted_.silent) return exit_code_of_run(row->state, signal_);
    auto tasks = owner_.store().tasks(row->id);
    if (!tasks) return console_.fail(tasks.error());
    // What is not at its end by now is not carried on: this process is about to go.
    constexpr auto kNobody = Service::Owner::kNone;
    console_.out(console_.json()
                     ? run_document(*row, *tasks, kNobody)
                     : run_summary(console_, run_sheet(*row, std::move(*tasks), kNobody), last_lines_in(owner_.dir(), uuid_)));
    return exit_code_of_run(row->state, signal_);
  }

  const Context& context_;
  const Console& console_;
  Owner& owner_;
  Signals& signals_;
  Wanted& wanted_;
  RunView view_;
  Uuid uuid_;
  Diagnostics errors_;  // of the pipeline that the run was to go on as
  std::set<Uuid> others_;  // live runs of other terminals, which this process carries out
  int signal_ = 0;
};

}  // namespace

std::optional<int> run_as_owner(const Context& context, const DataDir& dir, Signals& signals, Wanted& wanted) {
  auto owner = Owner::open(dir, context.config);
  if (!owner) return context.console.fail(owner.error());
  if (*owner == nullptr) return std::nullopt;
  return OwnerSession(context, **owner, signals, wanted).run();
}

}  // namespace sluice
