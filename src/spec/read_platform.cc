#include <algorithm>
#include <array>

#include "spec/read.h"

namespace sluice {
namespace {

constexpr std::int64_t kSecondsMax = 9'000'000'000'000;  // as many as a Duration holds

// `name`: a binding; else `old`: a constant.
std::optional<ParameterBinding> read_name(Reader& reader, Message& message, std::string_view name, std::string_view old) {
  const auto binding = message.get(name);
  const auto constant = message.get(old);
  if (binding) return read_parameter_binding(reader, *binding, nullptr);
  if (constant) return ParameterBinding{.source = FromConstant{reader.text(*constant)}, .place = constant->key_place};
  reader.error(message.at(), "'" + std::string(name) + "' is missing");
  return std::nullopt;
}

std::vector<NamedEnv> read_envs(Reader& reader, const At& at, std::string_view name, std::string_view old, std::string_view key) {
  std::vector<NamedEnv> out;
  reader.each_item(at, [&](const At& item) {
    Message message(reader, item);
    NamedEnv env;
    if (auto binding = read_name(reader, message, name, old)) env.name = *std::move(binding);
    env.optional = message.flag("optional");
    if (const auto keys = message.get("keyToEnv"))
      reader.each_item(*keys, [&](const At& pair) {
        Message fields(reader, pair);
        env.keys.push_back({fields.text(key), fields.text("envVar")});
        if (env.keys.back().env.empty() || env.keys.back().env.find('=') != std::string::npos)
          reader.error(pair, "'envVar' must be a name without '='");
      });
    out.push_back(std::move(env));
  });
  return out;
}

std::string read_mount_path(Reader& reader, Message& message) {
  std::string path = message.text("mountPath");
  if (path.empty()) reader.error(message.at(), "'mountPath' is missing");
  if (path.find_first_of(std::string_view(":\0", 2)) != std::string::npos)
    reader.error(message.at(), "'mountPath' must not contain ':' or a null character");
  // A path that is not absolute is one below the root, as a cluster has it.
  return path.empty() || path.front() == '/' ? path : "/" + path;
}

std::vector<VolumeMount> read_volume_mounts(Reader& reader, const At& at, std::string_view name) {
  std::vector<VolumeMount> out;
  reader.each_item(at, [&](const At& item) {
    Message fields(reader, item);
    VolumeMount mount{.volume = fields.text(name)};
    mount.mount_path = read_mount_path(reader, fields);
    out.push_back(std::move(mount));
  });
  return out;
}

InitContainer read_init_container(Reader& reader, const At& at) {
  Message message(reader, at);
  InitContainer init{.name = message.text("name"), .image = message.text("image"), .place = at.node->place};
  if (const auto command = message.get("command")) init.command = reader.texts(*command);
  if (const auto args = message.get("args")) init.args = reader.texts(*args);
  if (const auto env = message.get("env")) init.env = read_env(reader, *env);
  if (const auto mounts = message.get("volumeMounts")) init.volume_mounts = read_volume_mounts(reader, *mounts, "volumeName");
  init.stays = message.text("restartPolicy") == "Always";
  return init;
}

std::vector<NamedMount> read_volumes(Reader& reader, const At& at, std::string_view name, std::string_view old) {
  std::vector<NamedMount> out;
  reader.each_item(at, [&](const At& item) {
    Message message(reader, item);
    NamedMount mount;
    if (auto binding = read_name(reader, message, name, old)) mount.name = *std::move(binding);
    mount.mount_path = read_mount_path(reader, message);
    mount.optional = message.flag("optional");
    out.push_back(std::move(mount));
  });
  return out;
}

std::vector<NamedMount> read_claims(Reader& reader, const At& at) {
  std::vector<NamedMount> out;
  reader.each_item(at, [&](const At& item) {
    Message message(reader, item);
    NamedMount mount;
    if (const auto name = message.get("pvcNameParameter"))
      mount.name = read_parameter_binding(reader, *name, nullptr);
    else if (const auto constant = message.get("constant"))
      mount.name = {.source = FromConstant{reader.text(*constant)}, .place = constant->key_place};
    else if (auto source = read_source(reader, message, nullptr))
      mount.name = *std::move(source);
    else
      reader.error(item, "'pvcNameParameter' is missing");
    mount.mount_path = read_mount_path(reader, message);
    mount.sub_path = message.text("subPath");
    out.push_back(std::move(mount));
  });
  return out;
}

NameMap<std::string> read_text_map(Reader& reader, const At& at) {
  NameMap<std::string> out;
  reader.each_field(at, [&](const At& field) { out.emplace(field.name(), reader.text(field)); });
  return out;
}

// 0 and less mean: none.
std::optional<Duration> read_deadline(Reader& reader, const At& at) {
  const auto seconds = reader.integer(at, -kSecondsMax, kSecondsMax);
  return seconds > 0 ? std::optional<Duration>(std::chrono::seconds(seconds)) : std::nullopt;
}

void check_pull_policy(Reader& reader, const At& at) {
  const std::vector<std::string> policies{"Always", "Never", "IfNotPresent"};
  const std::string policy = reader.text(at);
  if (std::find(policies.begin(), policies.end(), policy) == policies.end())
    reader.error(at, "imagePullPolicy must be Always, Never or IfNotPresent, not '" + policy + "'",
                 reader.suggest(policy, policies));
}

void read_mounts(Reader& reader, Message& message, KubernetesConfig& config) {
  if (const auto list = message.get("secretAsVolume"))
    config.secret_volumes = read_volumes(reader, *list, "secretNameParameter", "secretName");
  if (const auto list = message.get("configMapAsVolume"))
    config.config_map_volumes = read_volumes(reader, *list, "configMapNameParameter", "configMapName");
  if (const auto list = message.get("pvcMount")) config.pvc_mounts = read_claims(reader, *list);
  for (const std::string_view name : {"emptyDirMounts", "genericEphemeralVolume"})
    if (const auto list = message.get(name))
      for (VolumeMount& mount : read_volume_mounts(reader, *list, "volumeName")) config.empty_dirs.push_back(std::move(mount));
}

KubernetesConfig read_config(Reader& reader, const At& at) {
  Message message(reader, at);
  KubernetesConfig config{.place = at.key_place};
  if (const auto list = message.get("secretAsEnv"))
    config.secret_env = read_envs(reader, *list, "secretNameParameter", "secretName", "secretKey");
  if (const auto list = message.get("configMapAsEnv"))
    config.config_map_env = read_envs(reader, *list, "configMapNameParameter", "configMapName", "configMapKey");
  read_mounts(reader, message, config);
  if (const auto list = message.get("fieldPathAsEnv"))
    reader.each_item(*list, [&](const At& item) {
      Message fields(reader, item);
      config.field_path_env.push_back({fields.text("name"), fields.text("fieldPath")});
    });
  if (const auto metadata = message.get("podMetadata")) {
    Message fields(reader, *metadata);
    if (const auto labels = fields.get("labels")) config.labels = read_text_map(reader, *labels);
    if (const auto annotations = fields.get("annotations")) config.annotations = read_text_map(reader, *annotations);
  }
  if (const auto seconds = message.get("activeDeadlineSeconds")) config.deadline = read_deadline(reader, *seconds);
  if (const auto list = message.get("initContainers"))
    reader.each_item(*list, [&](const At& item) { config.init_containers.push_back(read_init_container(reader, item)); });
  // How a cluster comes by an image makes no difference to the task.
  if (const auto policy = message.get("imagePullPolicy")) check_pull_policy(reader, *policy);
  message.ignore({"imagePullSecret"});
  // Node selectors, tolerations, affinities and whatever a newer SDK writes.
  message.each_other([&](const At& field) {
    if (field.node->kind != YamlKind::kNull) config.unsupported.push_back({std::string(field.name()), field.key_place});
  });
  return config;
}

// A Kubernetes quantity above zero: 10Gi, 1.5G, 500M, 1e9.
bool is_positive_quantity(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto number = text.substr(0, end);
  if (std::count(number.begin(), number.end(), '.') > 1 || number.find_first_of("123456789") == std::string_view::npos)
    return false;
  auto unit = text.substr(end);
  if (unit.size() > 1 && (unit.front() == 'e' || unit.front() == 'E')) {
    unit.remove_prefix(1);
    if (unit.starts_with('-') || unit.starts_with('+')) unit.remove_prefix(1);
    return !unit.empty() && unit.find_first_not_of("0123456789") == std::string_view::npos;
  }
  constexpr std::array<std::string_view, 16> kUnits{"",  "n", "u",  "m",  "k",  "M",  "G",  "T",
                                                    "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  return std::find(kUnits.begin(), kUnits.end(), unit) != kUnits.end();
}

Workspace read_workspace(Reader& reader, const At& at) {
  Message message(reader, at);
  Workspace workspace;
  if (const auto size = message.get("size")) {
    workspace.size = reader.text(*size);
    if (!is_positive_quantity(workspace.size))
      reader.error(*size, "the workspace's size must be a positive quantity such as 10Gi, not '" + workspace.size + "'");
  } else {
    reader.error(at, "the workspace has no size");
  }
  if (const auto kubernetes = message.get("kubernetes")) {
    Message fields(reader, *kubernetes);
    if (const auto patch = fields.get("pvcSpecPatch")) {
      Message known(reader, *patch);
      known.ignore({"accessModes", "storageClassName"});
      known.refuse_others();
    }
  }
  return workspace;
}

void read_pipeline_config(Reader& reader, const At& at, Pipeline& pipeline) {
  Message message(reader, at);
  if (const auto workspace = message.get("workspace")) pipeline.workspace = read_workspace(reader, *workspace);
  if (const auto seconds = message.get("activeDeadlineSeconds")) pipeline.deadline = read_deadline(reader, *seconds);
  // How long a cluster keeps what is left of a run, and two locks that only SDK 2.13 and 2.14 knew.
  message.ignore(
      {"resourceTtl", "resourceTtlOnCompletion", "resourceTtlOnSuccess", "resourceTtlOnFailure", "semaphoreKey", "mutexName"});
  message.each_other([&](const At& field) {
    reader.warning(field, "'" + std::string(field.name()) + "' of the pipeline's configuration is not known and is ignored");
  });
}

}  // namespace

void read_platform(Reader& reader, const At& kubernetes, Pipeline& pipeline) {
  Message message(reader, kubernetes);
  if (const auto spec = message.get("deploymentSpec")) {
    Message fields(reader, *spec);
    if (const auto executors = fields.get("executors"))
      reader.each_field(*executors, [&](const At& field) {
        auto config = read_config(reader, field);
        const auto found = pipeline.executors.find(field.name());
        if (found != pipeline.executors.end())
          found->second.kubernetes = std::move(config);
        else
          reader.warning(
              field, "the platform configures executor '" + std::string(field.name()) + "', which the pipeline does not have");
      });
  }
  if (const auto config = message.get("pipelineConfig")) read_pipeline_config(reader, *config, pipeline);
}

}  // namespace sluice
