// An attempt laid out once more, beside the run and without touching it: for somebody who wants to look into it.
#pragma once

#include <string>

#include "engine/attempt.h"
#include "engine/read_back.h"
#include "engine/secrets.h"

namespace sluice {

struct Scratch {
  AttemptSpec spec;      // the command, in `spec.directory`, with the variables that the pipeline gives it
  TaskId task;
  std::string path;      // of the task
  int attempt = 1;
  TaskState state = TaskState::kPending;  // of the task in its run
  int exit_code = 0;     // likewise
  std::string checkpoint;
};

// The leaf that is meant by a path ("root/" may be left out) or by the last name of one. kNotFound, or kConflict if there are
// several.
Result<TaskId> find_leaf(const Plan& plan, const State& state, const std::string& asked);

// Lays attempt `attempt` (0: the newest) of the task out in the folder `root`, which is there and empty: copies of its inputs
// (also of what the run itself would get as links), of its checkpoint, and places for its outputs. The environment of the task is
// to be found in `environment_bin`. kConflict: the task has not begun, so that nobody knows its inputs.
Result<Scratch> lay_out_again(const ReadBack& run, TaskId task, int attempt, const DataDir& dir, const std::string& root,
                              const ValueRules& values, const std::string& environment_bin);

}  // namespace sluice
