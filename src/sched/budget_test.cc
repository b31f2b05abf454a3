#include "sched/budget.h"

#include <gtest/gtest.h>

#include "base/json.h"

namespace sluice {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Budget, IsReadFromTheCommandLine) {
  EXPECT_EQ(budget_from_text("cpu=2h, wall=90s,gpu=30m").value(),
            (Budget{.cpu = hours(2), .wall = seconds(90), .gpu = minutes(30)}));
  EXPECT_TRUE(budget_from_text("").value().empty());
  EXPECT_EQ(budget_from_text("memory=2h").error().message, "a budget has no 'memory'");
  EXPECT_EQ(budget_from_text("cpu").error().message, "budget cpu: '' is no duration");
  EXPECT_EQ(budget_from_text("cpu=lots").error().message, "budget cpu: 'lots' is no duration");
  EXPECT_EQ(budget_from_text("cpu=0s").error().message, "budget cpu: '0s' is no duration");
  EXPECT_EQ(budget_from_text("cpu=1h,cpu=2h").error().message, "a budget has only one 'cpu'");
}

TEST(Budget, ReadsBackFromItsFields) {
  for (const Budget& budget :
       {Budget{}, Budget{.cpu = Duration{1'500'000}, .pauses = true}, Budget{.wall = hours(1), .gpu = hours(2)}})
    EXPECT_EQ(budget_from_value(Value(budget_fields(budget))).value(), budget) << to_json(Value(budget_fields(budget)));
  EXPECT_TRUE(budget_from_value(Value(5)).value().empty());
  EXPECT_FALSE(budget_from_value(Value::of({{"cpu", 7}})));
  EXPECT_FALSE(budget_from_value(Value::of({{"cpu", "1h"}, {"on_budget", "cry"}})));
}

TEST(Budget, IsUsedUpByWhatReachesIt) {
  const Budget budget{.cpu = hours(10), .gpu = minutes(1)};
  EXPECT_EQ(used_up(budget, {.cpu = hours(9), .wall = hours(1000)}), std::nullopt);
  EXPECT_EQ(used_up(budget, {.cpu = minutes(612)}), "10.2 h of 10 h cpu");
  EXPECT_EQ(used_up(budget, {.gpu = minutes(1)}), "1 min of 1 min gpu");
  EXPECT_EQ(used_up({.wall = seconds(2)}, {.wall = Duration{2'500'000}}), "2.5 s of 2 s wall");
  EXPECT_EQ(used_up({}, {.cpu = hours(1000)}), std::nullopt);
}

}  // namespace
}  // namespace sluice
