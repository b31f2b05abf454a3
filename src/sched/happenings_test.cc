// The second half of testing.h: events from text, states to text.
#include <gtest/gtest.h>

#include <charconv>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "sched/testing.h"

namespace sluice::testing {
namespace {

struct AttemptName {
  TaskId task;
  int attempt = 0;
};

// "loop[0]/fit#2"; an unknown task gets an id that no node has, as news of another run might.
AttemptName attempt_from(const Plan& plan, const State& state, std::string_view text) {
  const std::size_t hash = text.find('#');
  SLUICE_CHECK(hash != std::string_view::npos);
  AttemptName name{TaskId{static_cast<std::int64_t>(state.nodes.size())}, 0};
  const std::string_view number = text.substr(hash + 1);
  std::from_chars(number.data(), number.data() + number.size(), name.attempt);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(state.nodes.size()); ++i)
    if (short_path(plan, state, TaskId{i}) == text.substr(0, hash)) name.task = TaskId{i};
  return name;
}

Instant start_plus(std::string_view duration) { return kTranscriptStart + parse_duration(duration).value(); }

TaskData data_from(std::span<const std::string_view> words) {
  TaskData data;
  for (const std::string_view word : words) {
    const std::size_t equals = word.find('=');
    SLUICE_CHECK(equals != std::string_view::npos);
    const std::string_view text = word.substr(equals + 1);
    if (word.starts_with('@')) {
      for (const std::string_view uri : split(text, ','))
        data.artifacts[std::string(word.substr(1, equals - 1))].push_back(
            Artifact{.name = std::string(uri), .uri = std::string(uri)});
    } else {
      data.parameters.emplace(word.substr(0, equals), parse_json(text).value());
    }
  }
  return data;
}

}  // namespace

std::string short_path(const Plan& plan, const State& state, TaskId id) {
  return id.value == 0 ? "run" : task_path(plan, state, id).substr(5);
}

Event event_from_text(const Plan& plan, const State& state, std::string_view text) {
  std::vector<std::string_view> words;
  for (const std::string_view word : split(text, ' '))
    if (!word.empty()) words.push_back(word);
  if (text == "run") return RunBegan{};
  if (text == "pause") return PauseAsked{};
  if (text == "resume") return ResumeAsked{};
  if (text == "retry") return RetryAsked{};
  if (words.at(0) == "cancel") return CancelAsked{std::string(trim(text.substr(6)))};
  if (words.at(0) == "retry") return RetryAsked{attempt_from(plan, state, std::string(words.at(1)) + "#0").task};
  const AttemptName name = attempt_from(plan, state, words.at(0));
  const std::string_view what = words.at(1);
  if (what == "started") return AttemptStarted{name.task, name.attempt, words.size() < 3 ? Instant{} : start_plus(words.at(2))};
  if (what == "cached") return AttemptCached{name.task, name.attempt, data_from(std::span(words).subspan(2))};
  if (what == "ok") return AttemptSucceeded{name.task, name.attempt, data_from(std::span(words).subspan(2))};
  if (what == "backoff") return TimerFired{name.task, name.attempt, TimerKind::kBackoff};
  if (what == "deadline")
    return TimerFired{name.task, name.attempt, name.task.value == 0 ? TimerKind::kRunDeadline : TimerKind::kDeadline};
  SLUICE_CHECK(what == "failed");
  AttemptFailed failed{.task = name.task, .attempt = name.attempt, .kind = failure_from(words.at(2)).value()};
  std::size_t next = 3;
  if (next < words.size()) {
    const std::string_view code = words.at(next);
    if (std::from_chars(code.data(), code.data() + code.size(), failed.exit_code).ec == std::errc()) ++next;
  }
  for (; next < words.size(); ++next) failed.message += (failed.message.empty() ? "" : " ") + std::string(words.at(next));
  return failed;
}

std::string data_text(const TaskData& data) {
  std::vector<std::string> words;
  for (const auto& [key, value] : data.parameters) words.push_back(key + "=" + to_json(value));
  for (const auto& [key, list] : data.artifacts) {
    std::vector<std::string> uris;
    for (const Artifact& artifact : list) uris.push_back(artifact.uri);
    words.push_back("@" + key + "=" + join(uris, ","));
  }
  return join(words, " ");
}

std::string dump(const Plan& plan, const State& state) {
  std::string text = "run " + std::string(state_name(state.run)) + " '" + state.error + "' '" + state.cancel_reason + "' " +
                     std::to_string(to_micros(state.began)) + " " + std::to_string(to_micros(state.ended)) + "\n";
  const auto number = [&](const char* name, auto value) {
    if (value != 0) text += std::string(" ") + name + "=" + std::to_string(value);
  };
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(state.nodes.size()); ++i) {
    const Node& node = state.at(TaskId{i});
    const bool leaf = node.kind == NodeKind::kLeaf;
    const TaskState shown = leaf && node.state == TaskState::kRunning ? TaskState::kQueued : node.state;
    text += std::to_string(i) + " " + task_path(plan, state, TaskId{i}) + " " + std::string(state_name(shown));
    number("begun", static_cast<int>(node.begun));
    number("cancelled", static_cast<int>(node.cancelled));
    number("attempt", node.attempt);
    number("failures", node.failures);
    number("losses", node.losses);
    number("exit_code", node.exit_code);
    number("waiting_for", node.waiting_for);
    number("running", node.running);
    number("next", node.next_iteration);
    number("failed", node.failed);
    number("first_failed", node.first_failed.value);
    number("children", node.children);
    number("made", node.children_made);
    number("began", leaf ? 0 : to_micros(node.began));
    number("ended", to_micros(node.ended));
    number("due", to_micros(node.due));
    number("items", node.items.size());
    text += " in " + data_text(node.inputs) + " out " + data_text(node.outputs) + " '" + node.error + "'\n";
  }
  return text;
}

TEST(Happenings, AreReadFromText) {
  const auto plan = plan_from("load -> y");
  State state;
  step(*plan, state, RunBegan{}, Instant{});
  const Event ok = event_from_text(*plan, state, "load#3 ok y=[1,2] @m=/a,/b");
  ASSERT_TRUE(std::holds_alternative<AttemptSucceeded>(ok));
  EXPECT_EQ(std::get<AttemptSucceeded>(ok).task, TaskId{1});
  EXPECT_EQ(std::get<AttemptSucceeded>(ok).attempt, 3);
  EXPECT_EQ(data_text(std::get<AttemptSucceeded>(ok).outputs), "y=[1,2] @m=/a,/b");
  const Event failed = event_from_text(*plan, state, "load#1 failed exit 3 no such table");
  ASSERT_TRUE(std::holds_alternative<AttemptFailed>(failed));
  EXPECT_EQ(std::get<AttemptFailed>(failed).exit_code, 3);
  EXPECT_EQ(std::get<AttemptFailed>(failed).message, "no such table");
}

}  // namespace sluice::testing
