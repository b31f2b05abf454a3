// sluice-env.json: what makes a folder a finished environment, and tells people what is in it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "exec/environment.h"
#include "exec/environment_build.h"

namespace sluice {

// Whether the folder is a finished environment whose interpreter is still there.
bool is_finished_environment(const std::string& path);

// "name==version" of what is installed, sorted.
std::vector<std::string> installed_distributions(const std::string& environment_path);

// What a marker says; nothing if there is none that can be read. `last_used` is left to the caller.
std::optional<EnvironmentInfo> read_marker(const std::string& path);

// 64 hex digits over a sorted list of "name==version".
std::string lock_digest(const std::vector<std::string>& installed);

// The last step of a build. Everything is on the disk before the marker is, so not even a power cut leaves a marked folder with
// empty files in it.
Status write_marker(const std::string& path, const EnvironmentSpec& spec, const BuiltWith& with, double seconds);

}  // namespace sluice
