#include "engine/reuse.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/sha256.h"
#include "spec/parse.h"

namespace sluice {
namespace {

Value type_value(const ArtifactType& type) {
  return Value::of({{"title", type.schema_title}, {"version", type.schema_version}, {"schema", type.instance_schema}});
}

List texts(const std::vector<std::string>& strings) { return {strings.begin(), strings.end()}; }

Struct container_fields(const ContainerSpec& container) {
  List env;
  for (const auto& [name, value] : container.env) env.emplace_back(List{name, value});
  return {{"image", container.image}, {"command", texts(container.command)}, {"args", texts(container.args)}, {"env", env}};
}

Struct interface_fields(const Component& component) {
  Struct inputs, outputs;
  for (const auto& [name, declared] : component.input_parameters)
    inputs.emplace(name, Value::of({{"type", parameter_type_name(declared.type)},
                                    {"default", declared.default_value ? *declared.default_value : Value()}}));
  for (const auto& [name, declared] : component.input_artifacts) inputs.emplace(name, type_value(declared.type));
  for (const auto& [name, declared] : component.output_parameters) outputs.emplace(name, parameter_type_name(declared.type));
  for (const auto& [name, declared] : component.output_artifacts) outputs.emplace(name, type_value(declared.type));
  return {{"inputs", std::move(inputs)}, {"outputs", std::move(outputs)}};
}

bool is_same_content(const Artifact& a, const Artifact& b) {
  const bool same_bytes = a.digest.empty() && b.digest.empty() ? a.uri == b.uri : a.digest == b.digest;
  return same_bytes && a.name == b.name && a.type == b.type && a.metadata == b.metadata;
}

}  // namespace

Result<Prepared> prepare_restart(const RunRow& run, Submission& submission, const SiteRules& rules) {
  ParsedPipeline parsed = parse_pipeline(submission.spec, submission.spec_file);
  if (parsed.errors.empty())
    for (const auto& [name, value] : run.parameters)
      if (parsed.pipeline.root.input_parameters.contains(name)) submission.parameters.emplace(name, value);
  submission.name = run.name;
  submission.cache = run.options.bool_or("cache", true);
  submission.keep_checkpoints = run.options.bool_or("keep_checkpoints", false);
  return prepare(submission, rules, run_context_from_value(run.context));
}

std::string reuse_digest(const PlanComponent& leaf) {
  Struct fields = interface_fields(*leaf.spec);
  if (const auto* container = std::get_if<ContainerSpec>(&leaf.executor->what))
    fields.merge(container_fields(*container));
  else
    fields.emplace("importer", std::get<ImporterSpec>(leaf.executor->what).uri);
  return sha256_hex(to_json(fields));
}

std::vector<KeptResult> results_to_keep(const Plan& plan, const State& state, const std::vector<KeptResult>& before) {
  std::map<std::string, KeptResult> by_path;
  for (const KeptResult& kept : before) by_path.emplace(kept.path, kept);
  std::map<std::uint32_t, std::string> digests;  // by component: tasks of a loop share one
  for (std::size_t i = 0; i < state.nodes.size(); ++i) {
    const Node& node = state.nodes[i];
    const TaskId id{static_cast<std::int64_t>(i)};
    if (node.kind != NodeKind::kLeaf || !is_success(node.state) || !is_in_play(state, id)) continue;
    std::string& digest = digests[node.component];
    if (digest.empty()) digest = reuse_digest(plan.components.at(node.component));
    const std::string path = task_path(plan, state, id);
    by_path.insert_or_assign(path, KeptResult{path, digest, to_json(to_value(node.inputs)), to_json(to_value(node.outputs))});
  }
  std::vector<KeptResult> kept;
  for (auto& [path, result] : by_path) kept.push_back(std::move(result));
  return kept;
}

bool is_same_content(const TaskData& a, const TaskData& b) {
  if (a.parameters != b.parameters || a.artifacts.size() != b.artifacts.size()) return false;
  return std::equal(a.artifacts.begin(), a.artifacts.end(), b.artifacts.begin(), [](const auto& one, const auto& other) {
    return one.first == other.first && std::equal(one.second.begin(), one.second.end(), other.second.begin(), other.second.end(),
                                                  [](const Artifact& x, const Artifact& y) { return is_same_content(x, y); });
  });
}

KeptResults::KeptResults(std::vector<KeptResult> kept) {
  for (KeptResult& result : kept) {
    std::string path = result.path;
    by_path_.emplace(std::move(path), std::move(result));
  }
}

std::optional<TaskData> KeptResults::find(const std::string& path, const PlanComponent& leaf, const TaskData& inputs) const {
  const auto found = by_path_.find(path);
  if (found == by_path_.end() || found->second.component != reuse_digest(leaf)) return std::nullopt;
  if (!is_same_content(task_data_from_text(found->second.inputs), inputs)) return std::nullopt;
  return task_data_from_text(found->second.outputs);
}

}  // namespace sluice
