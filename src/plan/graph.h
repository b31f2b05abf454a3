// Private to plan: an order of nodes in which those that others wait for come first.
#pragma once

#include <cstdint>
#include <vector>

namespace sluice {

// edges[n]: the nodes that n leads to.
using Edges = std::vector<std::vector<std::uint32_t>>;
Edges reversed(const Edges& edges);

// Every node after all of its upstream; of those that could come next, the lowest. Nodes on a cycle, and what waits for them, are
// missing. Costs n log n + edges.
std::vector<std::uint32_t> sorted_nodes(const Edges& upstream);

}  // namespace sluice
