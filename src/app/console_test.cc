#include "app/console.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/test_world.h"
#include "base/json.h"

namespace sluice {
namespace {

using testing::HasSubstr;

TEST(Console, ErrorsOfPeopleGoToStderrWithAHintBelow) {
  const CapturedPipe out(STDOUT_FILENO), err(STDERR_FILENO);
  const Console console(false);
  EXPECT_EQ(console.fail(Error{Code::kNotFound, "no such run", "look here\nor there"}), 6);
  EXPECT_EQ(err.text(), "error: no such run\n  look here\n  or there\n");
  EXPECT_EQ(out.text(), "");
}

TEST(Console, ErrorsOfProgramsAreOneDocumentOnStdout) {
  const CapturedPipe out(STDOUT_FILENO), err(STDERR_FILENO);
  const Console console(true);
  EXPECT_EQ(console.fail(Diagnostics{{.file = "p.yaml", .place = {3, 7}, .path = "root.dag", .message = "bad", .hint = "mend it"},
                                     {.code = Code::kUnavailable, .message = "away"}}),
            2);
  EXPECT_EQ(err.text(), "");
  const auto document = parse_json(out.text());
  ASSERT_TRUE(document);
  const auto& errors = document->find("errors")->as_list();
  ASSERT_EQ(errors.size(), 2U);
  EXPECT_EQ(errors[0], Value::of({{"file", "p.yaml"},
                                  {"line", 3},
                                  {"column", 7},
                                  {"path", "root.dag"},
                                  {"code", "invalid"},
                                  {"message", "bad"},
                                  {"hint", "mend it"}}));
  EXPECT_TRUE(errors[1].find("line")->is_null());
  EXPECT_TRUE(errors[1].find("column")->is_null());
}

TEST(Console, EveryErrorCodeHasItsExitCode) {
  const CapturedPipe err(STDERR_FILENO);
  const Console console(false);
  const std::pair<Code, int> table[] = {{Code::kInvalid, 2},     {Code::kNotFound, 6},    {Code::kConflict, 6},
                                        {Code::kUnavailable, 3}, {Code::kCancelled, 130}, {Code::kTimeout, 5},
                                        {Code::kCorrupt, 70},    {Code::kInternal, 70}};
  for (const auto& [code, exit] : table) EXPECT_EQ(console.fail(Error{code, "x", ""}), exit);
}

TEST(Console, APipeIsNotLiveAndHasNoColours) {
  const CapturedPipe out(STDOUT_FILENO), err(STDERR_FILENO);
  const ScopedVariable no_color("NO_COLOR", std::nullopt), term("TERM", "xterm-256color");
  const Console console(false);
  EXPECT_FALSE(console.live());
  EXPECT_EQ(console.ink(Ink::kRed, "x"), "x");
  EXPECT_EQ(console.ink_err(Ink::kRed, "x"), "x");
  EXPECT_EQ(console.width(), 80);
  EXPECT_EQ(console.height(), 24);
}

TEST(Console, ATerminalHasColoursASizeAndIsLive) {
  const CapturedTerminal err(STDERR_FILENO, 91, 17);
  const ScopedVariable no_color("NO_COLOR", std::nullopt), term("TERM", "xterm-256color");
  const Console console(false);
  EXPECT_TRUE(console.live());
  EXPECT_EQ(console.width(), 91);
  EXPECT_EQ(console.height(), 17);
  EXPECT_EQ(console.ink_err(Ink::kRed, "x"), "\x1b[31mx\x1b[0m");
  EXPECT_EQ(console.ink_err(Ink::kRed, ""), "") << "no codes around nothing";
}

TEST(Console, NoColorKeepsATerminalLiveWithoutColours) {
  const CapturedTerminal err(STDERR_FILENO, 80, 24);
  const ScopedVariable no_color("NO_COLOR", "1"), term("TERM", "xterm");
  const Console console(false);
  EXPECT_TRUE(console.live());
  EXPECT_EQ(console.ink_err(Ink::kRed, "x"), "x");
}

TEST(Console, ADumbTerminalIsWrittenToLikeAPipe) {
  const CapturedTerminal err(STDERR_FILENO, 80, 24);
  const ScopedVariable no_color("NO_COLOR", std::nullopt), term("TERM", "dumb");
  const Console console(false);
  EXPECT_FALSE(console.live());
  EXPECT_EQ(console.ink_err(Ink::kRed, "x"), "x");
}

TEST(Console, WarningsGoToStderrAlsoWithJson) {
  const CapturedPipe out(STDOUT_FILENO), err(STDERR_FILENO);
  Console(true).warn({.file = "p.yaml", .place = {2, 1}, .message = "odd", .hint = "never mind"});
  EXPECT_EQ(out.text(), "");
  EXPECT_THAT(err.text(), HasSubstr("warning: p.yaml:2:1: odd\n  never mind\n"));
}

}  // namespace
}  // namespace sluice
