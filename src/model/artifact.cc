#include "model/artifact.h"

#include "base/json.h"

namespace sluice {

Value to_value(const Artifact& artifact) {
  Struct fields;
  const auto put = [&](const char* key, const std::string& text) {
    if (!text.empty()) fields.emplace(key, text);
  };
  put("name", artifact.name);
  put("type", artifact.type.schema_title);
  put("type_version", artifact.type.schema_version);
  put("type_schema", artifact.type.instance_schema);
  put("uri", artifact.uri);
  put("custom_path", artifact.custom_path);
  put("digest", artifact.digest);
  if (artifact.size_bytes != 0) fields.emplace("size_bytes", artifact.size_bytes);
  if (!artifact.metadata.empty()) fields.emplace("metadata", artifact.metadata);
  return fields;
}

Artifact artifact_from_value(const Value& value) {
  Artifact artifact;
  artifact.name = value.string_or("name", "");
  artifact.type = {.schema_title = std::string(value.string_or("type", "")),
                   .schema_version = std::string(value.string_or("type_version", "")),
                   .instance_schema = std::string(value.string_or("type_schema", ""))};
  artifact.uri = value.string_or("uri", "");
  artifact.custom_path = value.string_or("custom_path", "");
  artifact.digest = value.string_or("digest", "");
  artifact.size_bytes = value.int_or("size_bytes", 0);
  if (const Value* metadata = value.find("metadata"); metadata != nullptr && metadata->is_struct())
    artifact.metadata = metadata->as_struct();
  return artifact;
}

Value to_value(const TaskData& data) {
  Struct fields;
  if (!data.parameters.empty()) fields.emplace("parameters", data.parameters);
  if (!data.artifacts.empty()) {
    Struct artifacts;
    for (const auto& [key, list] : data.artifacts) {
      List items;
      items.reserve(list.size());
      for (const Artifact& artifact : list) items.push_back(to_value(artifact));
      artifacts.emplace(key, std::move(items));
    }
    fields.emplace("artifacts", std::move(artifacts));
  }
  return fields;
}

TaskData task_data_from_value(const Value& value) {
  TaskData data;
  if (const Value* parameters = value.find("parameters"); parameters != nullptr && parameters->is_struct())
    data.parameters = parameters->as_struct();
  if (const Value* artifacts = value.find("artifacts"); artifacts != nullptr && artifacts->is_struct()) {
    for (const auto& [key, list] : artifacts->as_struct()) {
      ArtifactList& items = data.artifacts[key];
      if (!list.is_list()) continue;
      for (const Value& item : list.as_list()) items.push_back(artifact_from_value(item));
    }
  }
  return data;
}

TaskData task_data_from_text(std::string_view json) {
  if (json.empty()) return {};
  const auto value = parse_json(json);
  return value ? task_data_from_value(*value) : TaskData{};
}

}  // namespace sluice
