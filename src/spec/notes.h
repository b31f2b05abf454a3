// What the model does not keep: every name in the document that must lead somewhere, with its place.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "model/pipeline.h"
#include "spec/reader.h"

namespace sluice {

enum class OutputKind { kNone, kParameter, kArtifact };

// `task` must be a task of the same DAG and, unless kind is kNone, its component must have the output `key`.
struct ProducerNote {
  At task;
  At key;
  OutputKind kind = OutputKind::kNone;
};

// A task reads the input `name` of the DAG that it stands in.
struct InputNote {
  At name;
  OutputKind kind = OutputKind::kParameter;
};

struct TaskNote {
  const TaskSpec* task = nullptr;
  At at;
  std::optional<At> component, condition, iterator_items, iterator_input;
};

struct ComponentNote {
  const Component* component = nullptr;
  At at;
  std::optional<At> executor, dag;
  std::vector<ProducerNote> producers;
  std::vector<InputNote> inputs;
  std::vector<TaskNote> tasks;
};

struct Notes {
  std::deque<ComponentNote> components;  // the root among them
};

}  // namespace sluice
