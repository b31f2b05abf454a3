// What people are shown of a run, read from the API's documents or from the store's rows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/run_document.h"
#include "base/value.h"
#include "model/artifact.h"

namespace sluice {

struct RunSheet {
  struct Metrics {
    std::string task, key;
    Struct values;
  };
  Uuid uuid;
  std::string name;
  RunState state = RunState::kPending;  // as it is shown: INTERRUPTED without an owner
  std::string error;
  std::optional<Duration> took;  // of a run that has ended
  TaskData outputs;
  std::vector<Metrics> metrics;  // of each artifact of type system.Metrics
  std::vector<TaskRow> tasks;    // without outputs
};

RunSheet run_sheet(const RunRow& run, std::vector<TaskRow> tasks, Service::Owner owner);
// `document` is of GET /api/v1/runs/ID, `tasks` of GET /api/v1/runs/ID/tasks. What they lack is empty.
RunSheet run_sheet(const Value& document, const Value& tasks);
// One row of {"tasks": [...]}.
TaskRow task_row_from(const Value& value);
// RFC 3339 in UTC, as the API writes it; 0 for what is none.
Instant instant_from(std::string_view text);

}  // namespace sluice
