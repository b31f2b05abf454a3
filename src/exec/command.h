// A program of ours (an installer, a Python that is asked for its version), run to its end from a work thread.
//
// The processes of tasks never come this way: they are started by the supervisor, because they must outlive the server. An
// installer need not: if we die, its environment has no marker and is built again, so it can be our own child. posix_spawn does
// not copy our memory, so a big server starts one as fast as a small one does.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace sluice {

// Environment variables set (or, without a value, removed) on top of our own environment.
using VariableChanges = std::vector<std::pair<std::string, std::optional<std::string>>>;

struct Command {
  std::vector<std::string> argv;                       // argv[0] without a slash is looked up on PATH
  VariableChanges variables;
  std::string directory;                               // empty: ours
  std::string input;                                   // its standard input
  int keep_fd = -1;                                    // stays open in the program, as its descriptor 3
  Duration time_max{0};                                // 0: none
  std::function<void(std::string_view)> on_line;       // of stdout and stderr together, on the calling thread
};

struct CommandResult {
  int exit_code = 0;                                   // 128 + N for signal N
  std::vector<std::string> last_lines;                 // 200 at most
};

// Waits for the end of the program. kNotFound if there is no such program. kCancelled when
// `cancelled` becomes true and kTimeout after time_max: SIGTERM to its process group, SIGKILL to what is left of that 3 s later.
Result<CommandResult> run_command(const Command& command, const std::atomic<bool>& cancelled);

}  // namespace sluice
