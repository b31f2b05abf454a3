// The grammar of the command line: verbs, flags, help with examples, shell completion. The only place that knows the flag
// library.
#pragma once

#include <optional>
#include <string>

#include "app/verbs.h"

namespace sluice {

struct CommandLine {
  Words words;
  // Set when there is nothing more to do (help, a mistake): print and leave with this code.
  std::optional<int> exit;
  std::string out, err;
};
CommandLine parse_command_line(int argc, const char* const* argv);

// The script for `sluice completion bash|zsh|fish`, made from the grammar itself.
std::string completion_script(const std::string& shell);

}  // namespace sluice
