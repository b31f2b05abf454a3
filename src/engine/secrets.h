// Values that a pipeline names but must not hold: secrets, config maps, and what a pod would know of itself.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engine/data_dir.h"
#include "plan/resolve.h"

namespace sluice {

// `[secrets.NAME] KEY = {env = "…"}` or `{file = "…"}` of sluice.toml.
struct SecretSource {
  std::string env, file;
};
using SecretRules = std::map<std::string, std::map<std::string, SecretSource>>;

// The value of one key: by rule, else the file DATA/secrets/NAME/KEY. kNotFound says where it was looked for.
Result<std::string> secret_value(const DataDir& dir, const SecretRules& rules, const std::string& name, const std::string& key);

// The environment variables that the platform configuration of `executor` adds to a task of `dag`.
Result<std::vector<std::pair<std::string, std::string>>> platform_env(const Plan& plan, const PlanComponent& dag,
                                                                      const Executor& executor, const Scope& scope,
                                                                      const DataDir& dir, const SecretRules& rules,
                                                                      const std::string& pod_name);

}  // namespace sluice
