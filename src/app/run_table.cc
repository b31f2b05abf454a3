#include "app/run_table.h"

#include <map>

#include "api/run_fields.h"
#include "app/columns.h"
#include "app/task_tree.h"
#include "base/text.h"

namespace sluice {
namespace {

// Two dozen iterations still fit a screen.
constexpr std::size_t kChildrenListed = 24;

using Rows = std::vector<std::vector<std::string>>;
using Used = std::map<TaskId, Usage>;  // empty: the table does not say

Ink ink_of(TaskState state) {
  if (is_success(state)) return Ink::kGreen;
  if (state == TaskState::kFailed) return Ink::kRed;
  if (state == TaskState::kRunning) return Ink::kBlue;
  if (state == TaskState::kBackoff || state == TaskState::kCanceled) return Ink::kYellow;
  return Ink::kDim;
}

void add_entry(const Console& console, const TaskTree& tree, const Used& used, TaskId id, int depth, Rows& rows) {
  const TaskTree::Entry& entry = tree.at(id);
  const TaskNotice& task = entry.notice;
  const bool is_folded = entry.children.size() > kChildrenListed;
  std::string remark = task.is_leaf ? one_line(task.error) : "";  // of what lies in it only repeats
  if (is_folded)
    remark = std::to_string(entry.children_done) + " of " + std::to_string(entry.children.size()) + " done" +
             (entry.failed.empty() ? "" : ", " + std::to_string(entry.failed.size()) + " failed");
  rows.push_back({std::string(static_cast<std::size_t>(depth) * 2, ' ') + entry.label,
                  console.ink(ink_of(task.state), state_name(task.state)),
                  task.began == Instant{} || task.ended < task.began ? "" : format_duration(task.ended - task.began),
                  task.attempt > 0 ? std::to_string(task.attempt) : ""});
  if (!used.empty()) {
    const auto usage = used.find(id);
    const bool has_used = usage != used.end() && usage->second != Usage{};
    rows.back().push_back(has_used ? format_duration(usage->second.cpu) : "");
    rows.back().push_back(has_used ? format_bytes(static_cast<double>(usage->second.peak_bytes)) : "");
  }
  rows.back().push_back(remark);
  if (!is_folded) {
    for (const TaskId child : entry.children) add_entry(console, tree, used, child, depth + 1, rows);
    return;
  }
  std::set<TaskId> listed = entry.active;
  listed.insert(entry.failed.begin(), entry.failed.end());
  for (const TaskId child : listed) add_entry(console, tree, used, child, depth + 1, rows);
}

}  // namespace

std::string run_table(const Console& console, const std::vector<TaskRow>& tasks) {
  TaskTree tree;
  tree.take(tasks);
  Used used;
  for (const TaskRow& task : tasks)
    if (const Usage usage = task_facts_from_text(task.facts).usage; usage != Usage{}) used.emplace(task.id, usage);
  Rows rows{{"TASK", "STATE", "TIME", "ATTEMPTS", ""}};
  if (!used.empty()) rows = {{"TASK", "STATE", "TIME", "ATTEMPTS", "CPU", "PEAK", ""}};
  for (const TaskId id : tree.at(TaskTree::kRoot).children) add_entry(console, tree, used, id, 0, rows);
  return rows.size() > 1 ? table(rows) : "";
}

}  // namespace sluice
