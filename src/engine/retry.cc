// A run that has ended goes on: what failed, or from a task on, or as another pipeline.
#include <algorithm>

#include "base/text.h"
#include "engine/engine.h"
#include "engine/read_back.h"
#include "engine/reuse.h"
#include "exec/supervisor.h"

namespace sluice {
namespace {

// More paths than these are not compared to find the one that was meant.
constexpr std::size_t kPathsMax = 10'000;

Result<TaskId> task_at(const Plan& plan, const State& state, const std::string& asked) {
  const std::string path = asked == "root" || asked.starts_with("root/") ? asked : "root/" + asked;
  std::vector<std::string> paths;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(state.nodes.size()); ++i) {
    std::string other = task_path(plan, state, TaskId{i});
    if (other == path && is_in_play(state, TaskId{i})) return TaskId{i};
    if (other == path)
      return fail(Code::kConflict, "task '" + path + "' is no longer part of its loop, which has fewer items now");
    if (paths.size() < kPathsMax) paths.push_back(std::move(other));
  }
  return fail(Code::kNotFound, "the run has no task '" + path + "'" + did_you_mean(path, paths),
              "`sluice get run` lists its tasks");
}

}  // namespace

// It has ended, and nothing of it runs any more.
Result<RunRow> Engine::ended_run(const Uuid& uuid) {
  if (runs_.contains(uuid)) return fail(Code::kConflict, "run " + uuid.text() + " is running");
  return store_.run(uuid);
}

// Whatever an owner that died has left running must be gone before a new attempt starts.
Status Engine::make_way(const Uuid& uuid) {
  SLUICE_TRY([[maybe_unused]] const int ended, end_leftovers_of(uuid.text() + "/"));
  return make_directory(dir_.run(uuid.text()));
}

Status Engine::retry(const Uuid& uuid, const std::string& from) {
  SLUICE_TRY(const RunRow row, ended_run(uuid));
  const bool has_succeeded = row.state == RunState::kSucceeded;
  if (has_succeeded && from.empty())
    return fail(Code::kConflict, "run " + uuid.text() + " has succeeded: there is nothing to run again",
                "to run a part of it again, name the task to begin with: sluice retry --from TASK");
  Result<ReadBack> loaded = load(row);
  if (!loaded && has_succeeded && loaded.error().code == Code::kCorrupt)
    return fail(Code::kConflict, "what a part of run " + uuid.text() + " could be run again from was not kept",
                "it is of an earlier version, or very large: start a new run");
  if (!loaded) return fail(std::move(loaded).error());
  RetryAsked asked;
  if (!from.empty()) {
    SLUICE_TRY(asked.from, task_at(*loaded->prepared.plan, loaded->state, from));
  }
  SLUICE_TRY_STATUS(make_way(uuid));
  const bool began = loaded->seq > 0;
  add_loaded(row, std::move(*loaded))->is_asked_again = !from.empty();
  push(uuid, began ? Event(asked) : Event(RunBegan{}));
  return {};
}

Status Engine::restart(const Uuid& uuid, const Submission& submission, Prepared prepared) {
  SLUICE_TRY(const RunRow row, ended_run(uuid));
  SLUICE_TRY(std::vector<KeptResult> kept, store_.kept_results(row.id));
  // A run that does not read back has made nothing that could be used.
  if (const Result<ReadBack> before = load(row))
    kept = results_to_keep(*before->prepared.plan, before->state, kept);
  else if (before.error().code == Code::kUnavailable)
    return fail(before.error());
  SLUICE_TRY_STATUS(make_way(uuid));
  if (prepared.pipeline->workspace) SLUICE_TRY_STATUS(make_directory(prepared.plan->context.workspace_path));
  SLUICE_TRY_STATUS(store_.restart({.run = row.id,
                                    .expected_seq = row.seq,
                                    .spec = submission.spec,
                                    .spec_file = submission.spec_file,
                                    .pipeline_name = prepared.pipeline->name,
                                    .parameters = submission.parameters,
                                    .at = std::max(clock_.now(), last_now_),
                                    .kept = kept},
                                   Sync::kFull));
  const RunPtr run = add_run(row.id, uuid, std::move(prepared));
  run->keep_checkpoints = submission.keep_checkpoints;
  run->kept = std::make_shared<KeptResults>(std::move(kept));
  push(uuid, RunBegan{});
  return {};
}

// What it makes is known from before the pipeline was edited. A later attempt is one that somebody wants to run.
std::optional<TaskData> Engine::kept_outputs(const LiveRun& run, const StartAttempt& start) const {
  if (run.kept == nullptr || start.attempt != 1) return std::nullopt;
  const Node& node = run.state.at(start.task);
  return run.kept->find(task_path(*run.plan, run.state, start.task), run.plan->components.at(node.component), node.inputs);
}

}  // namespace sluice
