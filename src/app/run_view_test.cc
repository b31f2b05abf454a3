#include "app/run_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/columns.h"
#include "app/test_world.h"
#include "base/text.h"

namespace sluice {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

Instant at(double seconds) { return from_micros(1'000'000'000'000'000 + static_cast<std::int64_t>(seconds * 1e6)); }

// A view that nobody looks at, and a run to show in it.
class View : public testing::Test {
 protected:
  // `ended` 0: not yet.
  void task(int id, int parent, const std::string& path, TaskState state, double began = 0, double ended = 0,
            const std::string& error = "", int attempt = 1) {
    view.take(TaskNotice{.task = {id},
                         .parent = {parent},
                         .path = path,
                         .state = state,
                         .attempt = attempt,
                         .began = state == TaskState::kPending ? Instant{} : at(began),
                         .ended = ended > 0 ? at(ended) : Instant{},
                         .error = error},
              at(0));
  }
  void dag(int id, int parent, const std::string& path, TaskState state, double ended = 0) {
    view.take(TaskNotice{.task = {id},
                         .parent = {parent},
                         .path = path,
                         .state = state,
                         .is_leaf = false,
                         .began = at(0),
                         .ended = ended > 0 ? at(ended) : Instant{}},
              at(0));
  }
  // A loop with id 1, whose iteration i is task 2 + 2i and holds the leaf 3 + 2i.
  void loop(int iterations, TaskState state) {
    dag(1, 0, "root/loop", TaskState::kRunning);
    for (int i = 0; i < iterations; ++i) {
      const std::string path = "root/loop[" + std::to_string(i) + "]";
      dag(2 + 2 * i, 1, path, is_final(state) ? state : TaskState::kRunning, is_final(state) ? 1 : 0);
      task(3 + 2 * i, 2 + 2 * i, path + "/work", state, 0, is_final(state) ? 1 : 0);
    }
  }

  CapturedPipe err{STDERR_FILENO};
  Console console{false};
  RunView view{console, "trip 1"};
};

TEST_F(View, ASmallRunIsATreeWithTimesBelowEachOther) {
  task(1, 0, "root/load", TaskState::kSucceeded, 0, 1);
  task(2, 0, "root/train", TaskState::kRunning, 1);
  task(3, 0, "root/publish", TaskState::kPending);
  EXPECT_THAT(view.lines(at(75), 80, 24), ElementsAre("trip 1",                         //
                                                      " ✓ load                1.0s",    //
                                                      " ● train             1m 14s",    //
                                                      " · publish",                     //
                                                      "1 of 3 tasks done, 1 running  1m 15s"));
}

TEST_F(View, NothingYetIsATitleAndACount) { EXPECT_THAT(view.lines(at(0), 80, 24), ElementsAre("trip 1", "0 of 0 tasks done")); }

TEST_F(View, EachStateHasItsWords) {
  task(1, 0, "root/a", TaskState::kFailed, 0, 1, "exit code 3: no such table\nsecond line");
  task(2, 0, "root/b", TaskState::kBackoff, 0, 0, "exit code 1", 2);
  task(3, 0, "root/c", TaskState::kRunning, 0, 0, "", 3);
  task(4, 0, "root/d", TaskState::kSkipped);
  task(5, 0, "root/e", TaskState::kCached);
  task(6, 0, "root/f", TaskState::kCanceled, 0, 1, "cancelled");
  const auto lines = view.tree_lines(at(1), 100, 20);
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_THAT(lines[0], AllOf(HasSubstr("✗ a"), HasSubstr("exit code 3: no such table"), Not(HasSubstr("second line"))));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("↻ b"), HasSubstr("waits for attempt 3"), HasSubstr("exit code 1")));
  EXPECT_THAT(lines[2], AllOf(HasSubstr("● c"), HasSubstr("attempt 3")));
  EXPECT_THAT(lines[3], AllOf(HasSubstr("○ d"), HasSubstr("condition is false")));
  EXPECT_THAT(lines[4], AllOf(HasSubstr("✓ e"), HasSubstr("cached")));
  EXPECT_THAT(lines[5], HasSubstr("■ f"));
}

TEST_F(View, DagsHoldTheirTasksAndHaveTimesOfTheirOwn) {
  dag(1, 0, "root/outer", TaskState::kRunning);
  dag(2, 1, "root/outer/inner", TaskState::kRunning);
  task(3, 2, "root/outer/inner/leaf", TaskState::kRunning, 2);
  EXPECT_THAT(view.tree_lines(at(3), 80, 20), ElementsAre(" ● outer               3.0s",  //
                                                          "   ● inner             3.0s",  //
                                                          "     ● leaf            1.0s"));
}

TEST_F(View, NoLineIsWiderThanTheTerminal) {
  std::string path = "root";
  for (int depth = 1; depth <= 40; ++depth) {
    path += "/ein-sehr-langer-name-für-ein-训练";
    dag(depth, depth - 1, path, TaskState::kRunning);
  }
  task(41, 40, path + "/leaf", TaskState::kFailed, 0, 1, std::string(500, 'x'));
  for (const int width : {1, 2, 10, 40, 79, 200})
    for (const std::string& line : view.lines(at(1), width, 60)) EXPECT_LE(columns_of(line), width);
}

TEST_F(View, WideCharactersLineUp) {
  task(1, 0, "root/训练", TaskState::kSucceeded, 0, 1);
  task(2, 0, "root/load", TaskState::kSucceeded, 0, 1);
  const auto lines = view.tree_lines(at(1), 80, 20);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(columns_of(lines[0]), columns_of(lines[1]));
}

TEST_F(View, OnAShortTerminalWhatRunsStaysAndWhatIsDoneGoes) {
  for (int i = 1; i <= 100; ++i)
    task(i, 0, "root/task-" + std::to_string(i), i == 40 || i == 90 ? TaskState::kRunning : TaskState::kSucceeded, 0,
         i == 40 || i == 90 ? 0 : 1);
  for (const int height : {5, 6, 10, 24, 50}) {
    const auto lines = view.lines(at(1), 80, height);
    EXPECT_LT(lines.size(), static_cast<std::size_t>(height)) << "the cursor needs a line too";
    if (height < 6) continue;
    EXPECT_THAT(lines, testing::Contains(HasSubstr("task-40 "))) << height;
    EXPECT_THAT(lines, testing::Contains(HasSubstr("task-90 "))) << height;
    const auto hidden = static_cast<int>(100 - (lines.size() - 3));
    EXPECT_THAT(lines, testing::Contains(" … " + std::to_string(hidden) + " more"));
  }
}

TEST_F(View, MoreRunningThanFitIsCutWithACount) {
  for (int i = 1; i <= 100; ++i) task(i, 0, "root/t" + std::to_string(i), TaskState::kRunning);
  const auto lines = view.lines(at(1), 80, 13);
  ASSERT_EQ(lines.size(), 12U);
  EXPECT_EQ(lines[10], " … 91 more");
  EXPECT_THAT(lines[11], HasSubstr("100 running"));
}

TEST_F(View, ALoopIsOneLineAndItsActiveIterations) {
  loop(200, TaskState::kSucceeded);
  task(101, 100, "root/loop[49]/work", TaskState::kRunning, 2);
  dag(100, 1, "root/loop[49]", TaskState::kRunning);
  task(301, 300, "root/loop[149]/work", TaskState::kFailed, 0, 1, "exit code 1");
  dag(300, 1, "root/loop[149]", TaskState::kFailed, 1);
  EXPECT_THAT(view.tree_lines(at(4), 80, 20), ElementsAre(" ● loop                4.0s  199 of 200, 1 running, 1 failed",
                                                          "   ● loop[49]          4.0s",  //
                                                          "     ● work            2.0s",  //
                                                          "   ✗ loop[149]         1.0s",  //
                                                          "     ✗ work            1.0s  exit code 1"));
}

TEST_F(View, ALoopOfTenThousandCostsAFrameWhatItShows) {
  loop(10'000, TaskState::kRunning);
  const auto began = std::chrono::steady_clock::now();
  for (int frame = 0; frame < 100; ++frame) EXPECT_LE(view.lines(at(1), 100, 30).size(), 29U);
  // Drawn row by row a frame took 60 ms, six tenths of a core. 0.2 ms are usual now; under sanitizers on a busy machine thrice
  // that.
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2));
  EXPECT_THAT(view.lines(at(1), 100, 30), testing::Contains(HasSubstr("0 of 10000, 10000 running")));
}

TEST_F(View, ARootOfThousandsOfTasksIsFoldedToo) {
  for (int i = 1; i <= 5000; ++i) task(i, 0, "root/t" + std::to_string(i), i == 4000 ? TaskState::kRunning : TaskState::kPending);
  EXPECT_THAT(view.lines(at(1), 80, 24),
              ElementsAre("trip 1", HasSubstr("● t4000"), " … 4999 more", "0 of 5000 tasks done, 1 running  1.0s"));
}

TEST_F(View, EnvironmentsBeingBuiltHaveALineAboveTheCount) {
  task(1, 0, "root/train", TaskState::kQueued);
  view.take(BuildNotice{.environment = "k", .name = "pandas", .progress = {"downloading", 3, 40, 12'900'000}}, at(0));
  EXPECT_THAT(view.lines(at(2), 80, 24), testing::Contains("environment pandas: downloading, 3 of 40 packages, 12.3 MiB  2.0s"));
  view.take(BuildNotice{.environment = "k", .finished = true, .seconds = 2}, at(2));
  EXPECT_THAT(view.lines(at(2), 80, 24), Not(testing::Contains(HasSubstr("environment"))));
}

TEST_F(View, AChildThatIsHeardOfBeforeItsParentIsShownAndMovesBelowItLater) {
  task(7, 5, "root/outer/leaf", TaskState::kRunning);
  EXPECT_THAT(view.tree_lines(at(0), 80, 20), ElementsAre(HasSubstr(" · outer"), HasSubstr("   ● leaf")));
  dag(5, 0, "root/outer", TaskState::kRunning);
  EXPECT_THAT(view.tree_lines(at(0), 80, 20), ElementsAre(HasSubstr(" ● outer"), HasSubstr("   ● leaf")));
  task(8, 0, "root/after", TaskState::kPending);
  EXPECT_EQ(view.tree_lines(at(0), 80, 20).size(), 3U);
}

TEST_F(View, NoticesThatMakeNoTreeAreIgnored) {
  task(5, 5, "root/self", TaskState::kRunning);
  task(4, 9, "root/child-of-a-later-one", TaskState::kRunning);
  EXPECT_THAT(view.tree_lines(at(0), 80, 20), ElementsAre());
}

TEST_F(View, TasksOfARunThatGoesOnAreThereFromTheStart) {
  view.recall({{.id = {1}, .path = "root/loop"},
               {.id = {2}, .path = "root/loop[0]"},
               {.id = {3}, .path = "root/loop[0]/work", .state = TaskState::kSucceeded, .attempts = 1},
               {.id = {4}, .path = "root/after", .state = TaskState::kFailed, .attempts = 1}});
  EXPECT_EQ(err.text(), "") << "they are no news";
  EXPECT_THAT(view.lines(at(0), 80, 20),
              ElementsAre("trip 1", " · loop", "   · loop[0]", "     ✓ work", " ✗ after", "2 of 2 tasks done, 1 failed"));
}

TEST_F(View, InAPipeEachStartAndEndIsALine) {
  task(1, 0, "root/a", TaskState::kPending);
  task(1, 0, "root/a", TaskState::kQueued);
  task(1, 0, "root/a", TaskState::kRunning);
  task(1, 0, "root/a", TaskState::kBackoff, 0, 0, "exit code 1: oops\nmore");
  task(1, 0, "root/a", TaskState::kRunning, 0, 0, "", 2);
  task(1, 0, "root/a", TaskState::kSucceeded, 0, 1.5, "", 2);
  task(2, 0, "root/b", TaskState::kOmitted);
  view.take(BuildNotice{.environment = "k", .progress = {"resolving"}}, at(0));
  view.take(BuildNotice{.environment = "k", .progress = {"resolving", 1, 2}}, at(0));
  view.take(BuildNotice{.environment = "k", .finished = true, .seconds = 2.5}, at(0));
  view.say("cancelling", at(0));
  view.finish(at(2));
  EXPECT_EQ(err.text(),
            "RUNNING root/a\n"
            "BACKOFF root/a: exit code 1: oops\n"
            "RUNNING root/a (attempt 2)\n"
            "SUCCEEDED root/a (attempt 2) 1.5s\n"
            "environment: resolving\n"
            "environment: ready in 2.5s\n"
            "cancelling\n");
}

TEST(LiveView, WritesOverItsLinesHidesTheCursorAndGivesItBack) {
  const CapturedTerminal terminal(STDERR_FILENO, 60, 20);
  const ScopedVariable no_color("NO_COLOR", "1"), term("TERM", "xterm");
  const Console console(false);
  RunView view(console, "trip");
  TaskNotice task{.task = {1}, .path = "root/a", .state = TaskState::kRunning, .attempt = 1, .began = at(0)};
  view.take(task, at(0));
  std::string frame = terminal.text_until("\x1b[J");
  EXPECT_THAT(frame, testing::StartsWith("\x1b[?25ltrip\x1b[K\r\n"));
  view.tick(at(0.05));  // too early for another frame
  view.tick(at(0.2));
  frame = terminal.text_until("\x1b[J");
  EXPECT_THAT(frame, testing::StartsWith("\x1b[3A\rtrip\x1b[K\r\n ● a                   0.2s\x1b[K\r\n"));
  view.say("cancelling", at(0.3));
  frame = terminal.text_until("0.3s\x1b[K\r\n\x1b[J");
  EXPECT_THAT(frame, testing::StartsWith("\x1b[3A\r\x1b[Jcancelling\r\ntrip\x1b[K\r\n"));
  task.state = TaskState::kCanceled;
  task.ended = at(0.4);
  view.take(task, at(0.4));
  (void)terminal.text_until("1 of 1 task done  0.4s\x1b[K\r\n\x1b[J");
  view.finish(at(0.5));
  EXPECT_EQ(terminal.text_until("\x1b[?25h"), "\x1b[3A\r ■ a                   0.4s\x1b[K\r\n\x1b[J\x1b[?25h");
}

TEST(LiveView, GivesTheCursorBackWhenItIsLeftEarly) {
  const CapturedTerminal terminal(STDERR_FILENO, 60, 20);
  const ScopedVariable term("TERM", "xterm");
  const Console console(false);
  {
    RunView view(console, "trip");
    view.tick(at(0));
    (void)terminal.text_until("\x1b[J");
  }
  EXPECT_EQ(terminal.text_until("h"), "\x1b[?25h");
}

}  // namespace
}  // namespace sluice
