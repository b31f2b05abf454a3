#include "app/run_view.h"

#include <algorithm>

#include "base/text.h"

namespace sluice {
namespace {

constexpr Duration kFrame = std::chrono::milliseconds(100);

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

// Cuts a line to `width` columns; escape codes take none, a UTF-8 character takes one.
std::string clip(const std::string& line, int width) {
  std::string out;
  int columns = 0;
  bool escape = false;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\x1b') escape = true;
    if (!escape && (byte & 0xC0U) != 0x80U && ++columns > width) break;
    out += c;
    if (escape && c == 'm') escape = false;
  }
  return columns > width ? out + "\x1b[0m" : out;
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

RunView::RunView(const Console& console, bool quiet, std::string title)
    : console_(console), quiet_(quiet), title_(std::move(title)) {}

void RunView::take(const Notice& notice, Instant now) {
  if (began_ == Instant{}) began_ = now;
  if (const auto* task = std::get_if<TaskNotice>(&notice)) note_task(*task);
  if (const auto* build = std::get_if<BuildNotice>(&notice)) {
    const bool known = building_.contains(build->environment);
    const bool moved = !known || building_[build->environment].progress.phase != build->progress.phase;
    if (build->finished) {
      building_.erase(build->environment);
    } else {
      Building& entry = building_[build->environment];
      if (!known) entry.began = now;
      entry.progress = build->progress;
    }
    if (!moved && !build->finished) return tick(now);
  }
  if (quiet_) return;
  if (console_.live()) return tick(now);
  plain_line(notice);
}

void RunView::note_task(const TaskNotice& notice) {
  const auto [found, is_new] = entries_.try_emplace(notice.task);
  Entry& entry = found->second;
  if (notice.is_leaf) {
    if (!is_new) --leaves_[entry.notice.state];
    ++leaves_[notice.state];
  }
  entry.notice = notice;
  if (!is_new) return;
  entry.label = notice.path.substr(notice.path.rfind('/') + 1);
  if (notice.parent.value == 0)
    roots_.push_back(notice.task);
  else
    entries_[notice.parent].children.push_back(notice.task);
}

void RunView::plain_line(const Notice& notice) {
  if (const auto* build = std::get_if<BuildNotice>(&notice)) {
    if (build->finished)
      console_.err("environment ready in " +
                   format_duration(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(build->seconds))) + "\n");
    else
      console_.err(build_row({build->progress, {}}, {}) + "\n");
    return;
  }
  const auto* task = std::get_if<TaskNotice>(&notice);
  if (task == nullptr || !task->is_leaf ||
      (task->state != TaskState::kRunning && task->state != TaskState::kBackoff && !is_final(task->state)))
    return;
  if (task->state == TaskState::kOmitted || task->state == TaskState::kSkipped) return;
  std::string line = std::string(state_name(task->state)) + " " + task->path;
  if (task->attempt > 1) line += " (attempt " + std::to_string(task->attempt) + ")";
  if (is_final(task->state) && task->began != Instant{}) line += " " + format_duration(task->ended - task->began);
  if (!task->error.empty()) line += ": " + first_line(task->error);
  console_.err(line + "\n");
}

void RunView::tick(Instant now) {
  if (quiet_ || !console_.live() || now - drawn_ < kFrame) return;
  draw(now);
}

void RunView::finish(Instant) {
  if (!quiet_ && console_.live()) erase();
}

void RunView::say(const std::string& line, Instant now) {
  if (quiet_) return;
  if (console_.live()) erase();
  console_.err(line + "\n");
  drawn_ = {};
  tick(now);
}

void RunView::erase() {
  if (drawn_lines_ > 0) console_.err("\x1b[" + std::to_string(drawn_lines_) + "A\r\x1b[J");
  drawn_lines_ = 0;
}

void RunView::draw(Instant now) {
  drawn_ = now;
  const auto rows = lines(now, console_.width() - 1, console_.height());
  std::string frame;
  if (drawn_lines_ > 0) frame = "\x1b[" + std::to_string(drawn_lines_) + "A\r";
  for (const std::string& line : rows) frame += line + "\x1b[K\n";
  frame += "\x1b[J";
  drawn_lines_ = static_cast<int>(rows.size());
  console_.err(frame);
}

std::vector<std::string> RunView::lines(Instant now, int width, int height) const {
  std::vector<std::pair<std::string, bool>> rows;  // line, may be left out when room is short
  for (const TaskId id : roots_) add_rows(id, 0, now, rows);
  const std::size_t room = static_cast<std::size_t>(std::max(4, height - 3)) - std::min<std::size_t>(building_.size(), 2);
  std::vector<std::string> out{clip(title_, width)};
  std::size_t surplus = rows.size() > room ? rows.size() - room + 1 : 0;
  std::size_t hidden = 0;
  for (const auto& [line, optional] : rows) {
    const bool no_room = out.size() > room;
    if ((optional && hidden < surplus) || no_room) {
      ++hidden;
      continue;
    }
    out.push_back(clip(line, width));
  }
  if (hidden > 0) out.push_back(console_.ink_err(Ink::kDim, "  … " + std::to_string(hidden) + " more"));
  int shown = 0;
  for (const auto& [key, build] : building_)
    if (shown++ < 2) out.push_back(clip(build_row(build, now), width));
  out.push_back(clip(summary_row(now), width));
  return out;
}

void RunView::add_rows(TaskId id, int depth, Instant now, std::vector<std::pair<std::string, bool>>& rows) const {
  const Entry& entry = entries_.at(id);
  const TaskState state = entry.notice.state;
  const bool optional = state != TaskState::kRunning && state != TaskState::kFailed && state != TaskState::kBackoff;
  rows.emplace_back(row(entry, depth, now), optional);
  // A loop of ten thousand finished iterations is one line.
  if (!entry.notice.is_leaf && is_final(state) && state != TaskState::kFailed && entry.children.size() > 8) return;
  for (const TaskId child : entry.children) add_rows(child, depth + 1, now, rows);
}

std::string RunView::row(const Entry& entry, int depth, Instant now) const {
  const TaskNotice& task = entry.notice;
  const Look look = look_of(task.state);
  std::string line = " " + std::string(static_cast<std::size_t>(depth) * 2, ' ') + console_.ink_err(look.ink, look.mark) + " ";
  std::string label = entry.label;
  const std::size_t column = 34;
  const std::size_t used = static_cast<std::size_t>(depth) * 2 + label.size();
  if (used < column) label += std::string(column - used, ' ');
  line += is_final(task.state) && !is_success(task.state) && task.state != TaskState::kFailed ? console_.ink_err(Ink::kDim, label)
                                                                                              : label;
  if (task.began != Instant{})
    line += " " + format_duration((task.ended != Instant{} ? task.ended : std::max(now, task.began)) - task.began);
  if (task.state == TaskState::kSkipped) line += console_.ink_err(Ink::kDim, " condition is false");
  if (task.state == TaskState::kCached) line += console_.ink_err(Ink::kDim, " cached");
  if (task.attempt > 1) line += console_.ink_err(Ink::kYellow, "  attempt " + std::to_string(task.attempt));
  if (!task.error.empty() && task.is_leaf) line += "  " + console_.ink_err(Ink::kRed, first_line(task.error));
  return line;
}

std::string RunView::build_row(const Building& building, Instant now) const {
  const BuildProgress& progress = building.progress;
  std::string line = "environment: " + progress.phase;
  if (progress.packages_total > 0)
    line += ", " + std::to_string(progress.packages_done) + " of " + std::to_string(progress.packages_total) + " packages";
  if (progress.bytes_done > 0) line += ", " + format_bytes(static_cast<double>(progress.bytes_done));
  if (building.began != Instant{}) line += "  " + format_duration(now - building.began);
  return console_.ink_err(Ink::kYellow, line);
}

std::string RunView::summary_row(Instant now) const {
  int all = 0, done = 0, failed = 0;
  for (const auto& [state, count] : leaves_) {
    all += count;
    if (is_final(state)) done += count;
    if (state == TaskState::kFailed) failed += count;
  }
  const auto running = leaves_.find(TaskState::kRunning);
  std::string line = std::to_string(done) + " of " + std::to_string(all) + " tasks done";
  if (running != leaves_.end() && running->second > 0) line += ", " + std::to_string(running->second) + " running";
  if (failed > 0) line += ", " + console_.ink_err(Ink::kRed, std::to_string(failed) + " failed");
  if (began_ != Instant{}) line += "  " + format_duration(now - began_);
  return line;
}

}  // namespace sluice
