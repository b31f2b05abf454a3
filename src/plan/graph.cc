#include "plan/graph.h"

#include <functional>
#include <queue>

namespace sluice {

Edges reversed(const Edges& edges) {
  Edges out(edges.size());
  for (std::uint32_t to = 0; to < edges.size(); ++to)
    for (const std::uint32_t from : edges[to]) out[from].push_back(to);
  return out;
}

std::vector<std::uint32_t> sorted_nodes(const Edges& upstream) {
  const Edges downstream = reversed(upstream);
  std::vector<std::size_t> waiting_for;
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
  for (std::uint32_t node = 0; node < upstream.size(); ++node) {
    waiting_for.push_back(upstream[node].size());
    if (upstream[node].empty()) ready.push(node);
  }
  std::vector<std::uint32_t> out;
  while (!ready.empty()) {
    const std::uint32_t node = ready.top();
    ready.pop();
    out.push_back(node);
    for (const std::uint32_t next : downstream[node])
      if (--waiting_for[next] == 0) ready.push(next);
  }
  return out;
}

}  // namespace sluice
