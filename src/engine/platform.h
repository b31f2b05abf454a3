// What a cluster would give a task and one machine can stand in for: values of secrets and config maps as variables and files,
// volumes, what a pod knows of itself.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/diagnostic.h"
#include "base/result.h"
#include "engine/data_dir.h"
#include "engine/secrets.h"
#include "exec/supervisor.h"
#include "model/ids.h"
#include "plan/resolve.h"

namespace sluice {

// A directory that is made for one attempt and goes with it.
struct OwnFolder {
  std::vector<std::string> targets;          // where the attempt sees it
  std::map<std::string, std::string> files;  // that are put there
  bool read_only = false;
};

struct PlatformGifts {
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<AttemptMount> mounts;  // of volumes, which are there now
  std::vector<OwnFolder> folders;
  std::vector<std::string> redact;  // what the log must not show
  std::string note;                 // for the task; empty: none
};

// What the pod of a task would be called.
std::string pod_name(const Plan& plan, TaskId task);

// What `executor` gives a task of `dag`. Volumes that are not there yet are made. An error says what is missing, and where it was
// looked for.
Result<PlatformGifts> platform_gifts(const Plan& plan, const PlanComponent& dag, const Executor& executor, const Scope& scope,
                                     const DataDir& dir, const ValueRules& rules, const std::string& pod);

// What a pipeline asks of its cluster and has no effect here, each at the place of its key.
Diagnostics platform_warnings(const KubernetesConfig& kubernetes, const std::string& file);

}  // namespace sluice
