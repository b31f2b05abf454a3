// What the engine does after a commit: it tells the observer, gives orders, sets timers.
#include "engine/engine.h"

namespace sluice {

void Engine::carry_out(const RunPtr& run) {
  if (run->removed) return;
  tell(*run);
  const bool paused = run->state.run == RunState::kPaused;
  if (paused && !std::exchange(run->held, true)) hold_back(*run);
  for (const Action& action : std::exchange(run->actions, {})) {
    if (run->removed) return;  // by an observer
    perform(*run, action);
  }
  // After the stops of a cancelled run: what was held back must not start only to be stopped.
  if (!paused && std::exchange(run->held, false)) let_go(*run);
  if (run->ended && !run->removed) finish(run);
}

void Engine::perform(LiveRun& run, const Action& action) {
  if (const auto* start = std::get_if<StartAttempt>(&action)) {
    start_attempt(run, *start, false);
  } else if (const auto* stop = std::get_if<StopAttempt>(&action)) {
    if (!stop_waiting(run, *stop)) hands_.stop(run.uuid, stop->task, stop->attempt, stop->why);
  } else if (const auto* timer = std::get_if<ArmTimer>(&action)) {
    arm(run, *timer);
  } else {
    run.ended = true;
  }
}

void Engine::arm(const LiveRun& run, const ArmTimer& timer) {
  loop_.after(timer.due - last_now_,
              [this, uuid = run.uuid, fired = TimerFired{timer.task, timer.attempt, timer.kind}, alive = std::weak_ptr(alive_)] {
                if (!alive.expired()) push(uuid, fired);
              });
}

void Engine::start_attempt(LiveRun& run, const StartAttempt& start, bool again) {
  const Node& node = run.state.at(start.task);
  const PlanComponent& component = run.plan->components.at(node.component);
  AttemptOrder order{.run = run.uuid,
                     .run_uuid = run.uuid_text,
                     .plan = run.plan,
                     .component = &component,
                     .task = start.task,
                     .attempt = start.attempt,
                     .task_name = task_name(*run.plan, run.state, start.task),
                     .inputs = node.inputs,
                     .again = again};
  if (const auto site = run.sites.by_executor.find(component.executor->label); site != run.sites.by_executor.end())
    order.site = &site->second;
  if (order.site != nullptr) order.cached = kept_outputs(run, start);
  if (order.cached)
    run.facts[start.task].cache = {.not_asked = "the task is as it was before the pipeline of its run was edited"};
  if (!order.cached && !ask_cache(run, start, order)) return;
  order.checkpoint = checkpoint_of(dir_, run.uuid_text, task_path(*run.plan, run.state, start.task), component, node.inputs,
                                   run.keep_checkpoints || options_.keep_checkpoints);
  if (order.cached && !again) return hands_.start(std::move(order));  // what a process would need is not looked for
  const TaskId dag = dag_of(run.state, start.task);
  const auto refuse = [&](const Error& error) {
    push(run.uuid, AttemptFailed{start.task, start.attempt, FailureKind::kStart, 0,
                                 error.hint.empty() ? error.message : error.message + "; " + error.hint});
  };
  auto gifts = platform_gifts(*run.plan, run.plan->components.at(run.state.at(dag).component), *component.executor,
                              StateScope(run.state, dag), dir_, options_.values, pod_name(*run.plan, start.task));
  if (!gifts) return refuse(gifts.error());
  order.env = std::move(gifts->env);
  order.mounts = std::move(gifts->mounts);
  order.folders = std::move(gifts->folders);
  order.redact = std::move(gifts->redact);
  if (!gifts->note.empty()) run.notes[start.task] = std::move(gifts->note);
  auto need = need_of(run, node, component);
  if (!need) return refuse(need.error());
  note_need(run, start.task, *need);
  order.need = std::move(*need);
  if (order.site == nullptr) {
    auto volume = volume_task(component, order.inputs, run.uuid_text, start.task);
    if (!volume) return refuse(volume.error());
    order.volume = std::move(*volume);
  }
  hands_.start(std::move(order));
}

void Engine::tell(LiveRun& run) {
  const RunState state = run.state.run;
  // The end is told last, when the run is no longer active.
  if (std::exchange(run.told, state) != state && !is_final(state) && observer_.run)
    observer_.run({run.uuid, state, shown_error(run)});
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
  const RunNotice notice{run->uuid, run->state.run, shown_error(*run), run->notify};
  if (const auto spent = spent_.find(run->experiment); spent != spent_.end()) spent->second += run->used;
  if (run->state.run == RunState::kSucceeded)
    (void)store_.compact(run->id).has_value();  // its rows are there; a failure only costs room
  ++(run->state.run == RunState::kSucceeded ? figures_.runs_succeeded
     : run->state.run == RunState::kFailed  ? figures_.runs_failed
                                            : figures_.runs_canceled);
  runs_.erase(run->uuid);
  start_again(flights_.forget(run->uuid));
  hands_.release(run->uuid);
  if (observer_.run) observer_.run(notice);
}

}  // namespace sluice
