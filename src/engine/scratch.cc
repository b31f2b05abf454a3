#include "engine/scratch.h"

#include <algorithm>
#include <filesystem>
#include <span>
#include <utility>

#include "base/text.h"
#include "engine/platform.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

// What may be a link to a stored object becomes a file of our own: somebody is going to change things here.
Status unlink_from_store(const std::string& folder) {
  std::error_code error;
  if (!fs::exists(folder, error)) return {};
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (!at->is_regular_file(error) || at->is_symlink(error)) continue;
    const fs::path copy = at->path().string() + ".copy";
    if (at->hard_link_count(error) > 1) {
      fs::copy_file(at->path(), copy, error);
      if (!error) fs::rename(copy, at->path(), error);
    }
    if (!error) fs::permissions(at->path(), fs::perms::owner_write, fs::perm_options::add, error);
    if (error) break;
  }
  return error ? Status(fail_errno("copy the inputs in " + folder, error.value())) : Status{};
}

Status copy_checkpoint(const std::string& source, const std::string& target) {
  std::error_code error;
  if (fs::exists(source, error)) fs::copy(source, target, fs::copy_options::recursive | fs::copy_options::copy_symlinks, error);
  return error ? Status(fail_errno("copy " + source, error.value())) : Status{};
}

Result<AttemptOrder> order_of(const ReadBack& run, TaskId task, int attempt, const DataDir& dir, const ValueRules& values) {
  const Plan& plan = *run.prepared.plan;
  const Node& node = run.state.at(task);
  const PlanComponent& component = plan.components.at(node.component);
  const TaskId dag = dag_of(run.state, task);
  AttemptOrder order{.run_uuid = plan.context.run_uuid,
                     .plan = run.prepared.plan,
                     .component = &component,
                     .task = task,
                     .attempt = attempt,
                     .task_name = task_name(plan, run.state, task),
                     .inputs = node.inputs};
  const auto site = run.prepared.sites.by_executor.find(component.executor->label);
  if (site == run.prepared.sites.by_executor.end())
    return fail(Code::kInvalid, "task '" + task_path(plan, run.state, task) + "' is an importer: it has no command");
  order.site = &site->second;
  SLUICE_TRY(PlatformGifts gifts, platform_gifts(plan, plan.components.at(run.state.at(dag).component), *component.executor,
                                                 StateScope(run.state, dag), dir, values, pod_name(plan, task)));
  order.env = std::move(gifts.env);
  order.mounts = std::move(gifts.mounts);
  order.folders = std::move(gifts.folders);
  return order;
}

}  // namespace

Result<TaskId> find_leaf(const Plan& plan, const State& state, const std::string& asked) {
  std::vector<TaskId> named;
  std::vector<std::string> paths, found;
  for (std::int64_t i = 1; i < static_cast<std::int64_t>(state.nodes.size()); ++i) {
    const TaskId id{i};
    if (state.at(id).kind != NodeKind::kLeaf || !is_in_play(state, id)) continue;
    const std::string path = task_path(plan, state, id);
    if (path == asked || path == "root/" + asked) return id;
    paths.push_back(asked.find('/') == std::string::npos ? std::string(base_name(path)) : path);
    if (base_name(path) != asked) continue;
    named.push_back(id);
    found.push_back(path);
  }
  if (named.size() == 1) return named.front();
  if (named.size() > 1)
    return fail(Code::kConflict, "several tasks are called '" + asked + "'",
                join(std::span(found).first(std::min<std::size_t>(found.size(), 5)), ", ") + (found.size() > 5 ? ", ..." : ""));
  return fail(Code::kNotFound, "the run has no task '" + asked + "' with a command" + did_you_mean(asked, paths),
              "`sluice get run` lists its tasks");
}

Result<Scratch> lay_out_again(const ReadBack& run, TaskId task, int attempt, const DataDir& dir, const std::string& root,
                              const ValueRules& values, const std::string& environment_bin) {
  const Node& node = run.state.at(task);
  Scratch scratch{.task = task,
                  .path = task_path(*run.prepared.plan, run.state, task),
                  .attempt = attempt == 0 ? node.attempt : attempt,
                  .state = node.state,
                  .exit_code = node.exit_code};
  if (node.attempt == 0)
    return fail(Code::kConflict, "task '" + scratch.path + "' has not begun: it is " + std::string(state_name(node.state)));
  if (scratch.attempt > node.attempt)
    return fail(Code::kNotFound, "task '" + scratch.path + "' has no attempt " + std::to_string(scratch.attempt) +
                                     ", the newest is " + std::to_string(node.attempt));
  SLUICE_TRY(AttemptOrder order, order_of(run, task, scratch.attempt, dir, values));
  const std::string& run_uuid = order.run_uuid;
  const Checkpoint before = checkpoint_of(dir, run_uuid, scratch.path, *order.component, order.inputs, true);
  order.checkpoint = {.path = root + "/checkpoint", .make = true, .keep = true};
  SLUICE_TRY_STATUS(copy_checkpoint(before.path, order.checkpoint.path));
  scratch.checkpoint = order.checkpoint.path;

  SLUICE_TRY(const DataDir place, DataDir::at(root));
  std::error_code error;
  fs::create_directories(place.run(run_uuid), error);
  if (error) return fail_errno("make " + place.run(run_uuid), error.value());
  Attempt again(std::move(order), place);
  const ObjectStore objects(dir.objects(), /*sync=*/false);
  SLUICE_TRY_STATUS(lay_out(again, objects));
  SLUICE_TRY_STATUS(unlink_from_store(again.directory + ".in"));
  SLUICE_TRY(scratch.spec, make_spec(again, environment_bin));
  // Not that of an attempt: whoever ends what is left of the run must not find this.
  scratch.spec.id = "shell of " + again.id;
  return scratch;
}

}  // namespace sluice
