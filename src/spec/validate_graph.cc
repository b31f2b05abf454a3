#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "spec/validate.h"

namespace sluice {
namespace {

// next[i]: the nodes that i leads to.
using Graph = std::vector<std::vector<std::uint32_t>>;

// A cycle as its nodes in order, each leading to the next and the last to the first; empty if there is none. It is the
// same one on every machine. No recursion: a chain of 50,000 tasks is as deep.
std::vector<std::uint32_t> find_cycle(const Graph& next) {
  enum class Colour : std::uint8_t { kNew, kOnTrail, kDone };
  std::vector<Colour> colour(next.size(), Colour::kNew);
  std::vector<std::pair<std::uint32_t, std::size_t>> trail;  // node, edges followed
  for (std::uint32_t start = 0; start < next.size(); ++start) {
    if (colour[start] != Colour::kNew) continue;
    colour[start] = Colour::kOnTrail;
    trail.assign(1, {start, 0});
    while (!trail.empty()) {
      auto& [node, edge] = trail.back();
      if (edge == next[node].size()) {
        colour[node] = Colour::kDone;
        trail.pop_back();
        continue;
      }
      const std::uint32_t to = next[node][edge++];
      if (colour[to] == Colour::kOnTrail) {
        std::vector<std::uint32_t> cycle;
        for (const auto& step : trail)
          if (!cycle.empty() || step.first == to) cycle.push_back(step.first);
        return cycle;
      }
      if (colour[to] == Colour::kNew) {
        colour[to] = Colour::kOnTrail;
        trail.emplace_back(to, 0);
      }
    }
  }
  return {};
}

// "a -> b -> a". A cycle of thousands is told by its beginning and its end.
template <class NameOf>
std::string cycle_text(const std::vector<std::uint32_t>& cycle, NameOf name_of) {
  constexpr std::size_t kShown = 20;
  std::string out;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (i == kShown && cycle.size() > kShown + 1) {
      out += "... (" + std::to_string(cycle.size() - kShown - 1) + " more) -> ";
      i = cycle.size() - 1;
    }
    out += std::string(name_of(cycle[i])) + " -> ";
  }
  return out + std::string(name_of(cycle.front()));
}

}  // namespace

void validate_task_order(Reader& reader, const ComponentNote& note) {
  std::unordered_map<std::string_view, std::uint32_t> index;
  for (std::uint32_t i = 0; i < note.tasks.size(); ++i) index.emplace(note.tasks[i].task->name, i);
  Graph upstream(note.tasks.size());
  for (std::uint32_t i = 0; i < note.tasks.size(); ++i) {
    const TaskSpec& task = *note.tasks[i].task;
    const auto add = [&](const std::string& name) {
      if (const auto found = index.find(name); found != index.end()) upstream[i].push_back(found->second);
    };
    for (const std::string& name : task.dependent_tasks) add(name);
    for (const auto& [key, binding] : task.parameters)
      if (const auto* output = std::get_if<FromTaskOutput>(&binding.source)) add(output->producer);
    for (const auto& [key, binding] : task.artifacts)
      if (const auto* output = std::get_if<FromTaskOutput>(&binding.source)) add(output->producer);
  }
  const auto cycle = find_cycle(upstream);
  if (cycle.empty()) return;
  const auto name_of = [&](std::uint32_t i) -> std::string_view { return note.tasks[i].task->name; };
  reader.error_key(note.tasks[cycle.front()].at,
                   "invalid dependency: the tasks wait for each other in a cycle: " + cycle_text(cycle, name_of));
}

void validate_nesting(Reader& reader, const Pipeline& pipeline, const Notes& notes) {
  std::unordered_map<std::string_view, std::uint32_t> index;
  for (std::uint32_t i = 0; i < notes.components.size(); ++i)
    if (const Component* component = notes.components[i].component; component != &pipeline.root)
      index.emplace(component->name, i);
  Graph contains(notes.components.size());
  for (std::uint32_t i = 0; i < notes.components.size(); ++i) {
    auto& inner = contains[i];
    for (const TaskNote& task : notes.components[i].tasks)
      if (const auto found = index.find(task.task->component); found != index.end()) inner.push_back(found->second);
    std::sort(inner.begin(), inner.end());
    inner.erase(std::unique(inner.begin(), inner.end()), inner.end());
  }
  const auto cycle = find_cycle(contains);
  if (cycle.empty()) return;
  const auto name_of = [&](std::uint32_t i) -> std::string_view { return notes.components[i].component->name; };
  reader.error_key(notes.components[cycle.front()].at, "component '" + std::string(name_of(cycle.front())) +
                                                           "' contains itself, a cycle: " + cycle_text(cycle, name_of));
}

}  // namespace sluice
