// tests/transcripts/*.txt: what the scheduler answers, as text that anyone can read and add to.
//
// A file is a pipeline in the notation of testing.h, an empty line, then a line per event: time, event | what step() asks for.
// Below the actions stand the states that tasks reached, except those that the event itself says. SLUICE_ACCEPT=1 rewrites the
// right-hand sides.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/match.h"
#include "base/text.h"
#include "sched/testing.h"

namespace sluice::testing {
namespace {

namespace fs = std::filesystem;

const Instant kStart = kTranscriptStart;

std::string seconds_text(Duration duration) {
  std::string text = std::to_string(to_seconds(duration));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text + "s";
}

std::string with_data(const std::string& text, const TaskData& data) {
  const std::string words = data_text(data);
  return words.empty() ? text : text + " " + words;
}

std::string action_text(const Plan& plan, const State& state, const Action& action) {
  const auto name = [&](TaskId task, int attempt) { return short_path(plan, state, task) + "#" + std::to_string(attempt); };
  return std::visit(
      Match{
          [&](const StartAttempt& a) { return with_data("start " + name(a.task, a.attempt), state.at(a.task).inputs); },
          [&](const StopAttempt& a) {
            return "stop " + name(a.task, a.attempt) + (a.why == FailureKind::kTimeout ? " timeout" : "");
          },
          [&](const ArmTimer& a) {
            const char* kind = a.kind == TimerKind::kBackoff ? " backoff " : " deadline ";
            return "timer " + name(a.task, a.attempt) + kind + seconds_text(a.due - kStart);
          },
          [&](const EndRun& a) { return "end " + std::string(state_name(a.state)) + (a.error.empty() ? "" : ": " + a.error); },
      },
      action);
}

// The text of a state that is news, else nothing.
std::string state_text(const Plan& plan, const State& state, TaskId id) {
  const Node& node = state.at(id);
  const bool leaf = node.kind == NodeKind::kLeaf;
  if (!is_final(node.state)) return "";
  if (node.state == TaskState::kSucceeded && (leaf || (id.value == 0 && node.outputs.empty()))) return "";
  if (id.value == 0 && node.state != TaskState::kSucceeded) return "";
  std::string text = short_path(plan, state, id) + " " + std::string(state_name(node.state));
  if (!node.error.empty()) text += ": " + node.error;
  return with_data(std::move(text), node.outputs);
}

class Player {
 public:
  explicit Player(std::shared_ptr<const Plan> plan) : plan_(std::move(plan)) {}

  std::vector<std::string> play(Instant now, std::string_view text) {
    std::vector<TaskState> before;
    for (const Node& node : state_.nodes) before.push_back(node.state);
    const Outcome outcome = step(*plan_, state_, event_from_text(*plan_, state_, text), now);
    std::vector<std::string> answers;
    for (const Action& action : outcome.actions) answers.push_back(action_text(*plan_, state_, action));
    for (const TaskId id : outcome.changed) {
      const auto index = static_cast<std::size_t>(id.value);
      if (index < before.size() && before.at(index) == state_.at(id).state) continue;
      if (std::string news = state_text(*plan_, state_, id); !news.empty()) answers.push_back(std::move(news));
    }
    return answers;
  }

 private:
  std::shared_ptr<const Plan> plan_;
  State state_;
};

struct Entry {
  std::string left;  // "2s   load#1 ok", or a comment
  bool comment = false;
  std::vector<std::string> answers;
};

std::vector<Entry> entries_from(std::string_view text) {
  std::vector<Entry> entries;
  for (const std::string_view line : split(text, '\n')) {
    const bool comment = line.starts_with('#');
    const std::string_view left = comment ? line : trim(line.substr(0, line.find(" |")));
    if (!left.empty() && !left.starts_with('|')) entries.push_back({std::string(left), comment, {}});
  }
  return entries;
}

std::string played(const std::string& pipeline, std::vector<Entry> entries) {
  Player player(plan_from(pipeline));
  std::size_t width = 0;
  for (Entry& entry : entries) {
    if (entry.comment) continue;
    const std::size_t space = entry.left.find(' ');
    const std::string time = entry.left.substr(0, space);
    const std::string event(trim(std::string_view(entry.left).substr(std::min(space, entry.left.size()))));
    const std::optional<Duration> at = parse_duration(time);
    if (!at || event.empty()) {
      ADD_FAILURE() << "no time and event: " << entry.left;
      continue;
    }
    entry.left = time + std::string(time.size() < 5 ? 5 - time.size() : 1, ' ') + event;
    entry.answers = player.play(kStart + *at, event);
    width = std::max(width, entry.left.size());
  }
  std::string text;
  for (const Entry& entry : entries) {
    text += entry.left;
    if (!entry.comment) text += std::string(width - entry.left.size(), ' ') + " |";
    for (std::size_t i = 0; i < entry.answers.size(); ++i)
      text += (i == 0 ? " " : "\n" + std::string(width, ' ') + " | ") + entry.answers.at(i);
    text += "\n";
  }
  return text;
}

std::string read(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<fs::path> transcripts() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(fs::path(SLUICE_SOURCE_DIR) / "tests" / "transcripts"))
    paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  return paths;
}

class Transcript : public ::testing::TestWithParam<fs::path> {};

TEST_P(Transcript, ReadsAsPlayed) {
  const std::string text = read(GetParam());
  const std::size_t gap = text.find("\n\n");
  ASSERT_NE(gap, std::string::npos) << "an empty line stands between the pipeline and the events";
  const std::string again =
      text.substr(0, gap + 2) + played(text.substr(0, gap), entries_from(std::string_view(text).substr(gap + 2)));
  if (std::getenv("SLUICE_ACCEPT") != nullptr) {
    if (again != text) std::ofstream(GetParam()) << again;
    return;
  }
  EXPECT_EQ(text, again) << GetParam().filename();
}

INSTANTIATE_TEST_SUITE_P(Files, Transcript, ::testing::ValuesIn(transcripts()),
                         [](const auto& tested) { return tested.param.stem().string(); });

}  // namespace
}  // namespace sluice::testing
