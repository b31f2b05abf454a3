#include <array>

#include "spec/read.h"

namespace sluice {
namespace {

// In the order of the enum's numbers, which is also ParameterType's.
constexpr std::array<std::string_view, 9> kParameterTypes{"PARAMETER_TYPE_ENUM_UNSPECIFIED",
                                                          "NUMBER_DOUBLE",
                                                          "NUMBER_INTEGER",
                                                          "STRING",
                                                          "BOOLEAN",
                                                          "LIST",
                                                          "STRUCT",
                                                          "TASK_FINAL_STATUS",
                                                          "TASK_CONFIG"};
constexpr std::array<std::string_view, 4> kPrimitiveTypes{"PRIMITIVE_TYPE_UNSPECIFIED", "INT", "DOUBLE", "STRING"};

ParameterType read_parameter_type(Reader& reader, Message& message) {
  const auto now = message.get("parameterType");
  const auto old = message.get("type");
  if (now) return static_cast<ParameterType>(reader.choice(*now, kParameterTypes));
  if (!old) return ParameterType::kUnspecified;
  constexpr std::array kMeant{ParameterType::kUnspecified, ParameterType::kNumberInteger, ParameterType::kNumberDouble,
                              ParameterType::kString};
  return kMeant.at(reader.choice(*old, kPrimitiveTypes));
}

InputParameter read_input_parameter(Reader& reader, const At& at) {
  Message message(reader, at);
  InputParameter input{.type = read_parameter_type(reader, message), .place = at.key_place};
  // A default that is null is no default: the parameter's optionality says what then happens.
  if (const auto value = message.get("defaultValue")) input.default_value = reader.value(*value);
  input.optional = message.flag("isOptional");
  input.description = message.text("description");
  if (const auto literals = message.get("literals"))
    reader.each_item(*literals, [&](const At& literal) { input.literals.push_back(reader.value(literal)); });
  message.refuse_others();
  return input;
}

InputArtifact read_input_artifact(Reader& reader, const At& at) {
  Message message(reader, at);
  InputArtifact input{.place = at.key_place};
  if (const auto type = message.get("artifactType")) input.type = read_artifact_type(reader, *type);
  input.is_list = message.flag("isArtifactList");
  input.optional = message.flag("isOptional");
  input.description = message.text("description");
  message.refuse_others();
  return input;
}

OutputParameter read_output_parameter(Reader& reader, const At& at) {
  Message message(reader, at);
  OutputParameter output{.type = read_parameter_type(reader, message), .description = message.text("description")};
  message.refuse_others();
  return output;
}

OutputArtifact read_output_artifact(Reader& reader, const At& at) {
  Message message(reader, at);
  OutputArtifact output;
  if (const auto type = message.get("artifactType")) output.type = read_artifact_type(reader, *type);
  output.is_list = message.flag("isArtifactList");
  output.description = message.text("description");
  if (const auto metadata = message.get("metadata")) output.metadata = reader.fields(*metadata);
  read_old_properties(reader, message, output.metadata);
  message.refuse_others();
  return output;
}

// {parameters: {NAME: ...}, artifacts: {NAME: ...}}
template <class Parameter, class Artifact>
void read_definitions(Reader& reader, const At& at, Parameter read_parameter, Artifact read_artifact, auto& parameters,
                      auto& artifacts) {
  Message message(reader, at);
  if (const auto map = message.get("parameters"))
    reader.each_field(*map, [&](const At& field) { parameters.emplace(field.name(), read_parameter(reader, field)); });
  if (const auto map = message.get("artifacts"))
    reader.each_field(*map, [&](const At& field) { artifacts.emplace(field.name(), read_artifact(reader, field)); });
  message.refuse_others();
}

}  // namespace

ArtifactType read_artifact_type(Reader& reader, const At& at) {
  Message message(reader, at);
  ArtifactType type{.schema_title = message.text("schemaTitle"),
                    .schema_version = message.text("schemaVersion"),
                    .instance_schema = message.text("instanceSchema")};
  // The deprecated address of a schema file: an opaque name to us, as a title is.
  const std::string uri = message.text("schemaUri");
  if (type.schema_title.empty() && type.instance_schema.empty()) type.schema_title = uri;
  message.refuse_others();
  return type;
}

std::optional<Value> read_constant(Reader& reader, Message& message) {
  if (const auto constant = message.get_value("constant")) return reader.value(*constant);
  const auto old = message.get("constantValue");
  if (!old) return std::nullopt;
  Message value(reader, *old);
  std::optional<Value> found;
  if (const auto at = value.get("intValue")) found.emplace(reader.number(*at));
  if (const auto at = value.get("doubleValue")) found.emplace(reader.number(*at));
  if (const auto at = value.get("stringValue")) found.emplace(reader.text(*at));
  value.refuse_others();
  return found;
}

void read_old_properties(Reader& reader, Message& message, Struct& metadata) {
  for (const std::string_view name : {"properties", "customProperties"}) {
    const auto map = message.get(name);
    if (!map) continue;
    reader.each_field(*map, [&](const At& field) {
      Message value(reader, field);
      auto constant = read_constant(reader, value);
      value.ignore({"runtimeParameter"});
      value.refuse_others();
      if (constant) metadata.emplace(field.name(), *std::move(constant));
    });
  }
}

void read_component(Reader& reader, const At& at, Component& component, Notes& notes) {
  component.name = at.name();
  component.place = at.key_place;
  ComponentNote& note = notes.components.emplace_back(ComponentNote{.component = &component, .at = at});
  Message message(reader, at);
  if (const auto inputs = message.get("inputDefinitions"))
    read_definitions(reader, *inputs, read_input_parameter, read_input_artifact, component.input_parameters,
                     component.input_artifacts);
  if (const auto outputs = message.get("outputDefinitions"))
    read_definitions(reader, *outputs, read_output_parameter, read_output_artifact, component.output_parameters,
                     component.output_artifacts);
  note.dag = message.get("dag");
  note.executor = message.get("executorLabel");
  if (note.dag) read_dag(reader, *note.dag, component.dag.emplace(), note);
  if (note.executor) component.executor = reader.text(*note.executor);
  // Both say something to other back ends only.
  message.ignore({"singlePlatformSpecs", "taskConfigPassthroughs"});
  message.refuse_others();
}

}  // namespace sluice
