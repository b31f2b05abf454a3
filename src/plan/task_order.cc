#include "plan/task_order.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/check.h"

namespace sluice {
namespace {

// Tasks by their rank in the order of names; what each waits for. A final status adds no edge: the SDK lists it in
// dependentTasks.
struct Graph {
  std::vector<const TaskSpec*> tasks;
  Edges upstream;
};

Graph graph_of(const Dag& dag) {
  Graph graph;
  std::unordered_map<std::string_view, std::uint32_t> ranks;
  for (const auto& [name, task] : dag.tasks) {
    ranks.emplace(name, static_cast<std::uint32_t>(graph.tasks.size()));
    graph.tasks.push_back(&task);
  }
  for (const TaskSpec* task : graph.tasks) {
    std::vector<std::uint32_t> upstream;
    const auto wait_for = [&](const std::string& name) {
      const auto found = ranks.find(name);
      SLUICE_CHECK(found != ranks.end());
      upstream.push_back(found->second);
    };
    for (const std::string& name : task->dependent_tasks) wait_for(name);
    for (const auto& [name, binding] : task->parameters)
      if (const auto* from = std::get_if<FromTaskOutput>(&binding.source)) wait_for(from->producer);
    for (const auto& [name, binding] : task->artifacts)
      if (const auto* from = std::get_if<FromTaskOutput>(&binding.source)) wait_for(from->producer);
    std::sort(upstream.begin(), upstream.end());
    upstream.erase(std::unique(upstream.begin(), upstream.end()), upstream.end());
    graph.upstream.push_back(std::move(upstream));
  }
  return graph;
}

}  // namespace

TaskOrder order_tasks(const Dag& dag) {
  const Graph graph = graph_of(dag);
  const std::vector<std::uint32_t> ranks = sorted_nodes(graph.upstream);
  TaskOrder out;
  if (ranks.size() < graph.tasks.size()) {
    std::vector<bool> is_sorted(graph.tasks.size());
    for (const std::uint32_t rank : ranks) is_sorted[rank] = true;
    out.stuck = graph.tasks[static_cast<std::size_t>(std::find(is_sorted.begin(), is_sorted.end(), false) - is_sorted.begin())];
    return out;
  }
  std::vector<std::uint32_t> index_of(ranks.size());
  for (std::uint32_t i = 0; i < ranks.size(); ++i) index_of[ranks[i]] = i;
  for (const std::uint32_t rank : ranks) {
    out.order.push_back(graph.tasks[rank]);
    std::vector<std::uint32_t> upstream;
    for (const std::uint32_t other : graph.upstream[rank]) upstream.push_back(index_of[other]);
    std::sort(upstream.begin(), upstream.end());
    out.upstream.push_back(std::move(upstream));
  }
  out.downstream = reversed(out.upstream);
  return out;
}

}  // namespace sluice
