// A Plan: one frozen pipeline with its parameters, compiled for the scheduler. Names have become indices, conditions are
// parsed, tasks stand in an order in which producers come first. Loops are unrolled later, by sched, when their items are known.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/pipeline.h"
#include "plan/cel.h"

namespace sluice {

// What job placeholders stand for. Fixed when the run is created, stored with it.
struct RunContext {
  std::string run_uuid;
  std::string display_name;
  std::string resource_name;   // <pipeline name>-<suffix>
  std::string created;         // RFC 3339 UTC
  std::string scheduled;       // the same if not scheduled
  std::string pipeline_root;   // directory of the run
  std::string workspace_path;  // directory shared by the run's tasks
};
Value to_value(const RunContext& context);
RunContext run_context_from_value(const Value& value);

struct PlanComponent;

struct PlanTask {
  const TaskSpec* spec = nullptr;
  std::uint32_t component = 0;              // index into Plan::components
  std::vector<std::uint32_t> upstream;      // tasks of its DAG, ascending: dependentTasks and the producers of its data
  std::vector<std::uint32_t> downstream;    // likewise
  std::optional<cel::Expression> condition;
  NameMap<cel::Expression> selectors;       // by input parameter
  bool watches_end = false;                 // reads a final status or has kAllCompleted
};

struct PlanComponent {
  const Component* spec = nullptr;
  const Executor* executor = nullptr;       // of a leaf
  std::vector<PlanTask> tasks;              // of a dag, producers before consumers, else by name
  NameMap<std::uint32_t> task_index;        // by name
  bool is_dag() const { return executor == nullptr; }
};

struct Plan {
  std::shared_ptr<const Pipeline> pipeline;  // spec pointers point into it
  std::vector<PlanComponent> components;     // [0] is the root
  Struct parameters;                         // of the root: given values and defaults; optional ones without either are null
  RunContext context;
  std::optional<Duration> deadline;
};

// Checks `given` against the root's inputs (kinds, literals, missing, unknown) and compiles. All errors come at once. Those of
// arguments have the parameter's name as path and the place of its declaration; a condition or selector that does not parse has
// the place of its task or binding. Macros of KFP ([[RunUUID]], ...) in given strings are replaced. Artifacts of the root are not
// looked at: a missing one fails the task that needs it. Costs n log n in tasks and dependencies.
struct PlanResult {
  std::shared_ptr<const Plan> plan;  // null if there are errors
  Diagnostics errors;
};
PlanResult make_plan(std::shared_ptr<const Pipeline> pipeline, const Struct& given, RunContext context);

// What `-p name=text` means for a parameter: JSON if it parses as the declared type (or is null for an optional one), else the
// text. For a STRING, and for a name that is no parameter, always the text as it is.
Value parse_argument(const Pipeline& pipeline, std::string_view name, std::string_view text);

}  // namespace sluice
