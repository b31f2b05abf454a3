// What runs and experiments have used of the machine, and what happens when that is all they may.
#include "base/match.h"
#include "engine/engine.h"

namespace sluice {

void Engine::set_terms(LiveRun& run, const std::string& experiment, const Value& options) {
  run.experiment = experiment;
  run.priority = static_cast<int>(options.int_or("priority", 0));
  if (const Value* budget = options.find("budget"); budget != nullptr) run.budget = budget_from_value(*budget).value_or(Budget{});
}

void Engine::note_used(LiveRun& run, const Event& event) {
  std::visit(Match{[&](const AttemptSucceeded& e) { run.used += e.usage; }, [&](const AttemptFailed& e) { run.used += e.usage; },
                   [&](const PauseAsked& e) { run.paused_because = e.reason; },
                   [&](const ResumeAsked&) { run.paused_because.clear(); }, [](const auto&) {}},
             event);
}

// After each event that may have used something up or may have set something going.
void Engine::keep_to_budgets(LiveRun& run) {
  if (run.state.run != RunState::kRunning) return;
  if (!run.budget.empty())
    if (const auto used = used_up(run.budget, run.used))
      return stop_for(run, run.budget, "budget of the run is used up: " + *used);
  const auto budget = options_.budgets.find(run.experiment);
  if (budget == options_.budgets.end()) return;
  const auto usage = used_in(run.experiment);
  if (!usage) return;  // the store is out of reach, so nothing starts either
  const auto used = used_up(budget->second, *usage);
  if (!used) return;
  for (const auto& [uuid, other] : runs_)
    if (other->experiment == run.experiment && other->state.run == RunState::kRunning)
      stop_for(*other, budget->second, "budget of experiment '" + run.experiment + "' is used up: " + *used);
}

// Taken in this very turn, before the hands start what the event before has set going.
void Engine::stop_for(LiveRun& run, const Budget& budget, const std::string& why) {
  if (asked_state(run) != RunState::kRunning) return;  // by another event of this turn
  if (budget.pauses)
    push(run.uuid, PauseAsked{why});
  else
    push(run.uuid, CancelAsked{why});
}

// Runs that have ended are read once; those that are active are counted as they go.
Result<Usage> Engine::used_in(const std::string& experiment) {
  if (!spent_.contains(experiment)) {
    constexpr int kPageRows = 500;
    Usage spent;
    for (std::int64_t after = 0;;) {
      SLUICE_TRY(const auto rows, store_.list({.experiment = experiment}, {.limit = kPageRows, .after = after}));
      if (rows.empty()) break;
      after = rows.back().id.value;
      for (const RunRow& row : rows) {
        if (runs_.contains(row.uuid)) continue;
        SLUICE_TRY(const auto tasks, store_.tasks(row.id));
        for (const TaskRow& task : tasks) spent += task_facts_from_text(task.facts).usage;
      }
    }
    spent_.emplace(experiment, spent);
  }
  Usage sum = spent_.at(experiment);
  for (const auto& [uuid, run] : runs_)
    if (run->experiment == experiment) sum += run->used;
  return sum;
}

// Why it failed, was cancelled or is paused, where somebody has said so.
std::string Engine::shown_error(const LiveRun& run) {
  if (!run.state.error.empty()) return run.state.error;
  if (run.state.run == RunState::kPaused) return run.paused_because;
  if (run.state.run == RunState::kCanceling || run.state.run == RunState::kCanceled) return run.state.cancel_reason;
  return "";
}

}  // namespace sluice
