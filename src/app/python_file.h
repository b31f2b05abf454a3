// A Python file with a @dsl.pipeline function, compiled by the stock kfp.
#pragma once

#include <atomic>
#include <string>

#include "app/console.h"
#include "base/result.h"
#include "exec/environment_settings.h"

namespace sluice {

// The compiled package's text. `function` empty: the only pipeline of the file. The user's own environment is used if it has kfp,
// else one that holds the kfp of kCompilerRequirement is built. The file's folder is on the module path. kInvalid with Python's
// own words, kCancelled soon after `cancelled` becomes true.
Result<std::string> compile_python(const std::string& file, const std::string& function, const Console& console,
                                   const std::atomic<bool>& cancelled, const EnvironmentSettings& settings = {});

constexpr const char* kCompilerRequirement = "kfp==2.17.0";

}  // namespace sluice
