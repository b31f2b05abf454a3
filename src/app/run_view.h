// How a run looks while it runs: a live tree on a terminal, plain lines where nobody can be drawn for.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/console.h"
#include "app/notices.h"

namespace sluice {

class RunView {
 public:
  // Nothing is shown with `quiet`.
  RunView(const Console& console, bool quiet, std::string title);

  // Takes the news; draws on a terminal at most ten times a second.
  void take(const Notice& notice, Instant now);
  // Draws again although nothing happened: times go on.
  void tick(Instant now);
  // Removes the live part, so that the summary can be printed.
  void finish(Instant now);
  // One line that stays, above the live part.
  void say(const std::string& line, Instant now);

  // The lines of the live part for a terminal of `width` x `height`, without colours' escape codes if the console has none.
  // Public for tests.
  std::vector<std::string> lines(Instant now, int width, int height) const;

 private:
  struct Entry {
    TaskNotice notice;
    std::string label;                // "train", "for-loop-1[2]"
    std::vector<TaskId> children;
  };
  struct Building {
    BuildProgress progress;
    Instant began;
  };

  void note_task(const TaskNotice& notice);
  void add_rows(TaskId id, int depth, Instant now, std::vector<std::pair<std::string, bool>>& rows) const;
  std::string row(const Entry& entry, int depth, Instant now) const;
  std::string build_row(const Building& building, Instant now) const;
  std::string summary_row(Instant now) const;
  void plain_line(const Notice& notice);
  void draw(Instant now);
  void erase();

  const Console& console_;
  const bool quiet_;
  const std::string title_;
  std::map<TaskId, Entry> entries_;   // the root is not in it: its children hang below TaskId{0} of roots_
  std::vector<TaskId> roots_;
  std::map<std::string, Building> building_;
  std::map<TaskState, int> leaves_;   // how many leaves are in each state
  Instant began_{};
  Instant drawn_{};
  int drawn_lines_ = 0;
};

}  // namespace sluice
