// Any bytes are refused with a place, or read as a value that is written and read back as itself.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/json.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& parsed : {parse_json(text), parse_json_lenient(text)}) {
    if (!parsed) {
      SLUICE_CHECK(parsed.error().message.find(": ") != std::string::npos);
      continue;
    }
    const std::string written = to_json(*parsed);
    const auto again = parse_json(written);
    SLUICE_CHECK(again && *again == *parsed && to_json(*again) == written);
    SLUICE_CHECK(parse_json(to_json_pretty(*parsed)).value() == *parsed);
  }
  // As the content of a text, whatever the bytes.
  std::string quoted;
  append_json_string(quoted, text);
  SLUICE_CHECK(parse_json(quoted).has_value());
  return 0;
}
