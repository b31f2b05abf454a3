// Follows every name in a pipeline that has been read, and tells those that lead nowhere.
#pragma once

#include "spec/notes.h"
#include "spec/reader.h"

namespace sluice {

// Costs one pass over the notes; the pipeline must be the one that they were made with, still in its place.
void validate(Reader& reader, const Pipeline& pipeline, const Notes& notes);

// validate_graph.cc: tasks that wait for each other, components that contain themselves.
void validate_task_order(Reader& reader, const ComponentNote& note);
void validate_nesting(Reader& reader, const Pipeline& pipeline, const Notes& notes);

}  // namespace sluice
