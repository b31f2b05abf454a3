// Two runs compared: where they first went apart, and where else.
#pragma once

#include <string>
#include <vector>

#include "base/value.h"
#include "store/run_store.h"

namespace sluice {

struct DiffSide {
  RunRow run;
  std::string spec;  // text of its pipeline
  std::vector<TaskRow> tasks;
};

struct RunDifference {
  std::string task;  // path; empty: of the run
  // "parameter", "image", "code", "requirements", "environment", "packages", "input", "task" (in one run only), "state", "output"
  std::string what;
  std::string name;  // of the parameter, input or output; else empty
  std::string a, b;  // in words: values, digests, states; empty: it has none
  // It is no wonder: of an output or state, that the task was given or runs something else; of an input that does not stand in
  // the pipeline's text, that something before it differs.
  bool follows = false;

  // "root/train: output 'model': sha256:12ab… / sha256:34cd…"
  std::string text() const;
};

// In the order in which tasks can start, those of `b` alone at the end. Where files lie, attempts and times do not matter, nor
// what only one of the runs has been asked to tell (rows of an earlier version have no inputs).
std::vector<RunDifference> diff_runs(const DiffSide& a, const DiffSide& b);

// {"runs": [A, B], "same": …, "first": …, "differences": […]}
Value diff_value(const DiffSide& a, const DiffSide& b, const std::vector<RunDifference>& differences);

}  // namespace sluice
