// sluice run, sluice retry: a run with the terminal attached, as the owner of the data directory or as a client of it.
#include <poll.h>

#include <algorithm>
#include <set>
#include <utility>

#include "app/control.h"
#include "app/load.h"
#include "app/owner.h"
#include "app/run_document.h"
#include "app/run_view.h"
#include "app/signals.h"
#include "app/verbs.h"
#include "base/json.h"

namespace sluice {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);

// What is wanted: a new run, or one that goes on.
struct Wanted {
  std::optional<Submission> submission;
  std::optional<Prepared> prepared;
  std::optional<Uuid> resume;
  std::string title;
  std::vector<TaskRow> tasks;  // of the run that goes on, as they are
};

// Prints how a run ended; 0 if it succeeded, 3 if it has not ended.
int report_end(const Context& context, const DataDir& dir, RunStore& store, const RunRow& run, bool live) {
  const auto tasks = store.tasks(run.id);
  if (!tasks) return context.console.fail(tasks.error());
  context.console.out(context.console.json() ? run_json(run, *tasks, live)
                                             : run_summary(context.console, dir, run, *tasks, live));
  if (run.state == RunState::kSucceeded) return 0;
  return is_final(run.state) ? 1 : 3;
}

class RunSession {
 public:
  RunSession(const Context& context, const DataDir& dir, Wanted wanted)
      : context_(context), console_(context.console), dir_(dir), wanted_(std::move(wanted)), view_(console_, wanted_.title) {
    view_.recall(wanted_.tasks);
  }

  int run() {
    // The owner may be about to end when we connect to it: then the lock is free a moment later.
    for (int tries = 0; tries < 50; ++tries) {
      if (const int signal = signals_.take(); signal != 0) return 128 + signal;
      auto owner = Owner::open(dir_, context_.config);
      if (!owner) return console_.fail(owner.error());
      if (*owner != nullptr) return as_owner(**owner);
      if (auto client = ControlClient::connect(dir_)) return as_client(std::move(*client));
      poll(nullptr, 0, 100);
    }
    return console_.fail(Error{
        Code::kUnavailable,
        "data directory " + dir_.root() + " is locked by process " + std::to_string(owner_pid(dir_)) + ", which does not answer",
        "wait for it, or end it"});
  }

 private:
  Instant now() const { return SystemClock().now(); }

  int as_owner(Owner& owner) {
    owner.observe([&](const Notice& notice) { on_notice(owner, notice); });
    const auto begun = begin(owner);
    if (!begun) return console_.fail(begun.error());
    uuid_ = *begun;
    owner.loop().watch(signals_.fd(), [&] { on_signal(owner, signals_.take()); });
    if (console_.live()) tick(owner.loop());
    const Status served = owner.serve();
    owner.loop().unwatch(signals_.fd());
    view_.finish(now());
    if (!served) {
      console_.err("run " + uuid_.text() + " is interrupted; sluice run --resume " + uuid_.text() + " goes on with it\n");
      return console_.fail(served.error());
    }
    return report(owner.store(), false);
  }

  Result<Uuid> begin(Owner& owner) {
    if (!wanted_.resume) return owner.run(*wanted_.submission, std::move(*wanted_.prepared));
    SLUICE_TRY_STATUS(owner.retry(*wanted_.resume));
    return *wanted_.resume;
  }

  void on_notice(Owner& owner, const Notice& notice) {
    if (concerns_us(notice)) view_.take(notice, now());
    if (const auto* task = std::get_if<TaskNotice>(&notice); task != nullptr && task->run != uuid_) others_.insert(task->run);
    const auto* run = std::get_if<RunNotice>(&notice);
    if (run == nullptr) return;
    others_.erase(run->run);
    if (owner.engine().idle()) return owner.stop();
    if (run->run == uuid_) view_.say("run " + uuid_.text() + " has ended; runs of other terminals still use this process", now());
  }

  bool concerns_us(const Notice& notice) const {
    if (const auto* task = std::get_if<TaskNotice>(&notice)) return task->run == uuid_;
    if (const auto* build = std::get_if<BuildNotice>(&notice))
      return std::find(build->runs.begin(), build->runs.end(), uuid_) != build->runs.end() || build->finished;
    return std::get<RunNotice>(notice).run == uuid_;
  }

  void tick(Loop& loop) {
    loop.after(kTick, [this, &loop] {
      view_.tick(now());
      tick(loop);
    });
  }

  void on_signal(Owner& owner, int signal) {
    if (signal == 0) return;
    if (signal_ == 0) {
      signal_ = signal;
      view_.say("cancelling; tasks have " + format_duration(context_.config.stop_grace) + " to end" +
                    (others_.empty() ? "" : " (once more to cancel the runs of other terminals too)"),
                now());
      if (owner.engine().is_active(uuid_)) (void)owner.cancel(uuid_, "interrupted").has_value();
    } else {
      owner.engine().cancel_all("interrupted");
    }
  }

  int as_client(ControlClient client) {
    const Value request = wanted_.resume ? Value::of({{"do", "retry"}, {"run", wanted_.resume->text()}})
                                         : Value::of({{"do", "run"}, {"submission", to_value(*wanted_.submission)}});
    const auto answer = client.ask(request);
    if (!answer) return console_.fail(answer.error());
    uuid_ = wanted_.resume ? *wanted_.resume : Uuid::parse(answer->string_or("run", "")).value_or(Uuid{});
    for (bool ended = false; !ended;) {
      if (const int signal = signals_.take(); signal != 0) {
        if (std::exchange(signal_, signal) != 0) break;  // the owner goes on with it without us
        view_.say("cancelling (once more to leave it to process " + std::to_string(owner_pid(dir_)) + ")", now());
        if (auto other = ControlClient::connect(dir_))
          (void)other->ask(Value::of({{"do", "cancel"}, {"run", uuid_.text()}, {"reason", "interrupted"}})).has_value();
      }
      auto message = client.next(100);
      if (!message) break;  // the owner is gone: the store knows how far the run came
      view_.tick(now());
      if (!*message) continue;
      const auto notice = notice_from_value(**message);
      if (!notice) continue;
      view_.take(*notice, now());
      ended = std::holds_alternative<RunNotice>(*notice);
    }
    view_.finish(now());
    auto store = open_for_reading(dir_);
    return store ? report(**store, owner_pid(dir_) != 0) : console_.fail(store.error());
  }

  int report(RunStore& store, bool live) {
    const auto row = store.run(uuid_);
    if (!row) return console_.fail(row.error());
    const int code = report_end(context_, dir_, store, *row, live);
    const bool is_ours = row->state == RunState::kCanceled || !is_final(row->state);
    return signal_ != 0 && is_ours ? 128 + signal_ : code;
  }

  const Context& context_;
  const Console& console_;
  const DataDir& dir_;
  Wanted wanted_;
  RunView view_;
  Uuid uuid_;
  std::set<Uuid> others_;  // live runs of other terminals, which this process carries out
  Signals signals_;
  int signal_ = 0;
};

int resume(const Context& context, const DataDir& dir) {
  Wanted wanted;
  {
    const auto store = open_for_reading(dir);
    if (!store) return context.console.fail(store.error());
    const auto row = find_run(**store, context.words.run);
    if (!row) return context.console.fail(row.error());
    // To go on with a run that has reached its end is done already: scripts may resume until they see SUCCEEDED.
    if (row->state == RunState::kSucceeded && context.words.verb == "run") return report_end(context, dir, **store, *row, false);
    wanted.resume = row->uuid;
    auto tasks = (*store)->tasks(row->id);
    if (!tasks) return context.console.fail(tasks.error());
    wanted.tasks = std::move(*tasks);
    wanted.title = row->name + "  " + row->uuid.text();
    if (!context.words.pipeline.empty()) {
      LoadedSubmission loaded = load_submission(context, false);
      if (!loaded.errors.empty()) return loaded.fail(context.console);
      const auto spec = (*store)->spec(row->spec_digest);
      if (!spec) return context.console.fail(spec.error());
      if (*spec != loaded.submission.spec)
        return context.console.fail(Error{Code::kConflict,
                                          context.words.pipeline + " is not what run " + row->uuid.text() + " was made of",
                                          "leave the file out to go on with the run as it is, or start a new run"});
    }
  }
  return RunSession(context, dir, std::move(wanted)).run();
}

}  // namespace

int run_verb(const Context& context) {
  const auto dir = DataDir::at(context.config.data_dir);
  if (!dir) return context.console.fail(dir.error());
  if (!context.words.run.empty()) return resume(context, *dir);
  LoadedSubmission loaded = load_submission(context, true);
  if (!loaded.errors.empty()) return loaded.fail(context.console);
  const Uuid uuid = new_uuid();
  Prepared prepared = prepare(loaded.submission, context.config.images, new_run_context(*dir, uuid, SystemClock().now()));
  if (!prepared.errors.empty()) return context.console.fail(prepared.errors);
  for (const Diagnostic& warning : prepared.warnings) context.console.warn(warning);
  Wanted wanted{.submission = std::move(loaded.submission), .title = prepared.plan->context.display_name + "  " + uuid.text()};
  wanted.prepared = std::move(prepared);
  return RunSession(context, *dir, std::move(wanted)).run();
}

int retry_verb(const Context& context) {
  const auto dir = DataDir::at(context.config.data_dir);
  return dir ? resume(context, *dir) : context.console.fail(dir.error());
}

}  // namespace sluice
