// How much of the machine a run, or all runs of an experiment, may use: times of cpu, of attempts (wall) and of GPUs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/value.h"
#include "model/usage.h"

namespace sluice {

struct Budget {
  std::optional<Duration> cpu, wall, gpu;  // none: as much as it takes
  bool pauses = false;                     // what has used it up is paused, not cancelled
  bool empty() const { return !cpu && !wall && !gpu; }
  friend bool operator==(const Budget&, const Budget&) = default;
};

// "cpu=2h,wall=1h,gpu=30m", each at most once.
Result<Budget> budget_from_text(std::string_view text);
// {"cpu": "7200s", "on_budget": "pause"}: durations as parse_duration() reads them.
Struct budget_fields(const Budget& budget);
// Of such fields; kInvalid names the one that is wrong. No struct is no budget.
Result<Budget> budget_from_value(const Value& value);

// Which part of it is used up: "10.2 h of 10 h cpu". Nothing: none is.
std::optional<std::string> used_up(const Budget& budget, const Usage& usage);

}  // namespace sluice
