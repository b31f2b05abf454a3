// Completion scripts for shells, made from the grammar of the command line.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace sluice {

struct VerbFacts {
  std::string name, what;
  std::vector<std::string> nouns;
  std::vector<std::pair<std::string, std::string>> flags;  // without dashes; what it is for
};
// For bash, zsh or fish.
std::string completion_script(const std::string& shell, const std::vector<VerbFacts>& verbs);

}  // namespace sluice
