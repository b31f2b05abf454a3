// Where a component of a pipeline runs on this machine: which interpreter, which environment, or why it cannot.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/diagnostic.h"
#include "exec/environment.h"
#include "plan/plan.h"

namespace sluice {

// `[images]` of sluice.toml: image as the pipeline names it, or a prefix that ends in '*' -> "host", "python", or the path of an
// interpreter, or "container".
using ImageRules = std::map<std::string, std::string>;

// What of the settings decides where components run.
struct SiteRules {
  ImageRules images;
  EnvironmentSettings environments;
};

struct Site {
  std::string path_prefix;                     // directories to put before PATH; empty: none
  std::optional<EnvironmentSpec> environment;  // must be there before an attempt starts; its bin/ then comes first on PATH
  bool python = false;
  std::string container_engine;                // "podman" or "docker": it runs in a container of its image; empty: it does not
  std::vector<std::string> notes;              // warnings for each task that runs here
};

struct Sites {
  std::map<std::string, Site> by_executor;     // label of a container executor that the plan reaches, and
                                               // that has processes
  Diagnostics errors;                          // what makes the run impossible here, each with its ways out
};

// The environments of tasks that run whatever their run's data say (no condition above them, not in a loop), each once, in the
// order in which tasks can need them.
std::vector<EnvironmentSpec> certain_environments(const Plan& plan, const Sites& sites);

// Costs a start of each interpreter that is looked up for the first time. `file` is the pipeline's, for notes about a place in
// it.
Sites find_sites(const Plan& plan, const SiteRules& rules, const std::string& file = {});

}  // namespace sluice
