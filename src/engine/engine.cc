#include "engine/engine.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/match.h"
#include "engine/notify_targets.h"
#include "engine/reuse.h"

namespace sluice {
namespace {

// The attempt that an event answers is no longer waited for.
void forget_answered(std::set<std::pair<TaskId, int>>& attempts, const Event& event) {
  std::visit(Match{[&](const AttemptSucceeded& e) { attempts.erase({e.task, e.attempt}); },
                   [&](const AttemptCached& e) { attempts.erase({e.task, e.attempt}); },
                   [&](const AttemptFailed& e) { attempts.erase({e.task, e.attempt}); }, [](const auto&) {}},
             event);
}

}  // namespace

Engine::Engine(Loop& loop, const DataDir& dir, RunStore& store, Hands& hands, const Clock& clock, EngineOptions options)
    : loop_(loop),
      dir_(dir),
      store_(store),
      hands_(hands),
      clock_(clock),
      options_(std::move(options)),
      cache_(store.results(), options_.lock_of) {
  hands_.listen({.report =
                     [this](const Uuid& run, Event event, Aside aside) {
                       note_on_task(run, event, std::move(aside));
                       on_answer_to_removed(run, event);
                       push(run, std::move(event));
                     },
                 .building =
                     [this](const BuildNotice& notice) {
                       if (observer_.building) observer_.building(notice);
                     },
                 .waiting = [this](const Uuid& run, TaskId task, const std::string& what) { note_waiting(run, task, what); },
                 .trouble =
                     [this](const Error& error) {
                       hands_trouble_ = error.message.empty() ? std::nullopt : std::optional(error);
                       tell_trouble();
                     },
                 .uncached = [this](const Uuid& run, TaskId task, int attempt) { on_uncached(run, task, attempt); }});
  loop_.at_round_end([this] { turn(); });
}

Engine::~Engine() { loop_.at_round_end({}); }

// --- What is asked ----------------------------------------------------------------------------------------------------
Engine::RunPtr Engine::add_run(RunId id, const Uuid& uuid, Prepared prepared) {
  auto run = std::make_shared<LiveRun>();
  run->id = id;
  run->uuid = uuid;
  run->uuid_text = uuid.text();
  run->plan = std::move(prepared.plan);
  run->sites = std::move(prepared.sites);
  run->cache = prepared.cache;
  run->write = {.run = id};
  runs_.emplace(uuid, run);
  hands_.prepare(uuid, certain_environments(*run->plan, run->sites));
  return run;
}

Result<Uuid> Engine::submit(const Submission& submission, Prepared prepared) {
  if (!submission.key.empty()) {
    SLUICE_TRY(const std::optional<Uuid> known, store_.run_of_key(submission.key));
    if (known) return *known;
  }
  const RunContext& context = prepared.plan->context;
  const auto uuid = Uuid::parse(context.run_uuid);
  if (!uuid) return fail(Code::kInvalid, "'" + context.run_uuid + "' is not a run id");
  SLUICE_TRY_STATUS(make_directory(dir_.run(context.run_uuid)));
  if (prepared.pipeline->workspace) SLUICE_TRY_STATUS(make_directory(context.workspace_path));
  Struct options{{"cache", submission.cache}};
  if (!submission.labels.empty()) options.emplace("labels", submission.labels);
  if (submission.keep_checkpoints) options.emplace("keep_checkpoints", true);
  if (options_.is_server) options.emplace("server", true);
  const List notify = notify_targets(submission, *prepared.pipeline);
  if (!notify.empty()) options.emplace("notify", notify);
  if (submission.priority != 0) options.emplace("priority", submission.priority);
  if (!submission.budget.empty()) options.emplace("budget", budget_fields(submission.budget));
  const Value terms(options);
  SLUICE_TRY(const RunId id, store_.create({.uuid = *uuid,
                                            .name = context.display_name,
                                            .pipeline_name = prepared.pipeline->name,
                                            .description = submission.description,
                                            .experiment = submission.experiment,
                                            .spec = submission.spec,
                                            .spec_file = submission.spec_file,
                                            .parameters = submission.parameters,
                                            .context = to_value(context),
                                            .options = std::move(options),
                                            .pipeline = submission.pipeline,
                                            .version = submission.version,
                                            .key = submission.key,
                                            .created = std::max(clock_.now(), last_now_)},
                                           Sync::kFull));
  const RunPtr run = add_run(id, *uuid, std::move(prepared));
  run->has_notify = !notify.empty();
  set_terms(*run, submission.experiment, terms);
  run->keep_checkpoints = submission.keep_checkpoints;
  push(*uuid, RunBegan{});
  return *uuid;
}

// The state that the run will have when what was asked between two turns has been taken.
RunState Engine::asked_state(const LiveRun& run) const {
  RunState state = run.state.run;
  for (const auto& [uuid, event] : events_) {
    if (uuid != run.uuid) continue;
    if (std::holds_alternative<RunBegan>(event) || std::holds_alternative<RetryAsked>(event)) state = RunState::kRunning;
    if (std::holds_alternative<PauseAsked>(event)) state = RunState::kPaused;
    if (std::holds_alternative<ResumeAsked>(event)) state = RunState::kRunning;
    if (std::holds_alternative<CancelAsked>(event)) state = RunState::kCanceling;
  }
  return state;
}

Status Engine::not_running(const Uuid& run) const {
  SLUICE_TRY(const RunRow row, store_.run(run));
  return fail(Code::kConflict, "run " + run.text() + " is " + std::string(state_name(row.state)) + ", not running");
}

Status Engine::cancel(const Uuid& run, const std::string& reason) {
  if (!runs_.contains(run)) return not_running(run);
  push(run, CancelAsked{reason});
  return {};
}

void Engine::cancel_all(const std::string& reason) {
  for (const auto& [uuid, run] : runs_) push(uuid, CancelAsked{reason});
}

Status Engine::pause(const Uuid& run) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return not_running(run);
  const RunState state = asked_state(*found->second);
  if (state != RunState::kRunning)
    return fail(Code::kConflict, "run " + run.text() + " is " + std::string(state_name(state)) + ", not RUNNING");
  push(run, PauseAsked{});
  return {};
}

Status Engine::resume(const Uuid& run) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return not_running(run);
  const RunState state = asked_state(*found->second);
  if (state != RunState::kPaused)
    return fail(Code::kConflict, "run " + run.text() + " is " + std::string(state_name(state)) + ", not PAUSED");
  push(run, ResumeAsked{});
  return {};
}

// The rows go first: whatever dies after that, nobody orders the attempts again, and what is not ordered is ended.
Status Engine::remove(const Uuid& uuid) {
  SLUICE_TRY_STATUS(store_.remove(uuid));
  const auto found = runs_.find(uuid);
  if (found == runs_.end()) {
    hands_.drop_checkpoints(uuid);
    return {};
  }
  const RunPtr run = found->second;
  run->removed = true;
  runs_.erase(found);
  touched_.erase(run);
  Removed& removed = removed_[uuid];
  removed.run = run;
  for (const StartAttempt& attempt : attempts_in_flight(run->state))
    if (!flights_.is_waiting({uuid, attempt.task, attempt.attempt})) removed.attempts.emplace(attempt.task, attempt.attempt);
  start_again(flights_.forget(uuid));
  // Those that the hands have not been told of yet will never be.
  for (const Action& action : std::exchange(run->actions, {}))
    if (const auto* start = std::get_if<StartAttempt>(&action)) removed.attempts.erase({start->task, start->attempt});
  // Nor will those be answered again whose end has been heard and not taken.
  for (const auto& [of, event] : events_)
    if (of == uuid) forget_answered(removed.attempts, event);
  for (const auto& [task, attempt] : removed.attempts) hands_.stop(uuid, task, attempt, FailureKind::kExit);
  hands_.release(uuid);
  if (removed.attempts.empty()) forget_removed(uuid);
  return {};
}

void Engine::on_answer_to_removed(const Uuid& run, const Event& event) {
  const auto found = removed_.find(run);
  if (found == removed_.end()) return;
  auto& attempts = found->second.attempts;
  forget_answered(attempts, event);
  if (!attempts.empty()) return;
  // Not from within the hands' own call: they may still look at the order.
  loop_.post([gone = std::move(found->second.run)] {});
  forget_removed(run);
}

void Engine::forget_removed(const Uuid& run) {
  removed_.erase(run);
  hands_.drop_checkpoints(run);
}

EngineFigures Engine::figures() const {
  EngineFigures figures = figures_;
  figures.runs = runs_.size();
  figures.hands = hands_.figures();
  for (const auto& [uuid, run] : runs_) figures.paused += run->state.run == RunState::kPaused ? 1 : 0;
  return figures;
}

// --- The turn ---------------------------------------------------------------------------------------------------------
void Engine::push(const Uuid& run, Event event) { events_.emplace_back(run, std::move(event)); }

void Engine::turn() {
  if (holding_) return;
  while (!events_.empty() || !touched_.empty()) {
    take_events();
    if (!commit()) return;
    for (const RunPtr& run : std::exchange(touched_, {})) carry_out(run);
  }
  hands_.flush();
}

void Engine::take_events() {
  last_now_ = std::max(last_now_, clock_.now());
  for (auto& [uuid, event] : std::exchange(events_, {}))
    if (const auto found = runs_.find(uuid); found != runs_.end()) {
      touched_.insert(found->second);
      take(*found->second, std::move(event), last_now_);
    }
}

void Engine::take(LiveRun& run, Event event, Instant now) {
  // Said by the clock of the machine, which may have been set back since the journal's newest entry: its age is what counts.
  if (auto* started = std::get_if<AttemptStarted>(&event); started != nullptr && started->at != Instant{})
    started->at = now - std::max(clock_.now() - started->at, Duration{0});
  const RunState before = run.state.run;
  Outcome outcome = step(*run.plan, run.state, event, now);
  note_result(run, event, now);
  // Old news moves nothing and need not be remembered.
  if (outcome.changed.empty() && outcome.actions.empty() && run.state.run == before) return;
  count(event);
  run.news.insert(outcome.changed.begin(), outcome.changed.end());
  std::move(outcome.actions.begin(), outcome.actions.end(), std::back_inserter(run.actions));
  if (std::holds_alternative<AttemptStarted>(event)) return note_begun(run, outcome.changed);
  note_used(run, event);
  for (const TaskId id : outcome.changed) run.begun.erase(id);
  run.write.entries.push_back(
      {.seq = ++run.seq, .at = now, .kind = std::string(event_kind(event)), .payload = event_payload(event)});
  run.changed.insert(outcome.changed.begin(), outcome.changed.end());
  if (const auto* success = std::get_if<AttemptSucceeded>(&event)) {
    note_artifacts(run, success->task, success->attempt);
    learn(run, *success, now);
  }
  if (const auto* cached = std::get_if<AttemptCached>(&event)) note_artifacts(run, cached->task, cached->attempt);
  if (const auto* retry = std::get_if<RetryAsked>(&event); retry != nullptr && retry->from) run.write.unmade = outcome.changed;
  const bool ended =
      std::any_of(run.actions.begin(), run.actions.end(), [](const Action& a) { return std::holds_alternative<EndRun>(a); });
  // A run that was INTERRUPTED is RUNNING in its journal: the retry moves only its row.
  if (ended) run.notify = (run.has_notify ? options_.notify_own : options_.notify_all).contains(run.state.run);
  if (run.state.run != before || std::holds_alternative<RetryAsked>(event) || ended)
    run.write.change =
        RunChange{.state = run.state.run,
                  .at = now,
                  .error = shown_error(run),
                  .began = run.state.began,
                  .ended = run.state.ended,
                  .outputs = ended && !run.state.at({0}).outputs.empty() ? to_json(to_value(run.state.at({0}).outputs)) : "",
                  .notify = ended && run.notify};
  keep_to_budgets(run);
}

void Engine::count(const Event& event) {
  ++figures_.events;
  std::visit(
      Match{[&](const RunBegan&) { ++figures_.runs_begun; },
            [&](const AttemptStarted&) {
              ++figures_.attempts_begun;
              --figures_.events;  // it is not journalled
            },
            [&](const AttemptSucceeded&) { ++figures_.attempts_succeeded; }, [&](const AttemptCached&) { ++figures_.cache_hits; },
            [&](const AttemptFailed& e) { ++(e.kind == FailureKind::kLost ? figures_.attempts_lost : figures_.attempts_failed); },
            [](const auto&) {}},
      event);
}

}  // namespace sluice
