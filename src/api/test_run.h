// For tests: one run with a task that succeeded and a loop that failed, as its rows.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "model/artifact.h"
#include "store/run_store.h"

namespace sluice {

inline Instant at(double seconds) { return from_micros(1'795'503'283'000'000 + static_cast<std::int64_t>(seconds * 1e6)); }

inline RunRow run_row(RunState state) {
  return {.id = {1},
          .uuid = *Uuid::parse("01234567-89ab-4def-8123-456789abcdef"),
          .name = "trip 1",
          .pipeline_name = "trip",
          .experiment = "Default",
          .state = state,
          .parameters = {{"rows", Value(3)}},
          .created = at(0),
          .began = at(0),
          .ended = is_final(state) ? at(1.5) : Instant{}};
}

inline std::string outputs_json() {
  TaskData data;
  data.parameters = {{"Output", Value(10)}, {"ratio", Value(0.5)}};
  data.artifacts["model"] = {Artifact{.name = "model",
                                      .type = {.schema_title = "system.Model"},
                                      .uri = "/data/model",
                                      .metadata = {{"epochs", Value(3)}},
                                      .digest = "sha256:00",
                                      .size_bytes = 7}};
  return to_json(to_value(data));
}

inline std::vector<TaskRow> task_rows() {
  return {{.id = {1},
           .path = "root/add",
           .state = TaskState::kSucceeded,
           .attempts = 1,
           .began = at(0),
           .ended = at(0.4),
           .outputs = outputs_json(),
           .notes = R"(["odd image"])"},
          {.id = {2}, .path = "root/loop", .state = TaskState::kFailed, .began = at(0), .ended = at(1)},
          {.id = {3}, .path = "root/loop[0]", .state = TaskState::kFailed, .began = at(0), .ended = at(1)},
          {.id = {4},
           .path = "root/loop[0]/double",
           .state = TaskState::kFailed,
           .attempts = 2,
           .exit_code = 3,
           .began = at(0),
           .ended = at(1),
           .error = "exit code 3: bad\nsecond line"}};
}

}  // namespace sluice
