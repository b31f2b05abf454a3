#include "engine/engine.h"

#include <algorithm>

#include "base/json.h"
#include "base/match.h"
#include "exec/supervisor.h"

namespace sluice {
Engine::Engine(Loop& loop, const DataDir& dir, RunStore& store, Hands& hands, const Clock& clock, EngineOptions options)
    : loop_(loop), dir_(dir), store_(store), hands_(hands), clock_(clock), options_(std::move(options)) {
  hands_.listen({.report =
                     [this](const Uuid& run, Event event, std::string note) {
                       if (!note.empty()) note_on_task(run, event, std::move(note));
                       push(run, std::move(event));
                     },
                 .building =
                     [this](const BuildNotice& notice) {
                       if (observer_.building) observer_.building(notice);
                     }});
  loop_.at_round_end([this] { turn(); });
}

Engine::~Engine() { loop_.at_round_end({}); }

Status Engine::adopt_orphans() {
  for (const RunState state : {RunState::kPending, RunState::kRunning, RunState::kPaused, RunState::kCanceling}) {
    for (;;) {
      SLUICE_TRY(const auto rows, store_.list({.state = state}, {.limit = 500}));
      if (rows.empty()) break;
      std::vector<Write> writes;
      for (const RunRow& row : rows)
        writes.push_back({.run = row.id,
                          .expected_seq = row.seq,
                          .change = RunChange{.state = RunState::kInterrupted,
                                              .error = "its owner ended in the middle",
                                              .began = row.began,
                                              .ended = row.ended,
                                              .outputs = row.outputs}});
      SLUICE_TRY_STATUS(store_.commit(writes, options_.durability));
    }
  }
  return {};
}

Engine::RunPtr Engine::add_run(RunId id, const Uuid& uuid, Prepared prepared) {
  auto run = std::make_shared<LiveRun>();
  run->id = id;
  run->uuid = uuid;
  run->uuid_text = uuid.text();
  run->plan = std::move(prepared.plan);
  run->sites = std::move(prepared.sites);
  runs_.emplace(uuid, run);
  hands_.prepare(uuid, certain_environments(*run->plan, run->sites));
  return run;
}

Result<Uuid> Engine::submit(const Submission& submission, Prepared prepared) {
  const RunContext& context = prepared.plan->context;
  const auto uuid = Uuid::parse(context.run_uuid);
  if (!uuid) return fail(Code::kInvalid, "'" + context.run_uuid + "' is not a run id");
  SLUICE_TRY_STATUS(make_directory(dir_.run(context.run_uuid)));
  if (prepared.pipeline->workspace) SLUICE_TRY_STATUS(make_directory(context.workspace_path));
  SLUICE_TRY(const RunId id, store_.create({.uuid = *uuid,
                                            .name = context.display_name,
                                            .pipeline_name = prepared.pipeline->name,
                                            .experiment = submission.experiment,
                                            .spec = submission.spec,
                                            .spec_file = submission.spec_file,
                                            .parameters = submission.parameters,
                                            .context = to_value(context),
                                            .options = Value::of({{"cache", submission.cache}}),
                                            .created = std::max(clock_.now(), last_now_)},
                                           Sync::kFull));
  add_run(id, *uuid, std::move(prepared));
  push(*uuid, RunBegan{});
  return *uuid;
}

Status Engine::cancel(const Uuid& run, const std::string& reason) {
  if (runs_.contains(run)) {
    push(run, CancelAsked{reason});
    return {};
  }
  SLUICE_TRY(const RunRow row, store_.run(run));
  return fail(Code::kConflict, "run " + run.text() + " is " + std::string(state_name(row.state)) + ", not running");
}

void Engine::cancel_all(const std::string& reason) {
  for (const auto& [uuid, run] : runs_) push(uuid, CancelAsked{reason});
}

Status Engine::retry(const Uuid& uuid) {
  if (runs_.contains(uuid)) return fail(Code::kConflict, "run " + uuid.text() + " is running");
  SLUICE_TRY(const RunRow row, store_.run(uuid));
  if (row.state == RunState::kSucceeded)
    return fail(Code::kConflict, "run " + uuid.text() + " has succeeded: there is nothing to run again");
  SLUICE_TRY(const std::string spec, store_.spec(row.spec_digest));
  const Submission submission{.spec = spec,
                              .spec_file = row.spec_file,
                              .parameters = row.parameters,
                              .name = row.name,
                              .experiment = row.experiment,
                              .cache = row.options.bool_or("cache", true)};
  Prepared prepared = prepare(submission, options_.images, run_context_from_value(row.context));
  if (!prepared.errors.empty()) return fail(Code::kInvalid, prepared.errors.front().text(), prepared.errors.front().hint);
  SLUICE_TRY(const auto entries, store_.journal(row.id));
  State state;
  for (const JournalEntry& entry : entries) {
    SLUICE_TRY(const Event event, event_from(entry.kind, entry.payload));
    (void)step(*prepared.plan, state, event, entry.at);
    last_now_ = std::max(last_now_, entry.at);
  }
  // Whatever an owner that died has left running must be gone before a new attempt starts.
  SLUICE_TRY([[maybe_unused]] const int ended, end_leftovers_of(uuid.text() + "/"));
  SLUICE_TRY_STATUS(make_directory(dir_.run(uuid.text())));
  const RunPtr run = add_run(row.id, uuid, std::move(prepared));
  run->state = std::move(state);
  run->seq = entries.empty() ? 0 : entries.back().seq;
  push(uuid, entries.empty() ? Event(RunBegan{}) : Event(RetryAsked{}));
  return {};
}

void Engine::note_on_task(const Uuid& run, const Event& event, std::string note) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return;
  const auto keep = [&](TaskId task) { found->second->notes[task] = std::move(note); };
  std::visit(Match{[&](const AttemptStarted& e) { keep(e.task); }, [&](const AttemptSucceeded& e) { keep(e.task); },
                   [&](const AttemptFailed& e) { keep(e.task); }, [](const auto&) {}},
             event);
}

void Engine::push(const Uuid& run, Event event) { events_.emplace_back(run, std::move(event)); }

void Engine::turn() {
  if (holding_) return;
  while (!events_.empty() || !touched_.empty()) {
    last_now_ = std::max(last_now_, clock_.now());
    for (auto& [uuid, event] : std::exchange(events_, {}))
      if (const auto found = runs_.find(uuid); found != runs_.end()) {
        touched_.insert(found->second);
        take(*found->second, event, last_now_);
      }
    if (!commit()) return;
    for (const RunPtr& run : std::exchange(touched_, {})) carry_out(run);
  }
  hands_.flush();
}

void Engine::take(LiveRun& run, const Event& event, Instant now) {
  const RunState before = run.state.run;
  Outcome outcome = step(*run.plan, run.state, event, now);
  run.news.insert(outcome.changed.begin(), outcome.changed.end());
  if (std::holds_alternative<AttemptStarted>(event)) return note_begun(run, outcome.changed);
  for (const TaskId id : outcome.changed) run.begun.erase(id);
  run.write.entries.push_back(
      {.seq = ++run.seq, .at = now, .kind = std::string(event_kind(event)), .payload = event_payload(event)});
  run.changed.insert(outcome.changed.begin(), outcome.changed.end());
  std::move(outcome.actions.begin(), outcome.actions.end(), std::back_inserter(run.actions));
  if (const auto* success = std::get_if<AttemptSucceeded>(&event)) note_artifacts(run, *success);
  const bool ended =
      std::any_of(run.actions.begin(), run.actions.end(), [](const Action& a) { return std::holds_alternative<EndRun>(a); });
  // A run that was INTERRUPTED is RUNNING in its journal: the retry moves only its row.
  if (run.state.run != before || std::holds_alternative<RetryAsked>(event) || ended)
    run.write.change =
        RunChange{.state = run.state.run,
                  .error = run.state.error,
                  .began = run.state.began,
                  .ended = run.state.ended,
                  .outputs = ended && !run.state.at({0}).outputs.empty() ? to_json(to_value(run.state.at({0}).outputs)) : ""};
}

// That a task runs is written a moment later: most short ones have ended by then, and one row says it all.
void Engine::note_begun(LiveRun& run, const std::vector<TaskId>& tasks) {
  if (options_.begun_waits == Duration{0}) return run.changed.insert(tasks.begin(), tasks.end());
  run.begun.insert(tasks.begin(), tasks.end());
  if (run.begun.empty() || std::exchange(flushes_begun_, true)) return;
  loop_.after(options_.begun_waits, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) flush_begun();
  });
}

void Engine::flush_begun() {
  flushes_begun_ = false;
  for (const auto& [uuid, run] : runs_) {
    if (run->begun.empty()) continue;
    run->changed.merge(run->begun);
    run->begun.clear();
    touched_.insert(run);
  }
}

bool Engine::commit() {
  std::vector<Write> writes;
  bool run_ended = false;
  for (const RunPtr& run : touched_) {
    fill_write(*run);
    if (run->write.change && is_final(run->write.change->state)) run_ended = true;
    if (!run->write.entries.empty() || !run->write.tasks.empty() || run->write.change) writes.push_back(run->write);
  }
  if (!writes.empty()) {
    if (auto saved = store_.commit(writes, run_ended ? Sync::kFull : options_.durability); !saved) {
      on_store_trouble(saved.error());
      return false;
    }
  }
  if (trouble_since_ != Instant{}) {
    trouble_since_ = Instant{};
    if (observer_.trouble) observer_.trouble({});
  }
  for (const RunPtr& run : touched_) {
    run->write = {.run = run->id, .expected_seq = run->seq};
    run->changed.clear();
  }
  return true;
}

// Memory is ahead of the disk now: nothing is carried out until the same writes go through. Finished attempts wait,
// unacknowledged.
void Engine::on_store_trouble(const Error& error) {
  const Instant now = clock_.now();
  if (trouble_since_ == Instant{}) trouble_since_ = now;
  holding_ = true;
  const bool hopeless = error.code != Code::kUnavailable || now - trouble_since_ > options_.store_patience;
  if (observer_.trouble) observer_.trouble(hopeless ? Error{Code::kInternal, error.message, error.hint} : error);
  if (hopeless) return;
  loop_.after(options_.store_pause, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    holding_ = false;
    if (!commit()) return;
    for (const RunPtr& run : std::exchange(touched_, {})) carry_out(run);
  });
}

void Engine::fill_write(LiveRun& run) {
  run.write.run = run.id;
  run.write.expected_seq = run.seq - run.write.entries.size();
  run.write.tasks.clear();  // of an earlier try that failed
  for (const TaskId id : run.changed)
    if (id.value != 0) run.write.tasks.push_back(row_of(run, id));
}

TaskRow Engine::row_of(const LiveRun& run, TaskId id) const {
  const Node& node = run.state.at(id);
  TaskRow row{.id = id,
              .path = task_path(*run.plan, run.state, id),
              .state = node.state,
              .attempts = node.attempt,
              .exit_code = node.exit_code,
              .began = node.began,
              .ended = node.ended,
              .error = node.error};
  if (!node.outputs.empty()) row.outputs = to_json(to_value(node.outputs));
  List notes;
  if (const PlanComponent& component = run.plan->components.at(node.component); component.executor != nullptr && node.attempt > 0)
    if (const auto site = run.sites.by_executor.find(component.executor->label); site != run.sites.by_executor.end())
      notes.assign(site->second.notes.begin(), site->second.notes.end());
  if (const auto note = run.notes.find(id); note != run.notes.end()) notes.emplace_back(note->second);
  if (!notes.empty()) row.notes = to_json(notes);
  return row;
}

void Engine::note_artifacts(LiveRun& run, const AttemptSucceeded& event) {
  const Node& node = run.state.at(event.task);
  if (node.attempt != event.attempt || !is_success(node.state)) return;
  for (const auto& [key, list] : event.outputs.artifacts)
    for (std::size_t i = 0; i < list.size(); ++i)
      run.write.artifacts.push_back({.task = event.task,
                                     .key = key,
                                     .index = static_cast<int>(i),
                                     .name = list[i].name,
                                     .type = list[i].type.schema_title,
                                     .uri = list[i].uri,
                                     .digest = list[i].digest,
                                     .size_bytes = list[i].size_bytes,
                                     .metadata = to_json(list[i].metadata)});
}

void Engine::carry_out(const RunPtr& run) {
  tell(*run);
  for (const Action& action : std::exchange(run->actions, {})) perform(*run, action);
  if (run->ended) finish(run);
}

void Engine::perform(LiveRun& run, const Action& action) {
  if (const auto* start = std::get_if<StartAttempt>(&action)) {
    start_attempt(run, *start);
  } else if (const auto* stop = std::get_if<StopAttempt>(&action)) {
    hands_.stop(run.uuid, stop->task, stop->attempt, stop->why);
  } else if (const auto* timer = std::get_if<ArmTimer>(&action)) {
    loop_.after(timer->due - last_now_, [this, uuid = run.uuid, fired = TimerFired{timer->task, timer->attempt, timer->kind},
                                         alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) push(uuid, fired);
    });
  } else {
    run.ended = true;
  }
}

void Engine::start_attempt(LiveRun& run, const StartAttempt& start) {
  const Node& node = run.state.at(start.task);
  const PlanComponent& component = run.plan->components.at(node.component);
  AttemptOrder order{.run = run.uuid,
                     .run_uuid = run.uuid_text,
                     .plan = run.plan,
                     .component = &component,
                     .task = start.task,
                     .attempt = start.attempt,
                     .task_name = task_name(*run.plan, run.state, start.task),
                     .inputs = node.inputs};
  if (const auto site = run.sites.by_executor.find(component.executor->label); site != run.sites.by_executor.end())
    order.site = &site->second;
  TaskId dag = node.parent;
  if (run.state.at(dag).kind == NodeKind::kLoop) dag = run.state.at(dag).parent;
  const std::string pod = run.plan->context.resource_name + "-" + std::to_string(start.task.value);
  auto env = platform_env(*run.plan, run.plan->components.at(run.state.at(dag).component), *component.executor,
                          StateScope(run.state, dag), dir_, options_.secrets, pod);
  if (!env) return push(run.uuid, AttemptFailed{start.task, start.attempt, FailureKind::kStart, 0, env.error().message});
  order.env = std::move(*env);
  hands_.start(std::move(order));
}

void Engine::tell(LiveRun& run) {
  const std::set<TaskId> news = std::exchange(run.news, {});
  if (!observer_.task) return;
  for (const TaskId id : news) {
    if (id.value == 0) continue;
    const Node& node = run.state.at(id);
    observer_.task({.run = run.uuid,
                    .task = id,
                    .parent = node.parent,
                    .path = task_path(*run.plan, run.state, id),
                    .state = node.state,
                    .is_leaf = node.kind == NodeKind::kLeaf,
                    .attempt = node.attempt,
                    .exit_code = node.exit_code,
                    .began = node.began,
                    .ended = node.ended,
                    .error = node.error});
  }
}

void Engine::finish(const RunPtr& run) {
  const RunNotice notice{run->uuid, run->state.run, run->state.error};
  if (run->state.run == RunState::kSucceeded)
    (void)store_.compact(run->id).has_value();  // its rows are there; a failure only costs room
  runs_.erase(run->uuid);
  hands_.release(run->uuid);
  if (observer_.run) observer_.run(notice);
}

}  // namespace sluice
