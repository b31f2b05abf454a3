// The readers of the parts of a file, each in the .cc that bears its name.
#pragma once

#include "spec/notes.h"
#include "spec/reader.h"

namespace sluice {

// read_component.cc
void read_component(Reader& reader, const At& at, Component& component, Notes& notes);
ArtifactType read_artifact_type(Reader& reader, const At& at);
// ValueOrRuntimeParameter: the constant in it, in the new or the old form.
std::optional<Value> read_constant(Reader& reader, Message& message);
// Adds the deprecated `properties` and `customProperties` of an artifact to its metadata.
void read_old_properties(Reader& reader, Message& message, Struct& metadata);

// read_task.cc
void read_dag(Reader& reader, const At& at, Dag& dag, ComponentNote& notes);

// read_binding.cc. `notes` may be null: then the names in it are not followed.
ParameterBinding read_parameter_binding(Reader& reader, const At& at, ComponentNote* notes);
ArtifactBinding read_artifact_binding(Reader& reader, const At& at, ComponentNote& notes);
// The part of it that says where the value comes from, out of a message with more fields. Nothing if it does not say.
std::optional<ParameterBinding> read_source(Reader& reader, Message& message, ComponentNote* notes);
FromTaskOutput read_output(Reader& reader, const At& at, OutputKind kind, std::string_view task_field, std::string_view key_field,
                           ComponentNote* notes);

// read_executor.cc
void read_executor(Reader& reader, const At& at, Executor& executor);
std::vector<std::pair<std::string, std::string>> read_env(Reader& reader, const At& at);

// read_platform.cc
void read_platform(Reader& reader, const At& kubernetes, Pipeline& pipeline);

}  // namespace sluice
