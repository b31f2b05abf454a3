// Private to plan: an order of nodes in which those that others wait for come first, and why there is none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sluice {

// edges[n]: the nodes that n leads to.
using Edges = std::vector<std::vector<std::uint32_t>>;
Edges reversed(const Edges& edges);

// Every node after all of its upstream; of those that could come next, the lowest. Nodes on a cycle, and what waits for them, are missing.
// Costs n log n + edges.
std::vector<std::uint32_t> sorted_nodes(const Edges& upstream);
// A cycle a, b, ..., a in which each is upstream of the next; `sorted` lacks at least one node.
std::vector<std::uint32_t> find_cycle(const Edges& upstream, const std::vector<std::uint32_t>& sorted);

// "a -> b -> a", cut where it gets long.
std::string cycle_text(const std::vector<std::string>& names);

}  // namespace sluice
