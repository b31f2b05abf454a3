// What is asked of a Python before it is used.
#pragma once

#include <atomic>
#include <string>

#include "base/result.h"
#include "exec/environment.h"

namespace sluice {

// Starts `program` and asks it for the real interpreter behind it (through shims and virtual environments) and its version. Costs
// 20-50 ms, through a shim of pyenv 100 ms. kInvalid if it is no Python 3 (or a shim that refuses), kUnavailable if it does not
// start or takes 20 s.
Result<Interpreter> probe_interpreter(const std::string& program, const std::atomic<bool>& cancelled);

// "3.11.7" is a "3.11" and a "3.11.7", not a "3.1". Everything is a "".
bool version_matches(const std::string& version, const std::string& wanted);

}  // namespace sluice
