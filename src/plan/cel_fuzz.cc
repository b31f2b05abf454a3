// Any text: parsed, then evaluated on a fixed scope with a value of every kind.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/json.h"
#include "plan/cel.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sluice::Value variables =
      sluice::parse_json(R"({"a": [1, "x", [null]], "s": "text", "d": 0.5, "b": true, "n": null,
                             "inputs": {"parameter_values": {"x": 7, "j": "{\"k\": [1]}"}}})")
          .value();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto expression = sluice::cel::Expression::parse(text)) {
    const auto value = expression->evaluate(variables);
    // A result can be written, and what test() says of a bool is that bool.
    if (value && sluice::to_json(*value).empty()) __builtin_trap();
    const auto verdict = expression->test(variables);
    if (verdict && (!value || !value->is_bool() || value->as_bool() != *verdict)) __builtin_trap();
  }
  return 0;
}
