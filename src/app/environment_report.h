// What `sluice doctor` says of Python environments: how they are made here, and which are there.
#pragma once

#include <string>

#include "app/config.h"
#include "base/json.h"
#include "exec/environment.h"

namespace sluice {

// "12 in ~/.cache/sluice/envs; packages from https://index.example; offline"
std::string describe_environments(const EnvironmentStore& environments, const Config& config);
// The members "environment_settings" and "environments" of the document: of each its size, its last use, its packages. Looks at
// every file of every environment.
void write_environments(JsonWriter& json, const EnvironmentStore& environments, const Config& config);

}  // namespace sluice
