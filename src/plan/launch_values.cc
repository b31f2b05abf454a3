#include "plan/launch_values.h"

#include <utility>

#include "base/json.h"
#include "plan/checkpoint.h"

namespace sluice {
namespace {

constexpr std::string_view kInputParameter = ".inputs.parameters[]";
constexpr std::string_view kInputArtifact = ".inputs.artifacts[]";
constexpr std::string_view kOutputParameter = ".outputs.parameters[].output_file";
constexpr std::string_view kOutputArtifact = ".outputs.artifacts[]";

// RuntimeArtifact of ExecutorInput.
Value runtime_artifact(const Artifact& artifact) {
  Struct type;
  if (!artifact.type.schema_title.empty()) type.emplace("schemaTitle", artifact.type.schema_title);
  if (!artifact.type.schema_version.empty()) type.emplace("schemaVersion", artifact.type.schema_version);
  if (!artifact.type.instance_schema.empty()) type.emplace("instanceSchema", artifact.type.instance_schema);
  Struct out{{"name", artifact.name}, {"type", std::move(type)}, {"uri", artifact.uri}};
  if (!artifact.metadata.empty()) out.emplace("metadata", artifact.metadata);
  if (!artifact.custom_path.empty()) out.emplace("customPath", artifact.custom_path);
  return out;
}

Value runtime_artifacts(const ArtifactList& artifacts) {
  List out;
  for (const Artifact& artifact : artifacts) out.push_back(runtime_artifact(artifact));
  return out;
}

// ".uri", ".path", ".metadata" or ".metadata['k']" of an artifact.
std::optional<std::string> artifact_member(const Artifact& artifact, const Placeholder& placeholder, std::string_view member) {
  if (member == ".uri") return artifact.uri;
  if (member == ".path") return artifact_path(artifact);
  if (member == ".metadata") return to_json(artifact.metadata);
  if (member != ".metadata[]") return std::nullopt;
  const auto found = artifact.metadata.find(placeholder.names[1]);
  if (found == artifact.metadata.end()) return std::nullopt;
  return value_text(found->second);
}

// {{$.pipeline_task_uuid}} as an input: only the started task has it, so it reaches the launch as it was written.
bool is_task_uuid(const Value& value) { return value.is_string() && value.as_string() == "{{$.pipeline_task_uuid}}"; }

Struct launch_parameters(const LaunchContext& context) {
  Struct out = parameters_with_defaults(*context.component.spec, context.inputs.parameters);
  for (auto& [name, value] : out)
    if (is_task_uuid(value))
      value = context.task_uuid;
    else if (!context.checkpoint.empty() && is_checkpoint(*context.component.spec, name, value))
      value = context.checkpoint;
  return out;
}

Value executor_input(const LaunchContext& context, const Struct& parameters) {
  const Component& component = *context.component.spec;
  Struct inputs;
  if (!parameters.empty()) inputs.emplace("parameterValues", parameters);
  Struct input_artifacts;
  for (const auto& [name, artifacts] : context.inputs.artifacts)
    input_artifacts.emplace(name, Value::of({{"artifacts", runtime_artifacts(artifacts)}}));
  if (!input_artifacts.empty()) inputs.emplace("artifacts", std::move(input_artifacts));

  Struct outputs{{"outputFile", context.outputs.executor_output}};
  Struct output_parameters;
  for (const auto& [name, declared] : component.output_parameters)
    output_parameters.emplace(name, Value::of({{"outputFile", context.outputs.parameters_dir + "/" + name}}));
  if (!output_parameters.empty()) outputs.emplace("parameters", std::move(output_parameters));
  Struct output_artifacts;
  for (const auto& [name, declared] : component.output_artifacts)
    output_artifacts.emplace(name,
                             Value::of({{"artifacts", runtime_artifacts({declared_artifact(name, declared, context.outputs)})}}));
  if (!output_artifacts.empty()) outputs.emplace("artifacts", std::move(output_artifacts));
  return Value::of({{"inputs", std::move(inputs)}, {"outputs", std::move(outputs)}});
}

}  // namespace

Struct parameters_with_defaults(const Component& component, const Struct& given) {
  Struct out;
  for (const auto& [name, value] : given)
    if (!value.is_null()) out.emplace(name, value);
  for (const auto& [name, declared] : component.input_parameters)
    if (declared.default_value && !declared.default_value->is_null()) out.emplace(name, *declared.default_value);
  return out;
}

Artifact declared_artifact(const std::string& key, const OutputArtifact& declared, const OutputPaths& outputs) {
  return {.name = key, .type = declared.type, .uri = outputs.artifacts_dir + "/" + key, .metadata = declared.metadata};
}

std::string executor_input_json(const LaunchContext& context) {
  return to_json(executor_input(context, launch_parameters(context)));
}

LaunchValues::LaunchValues(const LaunchContext& context) : context_(context), parameters_(launch_parameters(context)) {}

std::optional<std::string> LaunchValues::text_of(const Placeholder& placeholder) {
  const std::string_view shape = placeholder.shape;
  if (shape.empty()) {
    if (!executor_input_) executor_input_ = to_json(executor_input(context_, parameters_));
    used_outputs_ = true;
    return executor_input_;
  }
  if (shape == kInputParameter) return input_parameter(placeholder.names[0]);
  if (shape.starts_with(kInputArtifact)) return input_artifact(placeholder, shape.substr(kInputArtifact.size()));
  if (shape == ".pipeline_task_uuid") return context_.task_uuid;
  if (auto path = output(placeholder)) {
    used_outputs_ = true;
    return path;
  }
  return job_placeholder(placeholder, context_.plan.context, context_.task_name);
}

bool LaunchValues::is_present(std::string_view input) const {
  const auto parameter = context_.inputs.parameters.find(input);
  if (parameter != context_.inputs.parameters.end()) return !parameter->second.is_null();
  const auto artifacts = context_.inputs.artifacts.find(input);
  return artifacts != context_.inputs.artifacts.end() && !artifacts->second.empty();
}

// A declared input that has no value is an empty text; one that nobody declares is unknown.
std::optional<std::string> LaunchValues::input_parameter(const std::string& name) const {
  if (const auto found = parameters_.find(name); found != parameters_.end()) return value_text(found->second);
  if (context_.component.spec->input_parameters.contains(name) || context_.inputs.parameters.contains(name)) return "";
  return std::nullopt;
}

std::optional<std::string> LaunchValues::input_artifact(const Placeholder& placeholder, std::string_view member) const {
  const std::string& name = placeholder.names[0];
  const auto given = context_.inputs.artifacts.find(name);
  const bool has_any = given != context_.inputs.artifacts.end() && !given->second.empty();
  if (!has_any && !context_.component.spec->input_artifacts.contains(name)) return std::nullopt;
  if (member.empty()) return to_json(has_any ? runtime_artifacts(given->second) : Value(List{}));
  if (has_any) return artifact_member(given->second.front(), placeholder, member);
  return member == ".uri" || member == ".path" ? std::optional<std::string>("") : std::nullopt;
}

std::optional<std::string> LaunchValues::output(const Placeholder& placeholder) const {
  const std::string_view shape = placeholder.shape;
  const Component& component = *context_.component.spec;
  if (shape == ".outputs.output_file" || shape == ".outputMetadataUri") return context_.outputs.executor_output;
  if (shape == kOutputParameter) {
    const std::string& name = placeholder.names[0];
    if (!component.output_parameters.contains(name)) return std::nullopt;
    return context_.outputs.parameters_dir + "/" + name;
  }
  if (!shape.starts_with(kOutputArtifact)) return std::nullopt;
  const auto declared = component.output_artifacts.find(placeholder.names[0]);
  if (declared == component.output_artifacts.end()) return std::nullopt;
  return artifact_member(declared_artifact(declared->first, declared->second, context_.outputs), placeholder,
                         shape.substr(kOutputArtifact.size()));
}

}  // namespace sluice
