// What comes as page_token comes from anybody.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/page_token.h"
#include "base/base64.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)sluice::read_page_token(text, "query");
  if (const auto bytes = sluice::decode_base64url(text); bytes && sluice::encode_base64url(*bytes) != text) std::abort();
  // As a cursor's text, whatever it is: valid UTF-8 must come back as it was.
  const sluice::Cursor cursor{std::string(text.substr(0, 512)), static_cast<std::int64_t>(size)};
  const auto again = sluice::read_page_token(sluice::page_token(cursor, text), text);
  if (!again || again->id != cursor.id) std::abort();
  return 0;
}
