// Pieces of the JSON documents that say something about runs and tasks.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "model/artifact.h"
#include "model/task_facts.h"
#include "model/usage.h"
#include "store/run_store.h"

namespace sluice {

// 0 if either has not come yet.
double seconds_between(Instant began, Instant ended);

// As they were given; an empty object if none were.
Value labels_of(const RunRow& run);

// {"KEY": [{"name","type","uri","digest","size_bytes","metadata"}]}
void write_artifacts(JsonWriter& json, const TaskData& outputs);
// "cached", "inputs" and "facts" (without the document of its cache key) of a task, each if there is something to say.
void write_task_facts(JsonWriter& json, const TaskRow& task, TaskFacts facts);
// {"cpu_seconds","wall_seconds","peak_memory_bytes","gpu_seconds"}
void write_usage(JsonWriter& json, std::string_view name, const Usage& usage);
// An empty text is null.
void write_text_or_null(JsonWriter& json, std::string_view name, std::string_view text);
// With microseconds; no field if it has not come yet.
void write_instant(JsonWriter& json, std::string_view name, Instant instant);

}  // namespace sluice
