#include "app/run_view.h"

#include <algorithm>

#include "app/columns.h"
#include "base/text.h"

namespace sluice {
namespace {

constexpr Duration kFrame = std::chrono::milliseconds(100);
// A DAG or loop of more children is one line with a count, and below it only the children in which something happens.
constexpr std::size_t kChildrenShown = 8;
constexpr std::size_t kBuildsShown = 2;
constexpr int kFinalRowsMax = 40;
constexpr int kTimeColumns = 7;  // "59m 59s"

constexpr const char* kHideCursor = "\x1b[?25l";
constexpr const char* kShowCursor = "\x1b[?25h";

struct Look {
  const char* mark;
  Ink ink;
};
Look look_of(TaskState state) {
  switch (state) {
    case TaskState::kPending: return {"·", Ink::kDim};
    case TaskState::kQueued: return {"◌", Ink::kDim};
    case TaskState::kRunning: return {"●", Ink::kBlue};
    case TaskState::kBackoff: return {"↻", Ink::kYellow};
    case TaskState::kSucceeded: return {"✓", Ink::kGreen};
    case TaskState::kCached: return {"✓", Ink::kGreen};
    case TaskState::kFailed: return {"✗", Ink::kRed};
    case TaskState::kSkipped:
    case TaskState::kOmitted: return {"○", Ink::kDim};
    case TaskState::kCanceled: return {"■", Ink::kYellow};
  }
  return {"?", Ink::kPlain};
}

Duration time_of(const TaskNotice& task, Instant now) {
  return (task.ended != Instant{} ? task.ended : std::max(now, task.began)) - task.began;
}

// Which children of a folded entry are shown: what runs first, then what failed.
std::set<TaskId> worth_showing(const TaskTree::Entry& entry, int room) {
  std::set<TaskId> chosen;
  const auto active_max = static_cast<std::size_t>(std::max(1, room));
  for (const TaskId id : entry.active)
    if (chosen.size() < active_max) chosen.insert(id);
  const std::size_t all_max = std::max(chosen.size(), kChildrenShown);
  for (const TaskId id : entry.failed)
    if (chosen.size() < all_max) chosen.insert(id);
  return chosen;
}

std::string environment_of(const std::string& name) { return name.empty() ? "environment" : "environment " + one_line(name); }

}  // namespace

RunView::RunView(const Console& console, std::string title) : console_(console), title_(one_line(title)) {}

RunView::~RunView() {
  if (cursor_hidden_) console_.err(kShowCursor);
}

void RunView::take(const Notice& notice, Instant now) {
  if (began_ == Instant{}) began_ = now;
  if (const auto* task = std::get_if<TaskNotice>(&notice)) tree_.take(*task);
  if (const auto* build = std::get_if<BuildNotice>(&notice); build != nullptr && !note_build(*build, now)) return tick(now);
  if (console_.live()) return tick(now);
  plain_line(notice);
}

// Whether it is worth a line: a new phase, or the end.
bool RunView::note_build(const BuildNotice& notice, Instant now) {
  if (notice.finished) {
    building_.erase(notice.environment);
    return true;
  }
  const auto [found, is_new] = building_.try_emplace(notice.environment);
  Building& building = found->second;
  if (is_new) building.began = now;
  const bool is_news = is_new || building.progress.phase != notice.progress.phase;
  building.name = notice.name;
  building.progress = notice.progress;
  return is_news;
}

void RunView::plain_line(const Notice& notice) {
  if (const auto* build = std::get_if<BuildNotice>(&notice)) {
    const auto took = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(build->seconds));
    if (!build->finished)
      console_.err(build_row({build->name, build->progress, {}}, {}) + "\n");
    else
      console_.err(environment_of(build->name) + (build->failed ? ": failed" : ": ready in " + format_duration(took)) + "\n");
    return;
  }
  const auto* task = std::get_if<TaskNotice>(&notice);
  if (task == nullptr || !task->is_leaf ||
      (task->state != TaskState::kRunning && task->state != TaskState::kBackoff && !is_final(task->state)))
    return;
  if (task->state == TaskState::kOmitted || task->state == TaskState::kSkipped) return;
  std::string line = std::string(state_name(task->state)) + " " + one_line(task->path);
  if (task->attempt > 1) line += " (attempt " + std::to_string(task->attempt) + ")";
  if (is_final(task->state) && task->began != Instant{}) line += " " + format_duration(task->ended - task->began);
  if (!task->error.empty()) line += ": " + one_line(task->error);
  console_.err(line + "\n");
}

void RunView::tick(Instant now) {
  if (console_.live() && now - drawn_ >= kFrame) draw(now);
}

void RunView::finish(Instant now) {
  if (!console_.live()) return;
  std::string frame = back_to_start();
  for (const std::string& line : tree_lines(now, console_.width() - 1, std::min(kFinalRowsMax, console_.height() - 4)))
    frame += line + "\x1b[K\n";
  console_.err(frame + "\x1b[J" + (cursor_hidden_ ? kShowCursor : ""));
  drawn_lines_ = 0;
  cursor_hidden_ = false;
}

void RunView::say(const std::string& line, Instant now) {
  if (!console_.live()) return console_.err(line + "\n");
  console_.err(back_to_start() + "\x1b[J" + line + "\n");
  drawn_lines_ = 0;
  draw(now);
}

std::string RunView::back_to_start() const { return drawn_lines_ > 0 ? "\x1b[" + std::to_string(drawn_lines_) + "A\r" : ""; }

void RunView::draw(Instant now) {
  drawn_ = now;
  const auto rows = lines(now, console_.width() - 1, console_.height());
  // Lines are written over and only their ends erased, in one write: nothing is ever blank, so nothing flickers.
  std::string frame = cursor_hidden_ ? back_to_start() : kHideCursor + back_to_start();
  for (const std::string& line : rows) frame += line + "\x1b[K\n";
  frame += "\x1b[J";
  drawn_lines_ = static_cast<int>(rows.size());
  cursor_hidden_ = true;
  console_.err(frame);
}

std::vector<std::string> RunView::lines(Instant now, int width, int height) const {
  const int builds = static_cast<int>(std::min(building_.size(), kBuildsShown));
  // Title, summary, and the line on which the cursor stands.
  const int room = std::max(1, height - 3 - builds);
  std::vector<std::string> out{clip_columns(console_.ink_err(Ink::kBold, title_), width)};
  for (std::string& line : tree_lines(now, width, room)) out.push_back(std::move(line));
  int shown = 0;
  for (const auto& [key, build] : building_)
    if (shown++ < builds) out.push_back(clip_columns(build_row(build, now), width));
  out.push_back(clip_columns(summary_row(now), width));
  return out;
}

std::vector<std::string> RunView::tree_lines(Instant now, int width, int rows_max) const {
  const auto room = static_cast<std::size_t>(std::max(1, rows_max));
  const TaskTree::Entry& root = tree_.at(TaskTree::kRoot);
  std::vector<Row> rows;
  std::size_t hidden = 0;
  // A root that does not fit is folded like any other entry.
  if (root.children.size() > 10 * room) {
    for (const TaskId id : worth_showing(root, rows_max)) add_rows(id, 0, now, rows_max, rows);
    hidden = root.children.size() - worth_showing(root, rows_max).size();
  } else {
    for (const TaskId id : root.children) add_rows(id, 0, now, rows_max, rows);
  }
  // One line says how many there are more. What is done goes first, then what has not begun, from the top.
  const bool fits = rows.size() <= room && hidden == 0;
  const std::size_t shown_max = fits ? room : room - 1;
  std::size_t surplus = rows.size() - std::min(rows.size(), shown_max);
  std::vector<std::string> out;
  for (const Row& row : rows) {
    if ((row.is_optional && surplus > 0) || out.size() >= shown_max) {
      surplus -= surplus > 0 ? 1 : 0;
      ++hidden;
      continue;
    }
    out.push_back(clip_columns(row.text, width));
  }
  if (hidden > 0) out.push_back(console_.ink_err(Ink::kDim, clip_columns(" … " + std::to_string(hidden) + " more", width)));
  return out;
}

void RunView::add_rows(TaskId id, int depth, Instant now, int room, std::vector<Row>& rows) const {
  const TaskTree::Entry& entry = tree_.at(id);
  const bool is_folded = entry.children.size() > kChildrenShown;
  rows.push_back({row(entry, depth, is_folded, now), entry.active_leaves == 0 && entry.failed_leaves == 0});
  if (is_folded) {
    for (const TaskId child : worth_showing(entry, room)) add_rows(child, depth + 1, now, room, rows);
  } else {
    for (const TaskId child : entry.children) add_rows(child, depth + 1, now, room, rows);
  }
}

std::string RunView::row(const TaskTree::Entry& entry, int depth, bool is_folded, Instant now) const {
  const TaskNotice& task = entry.notice;
  const Look look = look_of(task.state);
  const bool is_idle = task.state == TaskState::kPending || look.ink == Ink::kDim;
  // Times stand below each other, for names that are not longer than most.
  const int column = std::clamp(tree_.label_columns(), 16, 48) - 2 * depth;
  std::string line = " " + std::string(static_cast<std::size_t>(depth) * 2, ' ') + console_.ink_err(look.ink, look.mark) + " ";
  const std::string label = pad_columns(entry.label, column);
  line += is_idle ? console_.ink_err(Ink::kDim, label) : label;
  line += " " + pad_columns_left(task.began != Instant{} ? format_duration(time_of(task, now)) : "", kTimeColumns);
  if (is_folded) {
    line += "  " + std::to_string(entry.children_done) + " of " + std::to_string(entry.children.size());
    if (!entry.active.empty()) line += ", " + std::to_string(entry.active.size()) + " running";
    if (!entry.failed.empty()) line += ", " + console_.ink_err(Ink::kRed, std::to_string(entry.failed.size()) + " failed");
  }
  if (task.state == TaskState::kSkipped) line += console_.ink_err(Ink::kDim, "  condition is false");
  if (task.state == TaskState::kCached) line += console_.ink_err(Ink::kDim, "  cached");
  if (task.state == TaskState::kBackoff)
    line += console_.ink_err(Ink::kYellow, "  waits for attempt " + std::to_string(task.attempt + 1));
  else if (task.attempt > 1)
    line += console_.ink_err(Ink::kYellow, "  attempt " + std::to_string(task.attempt));
  if (!task.error.empty() && task.is_leaf)
    line += "  " + console_.ink_err(task.state == TaskState::kFailed ? Ink::kRed : Ink::kDim, one_line(task.error));
  // No spaces up to nowhere.
  while (line.ends_with(' ')) line.pop_back();
  return line;
}

std::string progress_text(const BuildProgress& progress) {
  std::string text = one_line(progress.phase);
  if (progress.packages_total > 0)
    text += ", " + std::to_string(progress.packages_done) + " of " + std::to_string(progress.packages_total) + " packages";
  if (progress.bytes_done > 0) text += ", " + format_bytes(static_cast<double>(progress.bytes_done));
  return text;
}

std::string RunView::build_row(const Building& building, Instant now) const {
  std::string line = environment_of(building.name) + ": " + progress_text(building.progress);
  if (building.began != Instant{}) line += "  " + format_duration(now - building.began);
  return console_.ink_err(Ink::kYellow, line);
}

std::string RunView::summary_row(Instant now) const {
  int all = 0, done = 0, running = 0, failed = 0;
  for (const auto& [state, count] : tree_.leaves()) {
    all += count;
    if (is_final(state)) done += count;
    if (state == TaskState::kRunning) running = count;
    if (state == TaskState::kFailed) failed = count;
  }
  std::string line = std::to_string(done) + " of " + std::to_string(all) + (all == 1 ? " task done" : " tasks done");
  if (running > 0) line += ", " + std::to_string(running) + " running";
  if (failed > 0) line += ", " + console_.ink_err(Ink::kRed, std::to_string(failed) + " failed");
  if (began_ != Instant{}) line += "  " + format_duration(now - began_);
  return line;
}

}  // namespace sluice
