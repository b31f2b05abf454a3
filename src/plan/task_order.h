// Private to plan: which tasks of a DAG wait for which, and an order in which producers come first.
#pragma once

#include <vector>

#include "model/pipeline.h"
#include "plan/graph.h"

namespace sluice {

// Tasks are numbered by `order`. In it producers come before consumers, and of those that could come next the first by name does.
struct TaskOrder {
  std::vector<const TaskSpec*> order;
  Edges upstream;  // each ascending, without doubles
  Edges downstream;  // likewise
  const TaskSpec* stuck = nullptr;  // on a cycle or behind one: there is no order, and the rest is empty
};
TaskOrder order_tasks(const Dag& dag);

}  // namespace sluice
