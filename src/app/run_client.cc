// The client's side of `sluice run`: a server carries the run out, or a `sluice run` of another terminal.
#include <utility>

#include "app/logs.h"
#include "app/owner.h"
#include "app/run_events.h"
#include "app/run_session.h"
#include "app/run_summary.h"
#include "app/run_view.h"
#include "base/json.h"

namespace sluice {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(100);

struct Begun {
  Uuid run;
  RunState state = RunState::kPending;
  std::string name;
};

class ClientSession {
 public:
  ClientSession(const Context& context, ApiClient& connection, Signals& signals, Wanted& wanted)
      : context_(context), console_(context.console), connection_(connection), signals_(signals), wanted_(wanted) {}

  // Nothing: the owner is about to end.
  std::optional<int> run() {
    const std::string mark = context_.words.detach || !context_.words.key.empty() ? "" : event_mark(connection_);
    Diagnostics errors;
    const auto begun = begin(errors);
    if (!begun) {
      const bool owner_ends = connection_.peer() == ApiClient::Peer::kOwner && errors.front().code == Code::kUnavailable;
      if (!owner_ends) return console_.fail(errors);
      wanted_.put_off = std::move(errors);
      return std::nullopt;
    }
    uuid_ = begun->run;
    wanted_.begun = uuid_;
    if (context_.words.detach) return report_start(*begun);
    if (is_final(begun->state)) return report();
    RunView view(console_, wanted_.title.empty() ? begun->name + "  " + uuid_.text() : wanted_.title);
    view.recall(wanted_.tasks);
    const Status followed = follow(view, RunEvents(connection_, uuid_, mark));
    view.finish(now());
    if (!followed && followed.error().code != Code::kUnavailable) return console_.fail(followed.error());
    if (!followed && connection_.peer() == ApiClient::Peer::kServer)
      return console_.fail(Error{Code::kUnavailable,
                                 connection_.name() + " is out of reach; run " + uuid_.text() + " goes on there if it is up",
                                 "sluice get run " + uuid_.text() + " --server " + connection_.name()});
    return report();
  }

 private:
  Instant now() const { return SystemClock().now(); }

  std::optional<Begun> begin(Diagnostics& errors) {
    auto answer = connection_.ask(wanted_.resume ? resume_request() : submission_request());
    errors = std::move(answer.errors);
    if (!errors.empty()) return std::nullopt;
    const auto body = parse_json(answer.body);
    const auto run = body ? Uuid::parse(body->string_or("run_id", "")) : std::nullopt;
    if (!run) {
      errors.push_back({.code = Code::kInternal, .message = connection_.name() + " answered without a run's id"});
      return std::nullopt;
    }
    if (const Value* warnings = body->find("warnings"))
      for (const Diagnostic& warning : diagnostics_from(*warnings)) console_.warn(warning);
    return Begun{.run = *run,
                 .state = run_state_from(body->string_or("state", "")).value_or(RunState::kPending),
                 .name = std::string(body->string_or("name", ""))};
  }

  HttpRequest resume_request() const {
    const std::string path = "/api/v1/runs/" + wanted_.resume->text();
    if (!wanted_.submission)
      return post_request(path + "/retry", wanted_.from.empty() ? Value(Struct{}) : Value::of({{"from", wanted_.from}}));
    const Submission& submission = *wanted_.submission;
    return post_request(
        path + "/restart",
        Value::of({{"spec", submission.spec}, {"spec_file", submission.spec_file}, {"parameters", submission.parameters}}));
  }

  HttpRequest submission_request() const {
    const Submission& submission = *wanted_.submission;
    Struct body{{"spec", Value(submission.spec)},
                {"spec_file", Value(submission.spec_file)},
                {"parameters", Value(submission.parameters)},
                {"experiment", Value(submission.experiment)},
                {"cache", Value(submission.cache)}};
    if (!submission.notify.empty()) body["notify"] = Value(submission.notify);
    if (submission.keep_checkpoints) body["keep_checkpoints"] = Value(true);
    if (!submission.name.empty()) body["name"] = Value(submission.name);
    if (submission.priority != 0) body["priority"] = Value(submission.priority);
    if (!submission.budget.empty()) body["budget"] = Value(budget_fields(submission.budget));
    HttpRequest request = post_request("/api/v1/runs", Value(std::move(body)));
    // A request whose answer was lost may be sent again with it, and makes no second run.
    request.headers.push_back({"Idempotency-Key", wanted_.key});
    return request;
  }

  int report() const {
    return wanted_.silent ? code_of_run(context_, connection_, uuid_, signal_)
                          : report_run(context_, connection_, uuid_, signal_);
  }

  int report_start(const Begun& begun) const {
    if (console_.json())
      console_.out(to_json(Value::of({{"run_id", begun.run.text()}, {"state", state_name(begun.state)}})) + "\n");
    else
      console_.out(begun.run.text() + "\n");
    return 0;
  }

  // Until the run ends, nobody is left who could tell of it, or the terminal has had enough.
  Status follow(RunView& view, RunEvents events) {
    for (bool was_cut = false;;) {
      if (const int signal = signals_.take(); signal != 0) {
        if (std::exchange(signal_, signal) != 0) return {};
        cancel(view);
      }
      SLUICE_TRY(const auto news, events.next(kTick));
      view.tick(now());
      for (const Notice& notice : news) {
        view.take(notice, now());
        const auto* run = std::get_if<RunNotice>(&notice);
        if (run != nullptr && run->run == uuid_ && (is_final(run->state) || run->state == RunState::kInterrupted)) return {};
      }
      if (events.is_cut() && !was_cut) view.say(connection_.name() + " does not answer; waiting for it to come back", now());
      was_cut = events.is_cut();
    }
  }

  void cancel(RunView& view) {
    const std::string whom = connection_.peer() == ApiClient::Peer::kServer
                                 ? connection_.name()
                                 : "process " + std::to_string(owner_pid(*DataDir::at(context_.config.data_dir)));
    view.say("cancelling (once more to leave it to " + whom + ")", now());
    // Whether it can be cancelled shows in what comes: it may have ended a moment ago.
    (void)connection_.post("/api/v1/runs/" + uuid_.text() + "/cancel", Value::of({{"reason", "interrupted"}})).has_value();
  }

  const Context& context_;
  const Console& console_;
  ApiClient& connection_;
  Signals& signals_;
  Wanted& wanted_;
  Uuid uuid_;
  int signal_ = 0;
};

}  // namespace

std::optional<int> run_as_client(const Context& context, ApiClient& connection, Signals& signals, Wanted& wanted) {
  return ClientSession(context, connection, signals, wanted).run();
}

int exit_code_of_run(RunState state, int signal) {
  if (signal != 0 && (state == RunState::kCanceled || !is_final(state))) return 128 + signal;
  if (state == RunState::kSucceeded) return 0;
  return is_final(state) ? 1 : 3;
}

int code_of_run(const Context& context, ApiClient& connection, const Uuid& run, int signal) {
  const auto document = connection.get("/api/v1/runs/" + run.text());
  if (!document) return context.console.fail(document.error());
  return exit_code_of_run(run_state_from(document->string_or("state", "")).value_or(RunState::kPending), signal);
}

int report_run(const Context& context, ApiClient& connection, const Uuid& run, int signal) {
  const std::string path = "/api/v1/runs/" + run.text();
  const auto text = connection.text(path);
  if (!text) return context.console.fail(text.error());
  const auto document = parse_json(*text);
  if (!document) return context.console.fail(document.error());
  if (context.console.json()) {
    context.console.out(*text);
  } else {
    const auto tasks = connection.get(path + "/tasks");
    if (!tasks) return context.console.fail(tasks.error());
    context.console.out(run_summary(context.console, run_sheet(*document, *tasks), last_lines_of(connection, run)));
  }
  return exit_code_of_run(run_state_from(document->string_or("state", "")).value_or(RunState::kPending), signal);
}

}  // namespace sluice
