// Tasks and artifacts as resources of their own. Provisional: the API that KFP itself is moving to is not settled (kfp-api.md,
// section 4), and its shape here is that of the proposal.
#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>

#include "api/kfp_runs.h"
#include "api/run_document.h"
#include "api/run_fields.h"
#include "base/base64.h"
#include "base/text.h"
#include "model/task_facts.h"

namespace sluice {
namespace {

struct PageOf {
  std::int64_t from = std::numeric_limits<std::int64_t>::min();  // of the ids, in their order
  std::size_t size = 0;
};

// In the order of ids, without sorting or filtering by anything else.
Result<PageOf> page_of(const Call& call) {
  if (!call.argument("sort_by").empty() || !call.argument("filter").empty())
    return fail(Code::kInvalid, "this list is neither sorted nor filtered");
  SLUICE_TRY(const std::int64_t size, call.integer("page_size", 0, 0, std::numeric_limits<int>::max()));
  PageOf page{.size = size == 0 ? 20 : static_cast<std::size_t>(std::min<std::int64_t>(size, 200))};
  if (const auto token = call.argument("page_token"); !token.empty()) {
    const auto text = decode_base64(token);
    const auto from = text ? parse_integer(*text) : std::nullopt;
    if (!from) return fail(Code::kInvalid, "Invalid page token");
    page.from = *from;
  }
  return page;
}

// The tasks of a run by their paths.
class Paths {
 public:
  explicit Paths(const std::vector<TaskRow>& tasks) {
    for (const TaskRow& task : tasks) ids_.emplace(task.path, task.id);
  }
  std::optional<TaskId> parent_of(const TaskRow& task) const {
    const auto found = ids_.find(parent_path(task.path));
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
  }
  std::string_view type_of(const TaskRow& task) const {
    if (task.path == "root") return "ROOT";
    if (task.path.ends_with(']')) return "LOOP_ITERATION";
    return has_below(task.path + "[") ? "LOOP" : has_below(task.path + "/") ? "DAG" : "RUNTIME";
  }

 private:
  bool has_below(const std::string& prefix) const {
    const auto found = ids_.lower_bound(prefix);
    return found != ids_.end() && found->first.starts_with(prefix);
  }
  std::map<std::string, TaskId, std::less<>> ids_;
};

void write_parameters(JsonWriter& json, const Struct& parameters) {
  if (parameters.empty()) return;
  json.key("parameters").begin_array();
  for (const auto& [name, value] : parameters) json.begin_object().field("name", name).field("value", value).end_object();
  json.end_array();
}

void write_inputs(JsonWriter& json, const RunRow& run, const TaskRow& task, const std::vector<ArtifactRow>& artifacts) {
  const TaskData inputs = task_data_from_text(task.inputs);
  if (inputs.empty()) return;
  json.key("inputs").begin_object();
  write_parameters(json, inputs.parameters);
  json.key("artifacts").begin_array();
  for (const auto& [key, list] : inputs.artifacts)
    for (const Artifact& given : list) {
      const auto made = std::find_if(artifacts.begin(), artifacts.end(), [&](const auto& row) { return row.uri == given.uri; });
      if (made != artifacts.end())
        json.begin_object().field("name", key).field("artifact_id", kfp_artifact_id(run.uuid, *made)).end_object();
    }
  json.end_array().end_object();
}

void write_outputs(JsonWriter& json, const RunRow& run, const TaskRow& task, const std::vector<ArtifactRow>& artifacts) {
  const TaskData outputs = task_data_from_text(task.outputs);
  if (outputs.empty()) return;
  json.key("outputs").begin_object();
  write_parameters(json, outputs.parameters);
  json.key("artifacts").begin_array();
  for (const ArtifactRow& artifact : artifacts)
    if (artifact.task == task.id)
      json.begin_object().field("name", artifact.key).field("artifact_id", kfp_artifact_id(run.uuid, artifact)).end_object();
  json.end_array().end_object();
}

void write_task(JsonWriter& json, const RunRow& run, const TaskRow& task, const Paths& paths,
                const std::vector<ArtifactRow>& artifacts) {
  const std::string_view type = paths.type_of(task);
  json.begin_object();
  FieldWriter fields(json);
  fields.text("name", task_key(task.path))
      .text("display_name", base_name(task.path))
      .text("task_id", kfp_task_id(run.uuid, task.id))
      .text("run_id", run.uuid.text())
      .text("type", type)
      .time("create_time", task.began == Instant{} ? run.created : task.began)
      .time("start_time", task.began)
      .time("end_time", task.ended)
      .text("state", kfp_state(task.state))
      .error("error", static_cast<int>(RpcCode::kInternal), task.error);
  if (type == "LOOP_ITERATION") {
    const auto bracket = task.path.rfind('[') + 1;
    json.key("type_attributes")
        .begin_object()
        .field("iteration_index", task.path.substr(bracket, task.path.size() - bracket - 1));
    json.end_object();
  }
  if (const auto parent = paths.parent_of(task)) fields.text("parent_task_id", kfp_task_id(run.uuid, *parent));
  fields.text("cache_fingerprint", task_facts_from_text(task.facts).cache.key);
  write_inputs(json, run, task, artifacts);
  write_outputs(json, run, task, artifacts);
  json.end_object();
}

Result<HttpResponse> list_tasks(const Call& call, RunStore& store) {
  SLUICE_TRY(const PageOf page, page_of(call));
  SLUICE_TRY(const RunRow run, kfp_run(store, call.part("run_id")));
  SLUICE_TRY(auto rows, store.tasks(run.id));
  const std::vector<TaskRow> tasks = with_root(run, std::move(rows));
  SLUICE_TRY(const auto artifacts, store.artifacts(run.id));
  const auto first =
      std::find_if(tasks.begin(), tasks.end(), [&](const TaskRow& task) { return task.id.value >= page.from; }) - tasks.begin();
  const auto end = std::min(tasks.size(), static_cast<std::size_t>(first) + page.size);
  const Paths paths(tasks);
  JsonWriter json;
  json.begin_object().key("tasks").begin_array();
  for (std::size_t i = static_cast<std::size_t>(first); i < end; ++i) write_task(json, run, tasks[i], paths, artifacts);
  json.end_array();
  FieldWriter(json)
      .integer("total_size", static_cast<std::int64_t>(tasks.size()))
      .text("next_page_token", end < tasks.size() ? encode_base64(std::to_string(tasks[end].id.value)) : "");
  return json_response(json.end_object().take());
}

Result<HttpResponse> get_task(const Call& call, RunStore& store) {
  SLUICE_TRY(const RunRow run, kfp_run(store, call.part("run_id")));
  SLUICE_TRY(auto rows, store.tasks(run.id));
  const std::vector<TaskRow> tasks = with_root(run, std::move(rows));
  SLUICE_TRY(const auto artifacts, store.artifacts(run.id));
  const TaskRow* task = find_task(run.uuid, tasks, call.part("task_id"));
  if (task == nullptr) return kfp_not_found("Task", call.part("task_id"));
  JsonWriter json;
  write_task(json, run, *task, Paths(tasks), artifacts);
  return json_response(json.take());
}

// The names of the proposal; what it does not name is an Artifact.
std::string_view artifact_type(std::string_view schema_title) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kTypes{
      {{"system.Model", "Model"},
       {"system.Dataset", "Dataset"},
       {"system.HTML", "HTML"},
       {"system.Markdown", "Markdown"},
       {"system.Metrics", "Metric"},
       {"system.ClassificationMetrics", "ClassificationMetric"},
       {"system.SlicedClassificationMetrics", "SlicedClassificationMetric"}}};
  for (const auto& [title, type] : kTypes)
    if (title == schema_title) return type;
  return "Artifact";
}

void write_artifact(JsonWriter& json, const RunRow& run, const ArtifactRow& artifact) {
  json.begin_object();
  FieldWriter(json)
      .text("artifact_id", kfp_artifact_id(run.uuid, artifact))
      .text("name", artifact.name)
      .text("type", artifact_type(artifact.type))
      .text("uri", artifact.uri);
  if (const auto metadata = parse_json(artifact.metadata); metadata && metadata->is_struct() && !metadata->as_struct().empty())
    json.field("metadata", *metadata);
  json.end_object();
}

Result<HttpResponse> list_artifacts(const Call& call, RunStore& store) {
  SLUICE_TRY(const PageOf page, page_of(call));
  if (!call.has_argument("run_id")) return fail(Code::kInvalid, "run_id is missing: artifacts are listed by run");
  SLUICE_TRY(const RunRow run, kfp_run(store, call.argument("run_id")));
  SLUICE_TRY(const auto artifacts, store.artifacts(run.id));
  const auto first =
      static_cast<std::size_t>(std::clamp<std::int64_t>(page.from, 0, static_cast<std::int64_t>(artifacts.size())));
  const std::size_t end = std::min(artifacts.size(), first + page.size);
  JsonWriter json;
  json.begin_object().key("artifacts").begin_array();
  for (std::size_t i = first; i < end; ++i) write_artifact(json, run, artifacts[i]);
  json.end_array();
  FieldWriter(json)
      .integer("total_size", static_cast<std::int64_t>(artifacts.size()))
      .text("next_page_token", end < artifacts.size() ? encode_base64(std::to_string(end)) : "");
  return json_response(json.end_object().take());
}

Result<HttpResponse> get_artifact(const Call& call, RunStore& store) {
  constexpr std::size_t kUuidBytes = 36;
  const std::string_view id = call.part("artifact_id");
  if (id.size() <= kUuidBytes) return kfp_not_found("Artifact", id);
  const auto run = kfp_run(store, id.substr(0, kUuidBytes));
  if (!run) return run.error().code == Code::kNotFound ? kfp_not_found("Artifact", id) : fail(run.error());
  SLUICE_TRY(const auto artifacts, store.artifacts(run->id));
  for (const ArtifactRow& artifact : artifacts) {
    if (kfp_artifact_id(run->uuid, artifact) != id) continue;
    JsonWriter json;
    write_artifact(json, *run, artifact);
    return json_response(json.take());
  }
  return kfp_not_found("Artifact", id);
}

}  // namespace

void add_kfp_task_routes(KfpRoutes& routes) {
  routes.read("GET", "/apis/v2beta1/runs/{run_id}/tasks", "Tasks of a run (provisional)", list_tasks);
  routes.read("GET", "/apis/v2beta1/runs/{run_id}/tasks/{task_id}", "One task (provisional)", get_task);
  routes.read("GET", "/apis/v2beta1/artifacts", "Artifacts of a run (provisional)", list_artifacts);
  routes.read("GET", "/apis/v2beta1/artifacts/{artifact_id}", "One artifact (provisional)", get_artifact);
}

}  // namespace sluice
