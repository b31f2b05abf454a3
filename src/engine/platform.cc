#include "engine/platform.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "engine/volumes.h"

namespace sluice {
namespace {

// metadata.labels['k'] with prefix "metadata.labels" -> k.
std::optional<std::string> subscript(const std::string& path, const std::string& prefix) {
  if (!path.starts_with(prefix + "['") || !path.ends_with("']")) return std::nullopt;
  return path.substr(prefix.size() + 2, path.size() - prefix.size() - 4);
}

std::string host_name() {
  std::array<char, 256> host{};
  return gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "localhost";
}

std::string pod_field(const Plan& plan, const KubernetesConfig& kubernetes, const std::string& path, const std::string& pod) {
  const auto of = [](const NameMap<std::string>& map, const std::string& key, const std::string& otherwise = {}) {
    const auto found = map.find(key);
    return found == map.end() ? otherwise : found->second;
  };
  if (path == "metadata.name" || path == "metadata.uid") return pod;
  if (path == "metadata.namespace") return "default";
  // What every pod of a run bears, unless the author says otherwise.
  if (const auto label = subscript(path, "metadata.labels"))
    return of(kubernetes.labels, *label, *label == "pipeline/runid" ? plan.context.run_uuid : "");
  if (const auto annotation = subscript(path, "metadata.annotations"))
    return of(kubernetes.annotations, *annotation,
              *annotation == "pipelines.kubeflow.org/run_name" ? plan.context.display_name : "");
  if (path == "spec.nodeName") return host_name();
  if (path == "status.hostIP" || path == "status.hostIPs" || path == "status.podIP" || path == "status.podIPs")
    return "127.0.0.1";
  if (path == "spec.serviceAccountName") return "default";
  return {};
}

class Giver {
 public:
  Giver(const Plan& plan, const PlanComponent& dag, const Scope& scope, const DataDir& dir, const ValueRules& rules)
      : plan_(plan), dag_(dag), scope_(scope), dir_(dir), rules_(rules) {}

  Status give(const KubernetesConfig& kubernetes, const std::string& pod) {
    for (const NamedEnv& entry : kubernetes.secret_env) SLUICE_TRY_STATUS(add_env(entry, true));
    for (const NamedEnv& entry : kubernetes.config_map_env) SLUICE_TRY_STATUS(add_env(entry, false));
    for (const NamedMount& mount : kubernetes.secret_volumes) SLUICE_TRY_STATUS(add_files(mount, true));
    for (const NamedMount& mount : kubernetes.config_map_volumes) SLUICE_TRY_STATUS(add_files(mount, false));
    for (const NamedMount& mount : kubernetes.pvc_mounts) SLUICE_TRY_STATUS(add_volume(mount));
    for (const VolumeMount& volume : kubernetes.empty_dirs) add_empty(volume);
    for (const InitContainer& init : kubernetes.init_containers)
      for (const VolumeMount& mount : init.volume_mounts) SLUICE_TRY_STATUS(add_init_mount(init, mount));
    for (const FieldPathEnv& field : kubernetes.field_path_env)
      gifts_.env.emplace_back(field.env, pod_field(plan_, kubernetes, field.field_path, pod));
    return {};
  }
  PlatformGifts take() { return std::move(gifts_); }

 private:
  static const char* what(bool is_secret) { return is_secret ? "secret" : "config map"; }

  // Nothing: the entry is skipped.
  Result<std::optional<std::string>> name_of(const ParameterBinding& binding, const char* kind) const {
    SLUICE_TRY(const auto name, resolve_binding(plan_, dag_, binding, scope_));
    if (!name || name->is_null()) return std::optional<std::string>();
    if (!name->is_string())
      return fail(Code::kInvalid, std::string(kind) + " name must be text, got " + std::string(kind_name(name->kind())));
    return std::optional<std::string>(name->as_string());
  }

  Status add_env(const NamedEnv& entry, bool is_secret) {
    SLUICE_TRY(const auto name, name_of(entry.name, what(is_secret)));
    if (!name) return {};
    for (const KeyToEnv& key : entry.keys) {
      auto value =
          is_secret ? secret_value(dir_, rules_.secrets, *name, key.key) : config_map_value(dir_, rules_, *name, key.key);
      if (value) {
        if (is_secret) add_hidden_texts(*value, gifts_.redact);
        gifts_.env.emplace_back(key.env, std::move(*value));
      } else if (!entry.optional) {
        return fail(std::move(value).error().with_context(std::string(what(is_secret)) + " "));
      }
    }
    return {};
  }

  Status add_files(const NamedMount& mount, bool is_secret) {
    SLUICE_TRY(const auto name, name_of(mount.name, what(is_secret)));
    if (!name) return {};
    auto values = is_secret ? secret_values(dir_, rules_.secrets, *name) : config_map_values(dir_, rules_, *name);
    if (!values && !mount.optional) return fail(std::move(values).error().with_context(std::string(what(is_secret)) + " "));
    // An optional one that is missing is an empty folder, as in a cluster.
    OwnFolder folder{.targets = {mount.mount_path}, .read_only = true};
    if (values) folder.files = std::move(*values);
    if (is_secret)
      for (const auto& [key, value] : folder.files) add_hidden_texts(value, gifts_.redact);
    folder_of_.emplace(*name, gifts_.folders.size());
    gifts_.folders.push_back(std::move(folder));
    return {};
  }

  Status add_volume(const NamedMount& mount) {
    SLUICE_TRY(const auto name, name_of(mount.name, "volume"));
    if (!name) return {};
    SLUICE_TRY(const VolumePlace place, volume_place(dir_, *name, mount.sub_path));
    if (place.is_new)
      gifts_.note += (gifts_.note.empty() ? "" : "; ") + std::string("volume '") + *name +
                     "' was not there and has been made: " + place.path;
    gifts_.mounts.push_back({.source = place.path, .target = mount.mount_path});
    volume_of_.emplace(*name, place.path);
    return {};
  }

  void add_empty(const VolumeMount& volume) {
    folder_of_.emplace(volume.volume, gifts_.folders.size());
    gifts_.folders.push_back({.targets = {volume.mount_path}});
  }

  // Init containers see the task's volumes, each where it likes.
  Status add_init_mount(const InitContainer& init, const VolumeMount& mount) {
    if (const auto folder = folder_of_.find(mount.volume); folder != folder_of_.end()) {
      std::vector<std::string>& targets = gifts_.folders[folder->second].targets;
      if (std::find(targets.begin(), targets.end(), mount.mount_path) == targets.end()) targets.push_back(mount.mount_path);
      return {};
    }
    const auto volume = volume_of_.find(mount.volume);
    if (volume == volume_of_.end())
      return fail(Code::kInvalid,
                  "init container '" + init.name + "' mounts the volume '" + mount.volume + "', which the task does not have");
    const bool is_there = std::any_of(gifts_.mounts.begin(), gifts_.mounts.end(),
                                      [&](const AttemptMount& other) { return other.target == mount.mount_path; });
    if (!is_there) gifts_.mounts.push_back({.source = volume->second, .target = mount.mount_path});
    return {};
  }

  const Plan& plan_;
  const PlanComponent& dag_;
  const Scope& scope_;
  const DataDir& dir_;
  const ValueRules& rules_;
  PlatformGifts gifts_;
  std::map<std::string, std::size_t> folder_of_;       // index by the volume's name
  std::map<std::string, std::string> volume_of_;       // path by name
};

std::string meaning_of(std::string_view name) {
  for (const std::string_view placing : {"nodeSelector", "tolerations", "nodeAffinity", "podAffinity"})
    if (name == placing) return "there is one machine to run on";
  if (name == "securityContext") return "the task runs as the user who runs sluice";
  if (name == "enabledSharedMemory") return "the task has this machine's own /dev/shm";
  return "it is not known here";
}

}  // namespace

std::string pod_name(const Plan& plan, TaskId task) { return plan.context.resource_name + "-" + std::to_string(task.value); }

Result<PlatformGifts> platform_gifts(const Plan& plan, const PlanComponent& dag, const Executor& executor, const Scope& scope,
                                     const DataDir& dir, const ValueRules& rules, const std::string& pod) {
  Giver giver(plan, dag, scope, dir, rules);
  SLUICE_TRY_STATUS(giver.give(executor.kubernetes, pod));
  return giver.take();
}

Diagnostics platform_warnings(const KubernetesConfig& kubernetes, const std::string& file) {
  Diagnostics warnings;
  for (const UnsupportedField& field : kubernetes.unsupported)
    warnings.push_back(
        {.file = file, .place = field.place, .message = "'" + field.name + "' has no effect: " + meaning_of(field.name)});
  return warnings;
}

}  // namespace sluice
