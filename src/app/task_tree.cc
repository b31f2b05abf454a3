#include "app/task_tree.h"

#include <algorithm>
#include <utility>

#include "api/run_document.h"
#include "app/columns.h"

namespace sluice {
namespace {

int is_active(const TaskNotice& task) {
  return task.is_leaf && (task.state == TaskState::kRunning || task.state == TaskState::kBackoff) ? 1 : 0;
}
int is_failed(const TaskNotice& task) { return task.is_leaf && task.state == TaskState::kFailed ? 1 : 0; }

std::string last_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

void keep(std::set<TaskId>& set, TaskId id, bool is_member) {
  if (is_member)
    set.insert(id);
  else
    set.erase(id);
}

}  // namespace

std::vector<TaskNotice> notices_of(const std::vector<TaskRow>& rows) {
  std::map<std::string, TaskId> ids;
  std::set<std::string> parents;
  for (const TaskRow& row : rows) {
    ids.emplace(row.path, row.id);
    parents.insert(parent_path(row.path));
  }
  std::vector<TaskNotice> notices;
  notices.reserve(rows.size());
  for (const TaskRow& row : rows) {
    const auto parent = ids.find(parent_path(row.path));
    notices.push_back({.task = row.id,
                       .parent = parent == ids.end() ? TaskTree::kRoot : parent->second,
                       .path = row.path,
                       .state = row.state,
                       .is_leaf = !parents.contains(row.path),
                       .attempt = row.attempts,
                       .exit_code = row.exit_code,
                       .began = row.began,
                       .ended = row.ended,
                       .error = row.error});
  }
  return notices;
}

void TaskTree::take(const TaskNotice& notice) {
  if (notice.task <= notice.parent) return;  // the root, or nothing of ours: ids count up from parent to child
  // Only what changes is told: of a run that goes on, a child may be heard of and its parent not, or later. Until then the parent
  // stands at the top, under its path.
  if (!entries_.contains(notice.parent)) {
    const std::string above = notice.path.substr(0, notice.path.rfind('/'));
    link(notice.parent, kRoot, above.substr(above.find('/') + 1));
  }
  const bool is_known = entries_.contains(notice.task) && !entries_.at(notice.task).notice.path.empty();
  if (!is_known) {
    if (entries_.contains(notice.task)) unlink(notice.task);
    link(notice.task, notice.parent, last_name(notice.path));
  }
  Entry& entry = entries_.at(notice.task);
  const TaskId parent = entry.notice.parent;
  const TaskNotice before = std::exchange(entry.notice, notice);
  entry.notice.parent = parent;
  if (notice.is_leaf) {
    if (is_known) --leaves_[before.state];
    ++leaves_[notice.state];
  }
  const bool was_done = is_known && is_final(before.state);
  entries_.at(parent).children_done += (is_final(notice.state) ? 1 : 0) - (was_done ? 1 : 0);
  weigh(notice.task, is_active(notice) - (is_known ? is_active(before) : 0),
        is_failed(notice) - (is_known ? is_failed(before) : 0));
}

void TaskTree::take(const std::vector<TaskRow>& rows) {
  for (const TaskNotice& notice : notices_of(rows)) take(notice);
}

void TaskTree::link(TaskId id, TaskId parent, std::string label) {
  Entry& above = entries_.at(parent);
  above.children.push_back(id);
  Entry& entry = entries_[id];
  entry.depth = above.depth + 1;
  entry.notice.task = id;
  entry.notice.parent = parent;
  entry.notice.is_leaf = false;
  entry.label = one_line(label);
  label_columns_ = std::max(label_columns_, 2 * entry.depth + columns_of(entry.label));
  // The subtree that it may already have.
  const int active = std::exchange(entry.active_leaves, 0), failed = std::exchange(entry.failed_leaves, 0);
  weigh(id, active, failed);
}

void TaskTree::unlink(TaskId id) {
  Entry& entry = entries_.at(id);
  const int active = entry.active_leaves, failed = entry.failed_leaves;
  weigh(id, -active, -failed);
  Entry& above = entries_.at(entry.notice.parent);
  std::erase(above.children, id);
  entry.active_leaves = active;
  entry.failed_leaves = failed;
}

void TaskTree::weigh(TaskId id, int active, int failed) {
  if (active == 0 && failed == 0) return;
  for (;;) {
    Entry& entry = entries_.at(id);
    entry.active_leaves += active;
    entry.failed_leaves += failed;
    if (id == kRoot) return;
    Entry& above = entries_.at(entry.notice.parent);
    keep(above.active, id, entry.active_leaves > 0);
    keep(above.failed, id, entry.failed_leaves > 0);
    id = entry.notice.parent;
  }
}

}  // namespace sluice
