// [notify] of sluice.toml: who is told that a run has ended.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/state.h"

namespace sluice {

struct NotifyRules {
  std::string url;                   // told of every run
  std::vector<std::string> command;  // likewise: it is started with the notice as its standard input
  std::set<RunState> on{RunState::kSucceeded, RunState::kFailed, RunState::kCanceled};

  bool tells_all() const { return !url.empty() || !command.empty(); }
};

}  // namespace sluice
