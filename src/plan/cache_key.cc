#include "plan/cache_key.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/sha256.h"
#include "plan/launch_values.h"

namespace sluice {
namespace {

// Grows when the form of the document does: entries of another form are never found.
constexpr int kForm = 1;

bool mentions(const std::vector<std::string>& texts, std::string_view what) {
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) { return text.find(what) != std::string::npos; });
}

bool mentions(const Value& value, std::string_view what) {
  if (value.is_string()) return value.as_string().find(what) != std::string::npos;
  if (value.is_list())
    return std::any_of(value.as_list().begin(), value.as_list().end(), [&](const Value& item) { return mentions(item, what); });
  return value.is_struct() && std::any_of(value.as_struct().begin(), value.as_struct().end(),
                                          [&](const auto& field) { return mentions(field.second, what); });
}

// No other run has this run's workspace, and what lies in it is part of no key.
bool uses_workspace(const CacheQuestion& question, const ContainerSpec& container) {
  constexpr std::string_view kPlaceholder = "{{$.workspace_path}}";
  if (mentions(container.command, kPlaceholder) || mentions(container.args, kPlaceholder)) return true;
  for (const auto& [name, value] : container.env)
    if (value.find(kPlaceholder) != std::string::npos) return true;
  const std::string& workspace = question.plan.context.workspace_path;
  return !workspace.empty() && question.plan.pipeline->workspace && mentions(Value(question.inputs.parameters), workspace);
}

// Content that lies somewhere else may change at any time. An artifact of which nothing was written (metrics are mostly metadata
// alone) still has its place among the run's folders.
bool is_elsewhere(const Artifact& artifact, const RunContext& run) {
  if (!artifact.digest.empty()) return false;
  const auto is_below = [&](const std::string& folder) { return !folder.empty() && artifact.uri.starts_with(folder + "/"); };
  return !is_below(run.pipeline_root) || is_below(run.workspace_path);
}

std::string why_not_asked(const CacheQuestion& question) {
  if (!question.task.cache_enabled) return "caching is off for this task";
  const auto* container = std::get_if<ContainerSpec>(&question.component.executor->what);
  if (container == nullptr) return "an importer has nothing to run";
  if (!question.task.cache_key.empty()) return {};
  for (const auto& [name, list] : question.inputs.artifacts)
    for (const Artifact& artifact : list)
      if (is_elsewhere(artifact, question.plan.context))
        return "input '" + name + "' lies in storage that we do not hold: " + artifact.uri;
  if (uses_workspace(question, *container)) return "it uses the run's workspace, which no other run has";
  return {};
}

List list_of(const std::vector<std::string>& texts, std::size_t skip = 0) {
  List list;
  for (std::size_t i = skip; i < texts.size(); ++i) list.emplace_back(texts[i]);
  return list;
}

Struct type_fields(const ArtifactType& type) {
  Struct fields;
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) fields.emplace(name, text);
  };
  put("type", type.schema_title);
  put("type_version", type.schema_version);
  put("type_schema", type.instance_schema);
  return fields;
}

Struct declared_outputs(const Component& component) {
  Struct outputs;
  for (const auto& [name, parameter] : component.output_parameters)
    outputs.emplace("parameter " + name, parameter_type_name(parameter.type));
  for (const auto& [name, artifact] : component.output_artifacts) {
    Struct fields = type_fields(artifact.type);
    if (artifact.is_list) fields.emplace("list", true);
    if (!artifact.metadata.empty()) fields.emplace("metadata", artifact.metadata);
    outputs.emplace("artifact " + name, std::move(fields));
  }
  return outputs;
}

Struct given_artifacts(const TaskData& inputs) {
  Struct artifacts;
  for (const auto& [name, list] : inputs.artifacts) {
    List items;
    for (const Artifact& artifact : list) {
      Struct fields = type_fields(artifact.type);
      fields.emplace("digest", artifact.digest);
      Struct metadata = artifact.metadata;
      metadata.erase("_kfp_workspace");
      if (!metadata.empty()) fields.emplace("metadata", std::move(metadata));
      items.emplace_back(std::move(fields));
    }
    artifacts.emplace(name, std::move(items));
  }
  return artifacts;
}

void put(Struct& fields, const char* name, List list) {
  if (!list.empty()) fields.emplace(name, std::move(list));
}
void put(Struct& fields, const char* name, Struct given) {
  if (!given.empty()) fields.emplace(name, std::move(given));
}

Struct document_of(const CacheQuestion& question, const ContainerSpec& container) {
  Struct fields{{"form", kForm}, {"image", container.image}};
  put(fields, "command", list_of(container.command, container.python ? container.python->argv_skip : 0));
  put(fields, "args", list_of(container.args));
  List env;
  for (const auto& [name, value] : container.env) env.emplace_back(List{name, value});
  put(fields, "env", std::move(env));
  if (!question.environment.key.empty()) fields.emplace("environment", question.environment.key);
  put(fields, "requirements", list_of(question.environment.requirements));
  put(fields, "parameters", parameters_with_defaults(*question.component.spec, question.inputs.parameters));
  put(fields, "artifacts", given_artifacts(question.inputs));
  put(fields, "outputs", declared_outputs(*question.component.spec));
  std::vector<std::string> volumes = question.volumes;
  std::sort(volumes.begin(), volumes.end());
  volumes.erase(std::unique(volumes.begin(), volumes.end()), volumes.end());
  put(fields, "volumes", list_of(volumes));
  return fields;
}

}  // namespace

CacheKey cache_key(const CacheQuestion& question) {
  if (std::string why = why_not_asked(question); !why.empty()) return {.key = {}, .document = {}, .not_asked = std::move(why)};
  CacheKey out;
  const std::string& component = question.component.spec->name;
  if (!question.task.cache_key.empty()) {
    out.document = to_json(Struct{{"form", kForm}, {"component", component}, {"cache_key", question.task.cache_key}});
    out.key = sha256_hex(component + std::string(1, '\0') + question.task.cache_key);
    return out;
  }
  out.document = to_json(document_of(question, std::get<ContainerSpec>(question.component.executor->what)));
  out.key = sha256_hex(out.document);
  return out;
}

std::string cache_lane(const Plan& plan, const PlanComponent& component, std::string_view path) {
  std::string lane = plan.pipeline->name + " " + component.spec->name + " ";
  bool is_index = false;
  for (const char c : path) {
    if (c == '[') is_index = true;
    if (!is_index) lane += c;
    if (c == ']') is_index = false;
  }
  return lane;
}

}  // namespace sluice
