#include "engine/secrets.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>

#include "exec/small_files.h"

namespace sluice {
namespace {

using Env = std::vector<std::pair<std::string, std::string>>;

// A name or key comes from a pipeline: it must stay below the folder of secrets.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

Result<std::string> read_secret(const std::string& path) {
  auto text = small_file_text(path);
  if (!text) return fail(Code::kNotFound, "no file " + path + " that can be read");
  return std::move(*text);
}

Status add_named(const Plan& plan, const PlanComponent& dag, const NamedEnv& entry, const char* what, const Scope& scope,
                 const DataDir& dir, const SecretRules& rules, Env& env) {
  SLUICE_TRY(const auto name, resolve_binding(plan, dag, entry.name, scope));
  if (!name || name->is_null()) return {};
  if (!name->is_string())
    return fail(Code::kInvalid, std::string(what) + " name must be text, got " + std::string(kind_name(name->kind())));
  for (const KeyToEnv& key : entry.keys) {
    auto value = secret_value(dir, rules, name->as_string(), key.key);
    if (value) {
      env.emplace_back(key.env, std::move(*value));
    } else if (!entry.optional) {
      return fail(std::move(value).error().with_context(std::string(what) + " "));
    }
  }
  return {};
}

// metadata.labels['k'] with prefix "metadata.labels" -> k.
std::optional<std::string> subscript(const std::string& path, const std::string& prefix) {
  if (!path.starts_with(prefix + "['") || !path.ends_with("']")) return std::nullopt;
  return path.substr(prefix.size() + 2, path.size() - prefix.size() - 4);
}

std::string pod_field(const KubernetesConfig& kubernetes, const std::string& path, const std::string& pod_name) {
  const auto of = [](const NameMap<std::string>& map, const std::string& key) {
    const auto found = map.find(key);
    return found == map.end() ? std::string() : found->second;
  };
  if (path == "metadata.name" || path == "metadata.uid") return pod_name;
  if (path == "metadata.namespace") return "default";
  if (const auto label = subscript(path, "metadata.labels")) return of(kubernetes.labels, *label);
  if (const auto annotation = subscript(path, "metadata.annotations")) return of(kubernetes.annotations, *annotation);
  if (path == "spec.nodeName" || path == "status.hostIP") {
    std::array<char, 256> host{};
    return gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "localhost";
  }
  if (path == "status.podIP") return "127.0.0.1";
  if (path == "spec.serviceAccountName") return "default";
  return {};
}

}  // namespace

Result<std::string> secret_value(const DataDir& dir, const SecretRules& rules, const std::string& name, const std::string& key) {
  if (!is_plain_name(name) || !is_plain_name(key)) return fail(Code::kInvalid, "'" + name + "', key '" + key + "': not a name");
  if (const auto secret = rules.find(name); secret != rules.end()) {
    if (const auto source = secret->second.find(key); source != secret->second.end()) {
      if (source->second.env.empty()) {
        auto value = read_secret(source->second.file);
        if (!value) return fail(std::move(value).error().with_context("'" + name + "', key '" + key + "': "));
        return value;
      }
      const char* value = std::getenv(source->second.env.c_str());
      if (value != nullptr) return std::string(value);
      return fail(Code::kNotFound,
                  "'" + name + "', key '" + key + "': the environment variable " + source->second.env + " is not set");
    }
  }
  auto value = read_secret(dir.secret(name, key));
  if (value) return value;
  return fail(Code::kNotFound, "'" + name + "', key '" + key + "': not found",
              "put the value in " + dir.secret(name, key) + ", or name its source in sluice.toml: [secrets." + name + "] " + key +
                  " = {env = \"…\"}");
}

Result<Env> platform_env(const Plan& plan, const PlanComponent& dag, const Executor& executor, const Scope& scope,
                         const DataDir& dir, const SecretRules& rules, const std::string& pod_name) {
  Env env;
  const KubernetesConfig& kubernetes = executor.kubernetes;
  for (const NamedEnv& entry : kubernetes.secret_env)
    SLUICE_TRY_STATUS(add_named(plan, dag, entry, "secret", scope, dir, rules, env));
  for (const NamedEnv& entry : kubernetes.config_map_env)
    SLUICE_TRY_STATUS(add_named(plan, dag, entry, "config map", scope, dir, rules, env));
  for (const auto& [what, mounts] :
       {std::pair{"secret", &kubernetes.secret_volumes}, std::pair{"config map", &kubernetes.config_map_volumes}})
    for (const NamedMount& mount : *mounts) {
      SLUICE_TRY(const auto name, resolve_binding(plan, dag, mount.name, scope));
      // Its files are not there, which an optional one allows.
      if (name && !name->is_null() && !mount.optional)
        return fail(Code::kInvalid,
                    std::string(what) + " mounted at " + mount.mount_path + ": files are not supported on one machine yet",
                    "use it as an environment variable");
    }
  for (const FieldPathEnv& field : kubernetes.field_path_env)
    env.emplace_back(field.env, pod_field(kubernetes, field.field_path, pod_name));
  return env;
}

}  // namespace sluice
