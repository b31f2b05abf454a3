// From the rows and the journal of a run to one that lives: after a crash, after a restart, for a retry.
#include <algorithm>

#include "engine/engine.h"
#include "engine/read_back.h"
#include "engine/reuse.h"

namespace sluice {

// Oldest first.
Result<std::vector<RunRow>> Engine::unfinished_runs() {
  constexpr int kPageRows = 500;
  std::vector<RunRow> runs;
  for (const RunState state : {RunState::kPending, RunState::kRunning, RunState::kPaused, RunState::kCanceling}) {
    for (std::int64_t after = 0;;) {
      SLUICE_TRY(auto rows, store_.list({.state = state}, {.limit = kPageRows, .after = after}));
      if (rows.empty()) break;
      after = rows.back().id.value;
      std::move(rows.begin(), rows.end(), std::back_inserter(runs));
    }
  }
  std::sort(runs.begin(), runs.end(), [](const RunRow& a, const RunRow& b) { return a.id < b.id; });
  return runs;
}

Status Engine::adopt_orphans() {
  SLUICE_TRY(const std::vector<RunRow> rows, unfinished_runs());
  std::vector<std::pair<RunRow, std::string>> orphans;
  for (const RunRow& row : rows)
    if (!row.options.bool_or("server", false)) orphans.emplace_back(row, "its owner ended in the middle");
  return interrupt(orphans);
}

Status Engine::interrupt(const std::vector<std::pair<RunRow, std::string>>& rows) {
  std::vector<Write> writes;
  for (const auto& [row, error] : rows)
    writes.push_back({.run = row.id,
                      .expected_seq = row.seq,
                      .change = RunChange{.state = RunState::kInterrupted,
                                          .at = std::max(clock_.now(), last_now_),
                                          .error = error,
                                          .began = row.began,
                                          .ended = row.ended,
                                          .outputs = row.outputs}});
  if (writes.empty()) return {};
  SLUICE_TRY_STATUS(store_.commit(writes, options_.durability));
  for (const auto& [row, error] : rows)
    if (observer_.run) observer_.run({row.uuid, RunState::kInterrupted, error});
  return {};
}

Status Engine::recover() {
  SLUICE_TRY(const std::vector<RunRow> rows, unfinished_runs());
  std::vector<std::pair<RunRow, ReadBack>> found;
  std::vector<std::pair<RunRow, std::string>> lost;
  for (const RunRow& row : rows) {
    Result<ReadBack> loaded = load(row);
    if (!loaded && loaded.error().code == Code::kUnavailable) return fail(std::move(loaded).error());
    if (!loaded)
      lost.emplace_back(row, "it cannot go on: " + loaded.error().message);
    else if (is_final(loaded->state.run))
      lost.emplace_back(row, "it cannot go on: by its journal it is " + std::string(state_name(loaded->state.run)));
    else
      found.emplace_back(row, std::move(*loaded));
  }
  SLUICE_TRY_STATUS(interrupt(lost));
  last_now_ = std::max(last_now_, clock_.now());
  for (auto& [row, loaded] : found) go_on(*add_loaded(row, std::move(loaded)));
  return {};
}

Result<ReadBack> Engine::load(const RunRow& row) {
  SLUICE_TRY(ReadBack loaded, read_back(store_, row, options_.sites));
  last_now_ = std::max(last_now_, loaded.last);
  return loaded;
}

Engine::RunPtr Engine::add_loaded(const RunRow& row, ReadBack loaded) {
  const RunPtr run = add_run(row.id, row.uuid, std::move(loaded.prepared));
  run->state = std::move(loaded.state);
  run->seq = loaded.seq;
  run->snapshot_seq = loaded.snapshot_seq;
  run->told = row.state;
  run->has_notify = row.options.find("notify") != nullptr;
  set_terms(*run, row.experiment, row.options);
  for (const Node& node : run->state.nodes) run->used += node.usage;
  if (const auto spent = spent_.find(run->experiment); spent != spent_.end()) {
    spent->second.cpu -= run->used.cpu;
    spent->second.wall -= run->used.wall;
    spent->second.gpu -= run->used.gpu;
  }
  if (!loaded.kept.empty()) run->kept = std::make_shared<KeptResults>(std::move(loaded.kept));
  run->keep_checkpoints = row.options.bool_or("keep_checkpoints", false);
  return run;
}

// Everything that a crash may have kept from being carried out is done once more; the hands know what of it was done.
void Engine::go_on(LiveRun& run) {
  if (run.seq == 0) return push(run.uuid, RunBegan{});
  if (run.state.run == RunState::kPaused) {
    run.held = true;
    hold_back(run);
  }
  for (const StartAttempt& start : attempts_in_flight(run.state)) start_attempt(run, start, true);
  for (const StopAttempt& stop : stops_in_flight(run.state)) perform(run, stop);
  for (const ArmTimer& timer : timers_in_flight(run.state)) arm(run, timer);
}

}  // namespace sluice
