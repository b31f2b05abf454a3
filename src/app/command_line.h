// The grammar of the command line: verbs, flags, help with examples, shell completion. The only place that knows the flag
// library.
#pragma once

#include <optional>
#include <string>

#include "app/verbs.h"
#include "base/result.h"

namespace sluice {

struct CommandLine {
  Words words;
  // Set when there is nothing more to do than to print it: help, the version.
  std::optional<std::string> out;
  // A mistake in the words. words.json is set even then, if it was asked for.
  std::optional<Error> error;
};
CommandLine parse_command_line(int argc, const char* const* argv);

// The script for `sluice completion bash|zsh|fish`, made from the grammar itself.
std::string completion_script(const std::string& shell);

}  // namespace sluice
