// What flows between tasks: parameter values and artifacts.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace sluice {

struct ArtifactType {
  std::string schema_title;     // "system.Dataset"; empty if the type is given by instance_schema
  std::string schema_version;   // "0.0.1"
  std::string instance_schema;  // inline YAML, opaque to us
  friend bool operator==(const ArtifactType&, const ArtifactType&) = default;
};

// An immutable output. Once it is recorded, `digest` names its bytes.
struct Artifact {
  std::string name;
  ArtifactType type;
  std::string uri;          // a plain absolute path, or a URI of somebody else's storage
  std::string custom_path;  // set by user code to say where the content lies, else empty
  Struct metadata;
  std::string digest;       // "sha256:…"; empty for content that we do not hold
  std::int64_t size_bytes = 0;
  friend bool operator==(const Artifact&, const Artifact&) = default;
};
using ArtifactList = std::vector<Artifact>;  // one element for a plain artifact

// The inputs that a task was given, or the outputs that it made. A parameter that is null or absent was not given.
struct TaskData {
  Struct parameters;
  std::map<std::string, ArtifactList, std::less<>> artifacts;
  bool empty() const { return parameters.empty() && artifacts.empty(); }
  friend bool operator==(const TaskData&, const TaskData&) = default;
};

// For the journal and the store; from_value ignores fields it does not know.
Value to_value(const Artifact& artifact);
Artifact artifact_from_value(const Value& value);
Value to_value(const TaskData& data);
TaskData task_data_from_value(const Value& value);
// Of a row's text: what is empty, or does not read back, is empty rather than hiding the rest.
TaskData task_data_from_text(std::string_view json);

}  // namespace sluice
