#include "base/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <memory>

#include "base/check.h"
#include "base/diagnostic.h"

namespace sluice {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Code::kInvalid, std::to_string(number) + " is odd", "take an even one");
  return number / 2;
}
Result<int> quarter(int number) {
  SLUICE_TRY(const int once, half(number));
  SLUICE_TRY(const int twice, half(once));
  return twice;
}
Status is_even(int number) {
  SLUICE_TRY_STATUS(half(number));
  return {};
}

TEST(Result, TryHandsOnTheValueOrTheError) {
  EXPECT_EQ(quarter(12).value(), 3);
  const auto failed = quarter(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::kInvalid);
  EXPECT_EQ(failed.error().message, "3 is odd");
  EXPECT_EQ(failed.error().hint, "take an even one");
  EXPECT_TRUE(is_even(2));
  EXPECT_EQ(is_even(5).error().message, "5 is odd");
}

TEST(Result, TryMovesWhatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto use = [&]() -> Result<int> {
    SLUICE_TRY(const auto pointer, make());
    return *pointer;
  };
  EXPECT_EQ(use().value(), 7);
}

TEST(Result, ContextGoesInFront) {
  auto error = Error{Code::kNotFound, "input 'rows' has no producer", "add one"};
  error = std::move(error).with_context("task 'fit': ").with_context("train.yaml:14:9: ");
  EXPECT_EQ(error.message, "train.yaml:14:9: task 'fit': input 'rows' has no producer");
  EXPECT_EQ(error.hint, "add one");
  EXPECT_EQ(error.code, Code::kNotFound);
}

TEST(Result, EveryCodeHasItsNameAndItsExitCode) {
  struct Row {
    Code code;
    const char* name;
    int exit;
  };
  constexpr std::array kRows{Row{Code::kInvalid, "invalid", 2},       Row{Code::kNotFound, "not_found", 6},
                             Row{Code::kConflict, "conflict", 6},     Row{Code::kUnavailable, "unavailable", 3},
                             Row{Code::kCancelled, "cancelled", 130}, Row{Code::kTimeout, "timeout", 5},
                             Row{Code::kCorrupt, "corrupt", 70},      Row{Code::kInternal, "internal", 70}};
  for (const Row& row : kRows) {
    EXPECT_EQ(code_name(row.code), row.name);
    EXPECT_EQ(exit_code(row.code), row.exit) << row.name;
  }
}

TEST(Result, SystemErrorsSayWhatFailedAndWhetherItMayPass) {
  const auto missing = fail_errno("open data/x", ENOENT).value();
  EXPECT_EQ(missing.code, Code::kNotFound);
  EXPECT_EQ(missing.message, "open data/x: No such file or directory");
  EXPECT_EQ(fail_errno("open", EACCES).value().code, Code::kInvalid);
  EXPECT_EQ(fail_errno("open", EROFS).value().code, Code::kInvalid);
  EXPECT_THAT(fail_errno("write", ENOSPC).value().hint, testing::HasSubstr("disk is full"));
  for (const int passing : {ENOSPC, EDQUOT, EMFILE, ENFILE, EAGAIN, ENOMEM})
    EXPECT_EQ(fail_errno("open", passing).value().code, Code::kUnavailable) << passing;
  EXPECT_EQ(fail_errno("open", EIO).value().code, Code::kInternal);
}

TEST(CheckDeathTest, AFailedCheckNamesTheConditionAndThePlace) {
  SLUICE_CHECK(1 + 1 == 2);
  EXPECT_DEATH(SLUICE_CHECK(1 + 1 == 3), "internal error: 1 \\+ 1 == 3 at .*result_test.cc:[0-9]+");
}

TEST(Diagnostic, TextStartsWithThePlace) {
  Diagnostic diagnostic{.file = "train.yaml", .place = {14, 9}, .path = "root", .message = "no producer", .hint = "add one"};
  EXPECT_EQ(diagnostic.text(), "train.yaml:14:9: no producer");
  diagnostic.place = {};
  EXPECT_EQ(diagnostic.text(), "train.yaml: no producer");
  diagnostic.file = "";
  EXPECT_EQ(diagnostic.text(), "no producer");
  diagnostic.place = {3, 1};
  EXPECT_EQ(diagnostic.text(), "3:1: no producer");
}

}  // namespace
}  // namespace sluice
