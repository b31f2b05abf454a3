// How a run looks while it runs: a live tree on a terminal, plain lines where nobody can be drawn for.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/events.h"
#include "app/console.h"
#include "app/task_tree.h"

namespace sluice {

// "downloading, 3 of 40 packages, 12.3 MiB".
std::string progress_text(const BuildProgress& progress);

class RunView {
 public:
  RunView(const Console& console, std::string title);
  // Gives the terminal its cursor back.
  ~RunView();
  RunView(const RunView&) = delete;
  RunView& operator=(const RunView&) = delete;

  // The tasks of a run that goes on, as they were before: shown, but no news.
  void recall(const std::vector<TaskRow>& rows) { tree_.take(rows); }
  // Takes the news; draws on a terminal at most ten times a second.
  void take(const Notice& notice, Instant now);
  // Draws again although nothing happened: times go on.
  void tick(Instant now);
  // Puts the finished tree in place of the live part. The summary can be printed below.
  void finish(Instant now);
  // One line that stays, above the live part.
  void say(const std::string& line, Instant now);

  // The lines of the live part for a terminal of `width` x `height`, without colours' escape codes if the console has none.
  // Costs what is shown, not what the run holds.
  std::vector<std::string> lines(Instant now, int width, int height) const;
  // The tree alone, in at most `rows_max` lines.
  std::vector<std::string> tree_lines(Instant now, int width, int rows_max) const;

 private:
  struct Building {
    std::string name;
    BuildProgress progress;
    Instant began;
  };
  struct Row {
    std::string text;
    bool is_optional = false;  // may be left out when room is short
  };

  bool note_build(const BuildNotice& notice, Instant now);
  void plain_line(const Notice& notice);
  void add_rows(TaskId id, int depth, Instant now, int room, std::vector<Row>& rows) const;
  std::string row(const TaskTree::Entry& entry, int depth, bool is_folded, Instant now) const;
  std::string build_row(const Building& building, Instant now) const;
  std::string summary_row(Instant now) const;
  // Moves the cursor to where the live part begins.
  std::string back_to_start() const;
  void draw(Instant now);

  const Console& console_;
  const std::string title_;
  TaskTree tree_;
  std::map<std::string, Building> building_;
  Instant began_{};
  Instant drawn_{};
  int drawn_lines_ = 0;
  bool cursor_hidden_ = false;
};

}  // namespace sluice
