// Makes one environment in its place. The caller holds the lock and removes what is left after a failure.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/result.h"
#include "exec/environment.h"

namespace sluice {

struct EnvironmentBuild {
  const EnvironmentSpec& spec;
  std::string path;        // of the folder, which does not exist yet
  std::string tools_dir;   // where our own uv is or will be
  const EnvironmentSettings& settings;
  int lock_fd;             // inherited by the installers: if we die, nobody builds here before they have ended, too
  const ProgressFn& progress;
  const std::atomic<bool>& cancelled;
};

struct BuiltWith {
  std::string tool;        // "uv" or "pip"
  std::string tool_version;
  std::string interpreter_version;
};

Result<BuiltWith> build_environment(const EnvironmentBuild& build);

}  // namespace sluice
