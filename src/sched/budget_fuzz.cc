// Fuzzes budgets, which come from the command line and from requests.
// By hand: clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc
//   src/sched/{budget_fuzz,budget}.cc src/base/{json,json_number,value,text,result,clock}.cc src/model/usage.cc
//   -o budget_fuzz && ./budget_fuzz -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "sched/budget.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto budget = sluice::budget_from_text({reinterpret_cast<const char*>(bytes), size});
  if (!budget) return 0;
  const auto again = sluice::budget_from_value(sluice::Value(sluice::budget_fields(*budget)));
  SLUICE_CHECK(again.has_value());
  SLUICE_CHECK(again->cpu.has_value() == budget->cpu.has_value() && again->gpu.has_value() == budget->gpu.has_value());
  // Nothing uses up nothing.
  SLUICE_CHECK(!sluice::used_up(*budget, {}));
  return 0;
}
