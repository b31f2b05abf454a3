// From a leaf task and its resolved inputs to a command line (contract: KFP IR, placeholders and ExecutorInput), and from
// the files that the command left to outputs (executor_output.json).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/artifact.h"
#include "plan/plan.h"

namespace sluice {

// Where an attempt's outputs go. Paths are absolute; parent directories exist before the start, the paths themselves do not.
struct OutputPaths {
  std::string parameters_dir;   // a file per output parameter, named by its key
  std::string artifacts_dir;    // a file or directory per output artifact, named by its key
  std::string executor_output;  // executor_output.json
};

struct LaunchContext {
  const Plan& plan;
  const PlanComponent& component;  // a leaf with a container
  std::string task_name;           // key in its DAG
  std::string task_uuid;           // {{$.pipeline_task_uuid}}: decimal digits
  const TaskData& inputs;          // artifact URIs already point to where this attempt reads them
  OutputPaths outputs;
  std::string checkpoint;     // path of the task's checkpoint directory; empty: it has none
  bool in_container = false;  // of its image: what is to be installed is installed there, and the image may know the command
};

struct InitLaunch {
  std::string name;
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> env;  // besides that of the task
};

// Of a lightweight Python component: what `python3 -m kfp.dsl.executor_main --component_module_path FILE` is to run.
struct PythonLaunch {
  std::string source;             // of FILE
  std::vector<std::string> args;  // after FILE
};
struct Launch {
  std::vector<std::string> argv;  // command then args, placeholders expanded; the install stage, if recognised, already cut off
  std::vector<std::pair<std::string, std::string>> env;  // the component's own, $(NAME) expanded
  std::size_t command_words = 0;  // so many of argv replace an image's entry point, the others its arguments
  std::string image;  // placeholders expanded
  std::vector<InitLaunch> init;  // init containers, one after the other before argv
  bool needs_outputs_dir = false;  // some output path was mentioned or ExecutorInput used, so the directories must exist
  std::optional<PythonLaunch> python;  // does the same as argv; none where the command is anything else
};
Result<Launch> make_launch(const LaunchContext& context);

// ExecutorInput as compact JSON, with the defaults of all inputs filled in.
std::string executor_input_json(const LaunchContext& context);

// What the driver found on disk after exit code 0.
struct OutputFiles {
  std::optional<std::string> executor_output;  // text of executor_output.json if there is one
  std::map<std::string, std::string> parameter_files;  // text of those output parameter files that exist
};
// Outputs from those files. Declared parameters must be there and parse as their type, or the error says which, what was found
// and what was expected. (`required` false: the component is Python, where None leaves an output unset.) Artifacts come with uri,
// metadata and custom_path as reported; whether their content exists is the driver's question.
Result<TaskData> parse_outputs(const LaunchContext& context, const OutputFiles& files);

// The artifact that an importer task yields: uri, type and metadata with placeholders replaced. The key is the component's only
// output.
struct Import {
  std::string key;
  Artifact artifact;
  bool download_to_workspace = false;
};
Result<Import> make_import(const PlanComponent& component, const TaskData& inputs);

}  // namespace sluice
