// The tasks of a run as a tree, kept up to date by notices. A notice costs the depth of its task, so that a loop of ten thousand
// iterations is followed as cheaply as one of ten.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace sluice {

class TaskTree {
 public:
  static constexpr TaskId kRoot{0};

  struct Entry {
    TaskNotice notice;
    std::string label;             // "train", "for-loop-1[2]"
    int depth = 0;                 // of the root's children 0, when it was first told of
    std::vector<TaskId> children;  // as they were told of
    std::set<TaskId> active;       // children with a leaf that runs or waits for its next attempt, or are one
    std::set<TaskId> failed;       // likewise with a failed leaf
    int children_done = 0;
    int active_leaves = 0;         // at or below this entry
    int failed_leaves = 0;
  };

  TaskTree() { entries_[kRoot].depth = -1; }
  void take(const TaskNotice& notice);
  // All tasks of a run as the store has them.
  void take(const std::vector<TaskRow>& rows);

  const Entry& at(TaskId id) const { return entries_.at(id); }
  // How many leaves are in each state.
  const std::map<TaskState, int>& leaves() const { return leaves_; }
  // Columns of the widest label with its indent of two columns a level.
  int label_columns() const { return label_columns_; }

 private:
  void link(TaskId id, TaskId parent, std::string label);
  void unlink(TaskId id);
  // Adds to what `id` and everything above it holds.
  void weigh(TaskId id, int active, int failed);

  std::map<TaskId, Entry> entries_;
  std::map<TaskState, int> leaves_;
  int label_columns_ = 0;
};

// The same as news: what a client that has missed some takes instead. Their `run` is not set.
std::vector<TaskNotice> notices_of(const std::vector<TaskRow>& rows);

}  // namespace sluice
