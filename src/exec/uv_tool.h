// Which uv installs packages: the one on PATH, or our own, which is installed once from the package index.
#pragma once

#include <atomic>
#include <string>

#include "base/result.h"
#include "exec/command.h"
#include "exec/environment.h"

namespace sluice {

struct UvTool {
  std::string path;     // empty: there is none, pip has to do
  std::string version;  // "0.9.2"
};

// Looks on PATH, then at TOOLS/bin/uv, then makes TOOLS (python -m venv, pip install uv; 3-6 s). If that fails there is none for
// the rest of this process. kCancelled is the only error.
Result<UvTool> find_uv(const std::string& tools_dir, const std::string& interpreter, const ProgressFn& progress,
                       const std::atomic<bool>& cancelled);

// The uv at this path or name, if it starts.
Result<UvTool> probe_uv(const std::string& program, const std::atomic<bool>& cancelled);

// Variables of the environment that would send an installer to another place, mute it, or keep bytecode from being written.
VariableChanges installer_variables();

}  // namespace sluice
