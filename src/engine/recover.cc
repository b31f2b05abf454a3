// From the rows and the journal of a run to one that lives: after a crash, after a restart, for a retry.
#include <algorithm>

#include "engine/engine.h"
#include "exec/supervisor.h"

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
  std::vector<std::pair<RunRow, Loaded>> found;
  std::vector<std::pair<RunRow, std::string>> lost;
  for (const RunRow& row : rows) {
    Result<Loaded> loaded = load(row);
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

Result<Engine::Loaded> Engine::load(const RunRow& row) {
  SLUICE_TRY(const std::string spec, store_.spec(row.spec_digest));
  const Submission submission{.spec = spec,
                              .spec_file = row.spec_file,
                              .parameters = row.parameters,
                              .name = row.name,
                              .experiment = row.experiment,
                              .cache = row.options.bool_or("cache", true)};
  Loaded loaded{.prepared = prepare(submission, options_.images, run_context_from_value(row.context))};
  const Diagnostics& errors = loaded.prepared.errors;
  if (!errors.empty()) return fail(Code::kInvalid, errors.front().text(), errors.front().hint);
  SLUICE_TRY(const std::optional<Snapshot> snapshot, store_.snapshot(row.id));
  if (snapshot && snapshot->seq > 0 && snapshot->seq <= row.seq) {
    // One that does not read back, perhaps of another build, only saves no time: the journal is all there.
    if (auto state = state_from_snapshot(*loaded.prepared.plan, snapshot->version, snapshot->text)) {
      loaded.state = std::move(*state);
      loaded.seq = loaded.snapshot_seq = snapshot->seq;
    }
  }
  SLUICE_TRY_STATUS(replay(row, loaded));
  return loaded;
}

Status Engine::replay(const RunRow& row, Loaded& loaded) {
  // The entry that the snapshot stands on is read, too: it says what time it was.
  std::uint64_t next = std::max<std::uint64_t>(loaded.seq, 1);
  SLUICE_TRY(const auto entries, store_.journal_after(row.id, next - 1));
  for (const JournalEntry& entry : entries) {
    if (entry.seq != next) return fail(Code::kCorrupt, "its journal has no entry " + std::to_string(next));
    ++next;
    last_now_ = std::max(last_now_, entry.at);
    if (entry.seq <= loaded.seq) continue;
    SLUICE_TRY(const Event event, event_from(entry.kind, entry.payload));
    (void)step(*loaded.prepared.plan, loaded.state, event, entry.at);
    loaded.seq = entry.seq;
  }
  if (next != row.seq + 1)
    return fail(Code::kCorrupt, "its journal ends at entry " + std::to_string(next - 1) + " of " + std::to_string(row.seq));
  return {};
}

Engine::RunPtr Engine::add_loaded(const RunRow& row, Loaded loaded) {
  const RunPtr run = add_run(row.id, row.uuid, std::move(loaded.prepared));
  run->state = std::move(loaded.state);
  run->seq = loaded.seq;
  run->snapshot_seq = loaded.snapshot_seq;
  run->told = row.state;
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

Status Engine::retry(const Uuid& uuid) {
  if (runs_.contains(uuid)) return fail(Code::kConflict, "run " + uuid.text() + " is running");
  SLUICE_TRY(const RunRow row, store_.run(uuid));
  if (row.state == RunState::kSucceeded)
    return fail(Code::kConflict, "run " + uuid.text() + " has succeeded: there is nothing to run again");
  SLUICE_TRY(Loaded loaded, load(row));
  // Whatever an owner that died has left running must be gone before a new attempt starts.
  SLUICE_TRY([[maybe_unused]] const int ended, end_leftovers_of(uuid.text() + "/"));
  SLUICE_TRY_STATUS(make_directory(dir_.run(uuid.text())));
  const bool began = loaded.seq > 0;
  add_loaded(row, std::move(loaded));
  push(uuid, began ? Event(RetryAsked{}) : Event(RunBegan{}));
  return {};
}

}  // namespace sluice
