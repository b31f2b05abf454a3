// A Pipeline: what the author wrote, as KFP's IR v2.1 says it, with the places of things kept for errors.
//
// `spec` makes it and has checked that every name in it leads somewhere; nothing changes it afterwards. Maps are ordered
// by key, so whatever walks them does so in the same order on every machine.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/diagnostic.h"
#include "base/value.h"
#include "model/artifact.h"

namespace sluice {

template <class T>
using NameMap = std::map<std::string, T, std::less<>>;

enum class ParameterType {
  kUnspecified,
  kNumberDouble,
  kNumberInteger,
  kString,
  kBoolean,
  kList,
  kStruct,
  kTaskFinalStatus,
  kTaskConfig
};
// "NUMBER_INTEGER", ...
std::string_view parameter_type_name(ParameterType type);

struct InputParameter {
  ParameterType type = ParameterType::kUnspecified;
  std::optional<Value> default_value;
  bool optional = false;
  std::string description;
  List literals;  // the allowed values; empty: any
  Place place;
};
struct InputArtifact {
  ArtifactType type;
  bool is_list = false;
  bool optional = false;
  std::string description;
  Place place;
};
struct OutputParameter {
  ParameterType type = ParameterType::kUnspecified;
  std::string description;
};
struct OutputArtifact {
  ArtifactType type;
  bool is_list = false;
  Struct metadata;
  std::string description;
};

// Where the value of an input comes from.
struct FromComponentInput {  // the input `name` of the enclosing DAG
  std::string name;
};
struct FromTaskOutput {  // the output `key` of the task `producer` in the same DAG
  std::string producer;
  std::string key;
};
struct FromConstant {
  Value value;
};
struct FromFinalStatus {  // how the task `producer` ended
  std::string producer;
};

struct ParameterBinding {
  std::variant<FromConstant, FromComponentInput, FromTaskOutput, FromFinalStatus> source;
  std::string selector;  // CEL applied to the value; empty: none
  Place place;
};
struct ArtifactBinding {
  std::variant<FromComponentInput, FromTaskOutput> source;
  Place place;
};

enum class TriggerStrategy { kAllSucceeded, kAllCompleted };

struct RetryPolicy {
  int retries_max = 0;  // attempts after the first
  Duration backoff{0};
  double backoff_factor = 2.0;
  Duration backoff_max = std::chrono::hours(1);
};

// Runs the component once per item. Exactly one of items_input and items is meant: items_input empty = `items`.
struct Iterator {
  bool over_artifacts = false;
  std::string items_input;  // a task input that holds the list
  List items;
  std::string item_input;   // the component's input that receives the item
  int parallelism_max = 0;  // iterations at a time; 0 = no limit
};

struct TaskSpec {
  std::string name;          // its key in the DAG
  std::string display_name;  // for people
  std::string component;
  NameMap<ParameterBinding> parameters;
  NameMap<ArtifactBinding> artifacts;
  std::vector<std::string> dependent_tasks;  // as written; dependencies through data are not all in here
  bool cache_enabled = false;
  std::string cache_key;
  std::string condition;  // CEL; empty: none
  TriggerStrategy strategy = TriggerStrategy::kAllSucceeded;
  std::optional<Iterator> iterator;
  std::optional<RetryPolicy> retry;
  Place place;
};

struct Dag {
  NameMap<TaskSpec> tasks;
  // More than one selector is OneOf: the first whose task succeeded counts. Exactly one: that task's output.
  NameMap<std::vector<FromTaskOutput>> output_parameters;
  NameMap<std::vector<FromTaskOutput>> output_artifacts;
};

struct Component {
  std::string name;
  NameMap<InputParameter> input_parameters;
  NameMap<InputArtifact> input_artifacts;
  NameMap<OutputParameter> output_parameters;
  NameMap<OutputArtifact> output_artifacts;
  std::optional<Dag> dag;  // else `executor` is set
  std::string executor;    // label
  Place place;
};

// The install stage of a lightweight Python component, recognised and taken apart.
struct PythonInstall {
  std::vector<std::string> requirements;   // in the order written, each as pip would read it; kfp itself among them
  std::vector<std::string> no_deps;        // those of them that were installed with --no-deps
  std::vector<std::string> index_options;  // --index-url U, --extra-index-url U, --trusted-host H, in order, without doubles
  std::size_t argv_skip = 0;               // so many leading elements of `command` are the install stage
};

struct ContainerSpec {
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> args;
  std::vector<std::pair<std::string, std::string>> env;  // in order: later values may name earlier ones as $(NAME)
  std::string cpu_limit, cpu_request, memory_limit, memory_request;  // Kubernetes quantities or one placeholder
  std::string accelerator_type, accelerator_count;
  // Set for a component that runs `kfp.dsl.executor_main`; requirements are empty when nothing is to be installed.
  std::optional<PythonInstall> python;
};

struct ImporterSpec {
  std::string uri;            // a constant, or
  std::string uri_parameter;  // the task's input parameter that holds it
  ArtifactType type;
  Struct metadata;  // text in it may hold input placeholders
  bool reimport = false;
  bool download_to_workspace = false;
};

// What `platforms.kubernetes.deploymentSpec.executors` adds to one executor. Bindings are resolved against the
// enclosing DAG, not against the task's own inputs; one that resolves to null makes its entry be skipped.
struct KeyToEnv {
  std::string key;
  std::string env;
};
struct NamedEnv {  // secretAsEnv, configMapAsEnv
  ParameterBinding name;
  std::vector<KeyToEnv> keys;
  bool optional = false;
};
struct NamedMount {  // secretAsVolume, configMapAsVolume, pvcMount
  ParameterBinding name;
  std::string mount_path;
  std::string sub_path;
  bool optional = false;
};
struct FieldPathEnv {
  std::string env;
  std::string field_path;  // metadata.name, metadata.annotations['k'], ...
};
struct VolumeMount {  // emptyDirMounts, genericEphemeralVolume, and those of init containers
  std::string volume;
  std::string mount_path;
};
struct InitContainer {
  std::string name;
  std::string image;
  std::vector<std::string> command, args;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<VolumeMount> volume_mounts;
  bool stays = false;  // restartPolicy Always: it runs beside the task
  Place place;
};
struct UnsupportedField {
  std::string name;
  Place place;  // of its key
};
struct KubernetesConfig {
  std::vector<NamedEnv> secret_env, config_map_env;
  std::vector<NamedMount> secret_volumes, config_map_volumes, pvc_mounts;
  std::vector<FieldPathEnv> field_path_env;
  NameMap<std::string> labels, annotations;
  std::vector<VolumeMount> empty_dirs;     // emptyDir and generic ephemeral volumes
  std::optional<Duration> deadline;        // activeDeadlineSeconds
  std::vector<InitContainer> init_containers;
  std::vector<UnsupportedField> unsupported;  // keys that have no meaning on one machine: a note on the task
  Place place;
};

struct Executor {
  std::string label;
  std::variant<ContainerSpec, ImporterSpec> what;
  KubernetesConfig kubernetes;
  Place place;
};

struct Workspace {
  std::string size;
};

struct Pipeline {
  std::string name;
  std::string display_name;
  std::string description;
  std::string sdk_version;   // "kfp-2.17.0"
  std::string default_root;  // defaultPipelineRoot
  NameMap<Component> components;
  NameMap<Executor> executors;
  Component root;  // always a dag
  std::optional<Workspace> workspace;
  std::optional<Duration> deadline;  // of the whole run
};

}  // namespace sluice
