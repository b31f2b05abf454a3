#include "plan/graph.h"

#include <algorithm>
#include <functional>
#include <queue>
#include <span>

#include "base/check.h"
#include "base/text.h"

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

std::vector<std::uint32_t> find_cycle(const Edges& upstream, const std::vector<std::uint32_t>& sorted) {
  SLUICE_CHECK(sorted.size() < upstream.size());
  std::vector<bool> is_sorted(upstream.size());
  for (const std::uint32_t node : sorted) is_sorted[node] = true;
  std::uint32_t at = 0;
  while (is_sorted[at]) ++at;
  // A node that could not be sorted waits for another such node, so following them must come back to one.
  std::vector<std::uint32_t> path;
  std::vector<bool> seen(upstream.size());
  while (!seen[at]) {
    seen[at] = true;
    path.push_back(at);
    at = *std::find_if(upstream[at].begin(), upstream[at].end(), [&](std::uint32_t node) { return !is_sorted[node]; });
  }
  // The path goes upstream; the answer goes the other way.
  std::vector<std::uint32_t> cycle{at};
  for (auto step = path.rbegin(); *step != at; ++step) cycle.push_back(*step);
  cycle.push_back(at);
  return cycle;
}

std::string cycle_text(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 10;
  if (names.size() <= kShown) return join(names, " -> ");
  return join(std::span(names).first(kShown), " -> ") + " -> ... (" + std::to_string(names.size() - 1) + " in all)";
}

}  // namespace sluice
