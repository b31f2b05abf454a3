// An answer from any server: refused, or read as the same one whatever the pieces it comes in, within its limits.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "net/reply_parser.h"

using namespace sluice;

namespace {

constexpr std::uint64_t kBodyBytesMax = 1000;
// Refused or cut off: a header that comes in pieces may be refused later, when it is whole, and so not before it is cut off.
constexpr const char* kNone = "none";

// Everything that the parser says about it.
std::string read(std::string_view text, std::size_t piece, bool has_body) {
  ReplyParser parser(has_body, kBodyBytesMax);
  for (std::size_t begin = 0; begin < text.size() && !parser.is_done(); begin += piece)
    if (const Status taken = parser.append(text.substr(begin, piece)); !taken) {
      SLUICE_CHECK(taken.error().code == Code::kInvalid);
      return kNone;
    }
  if (const Status ended = parser.end(); !ended) return kNone;
  SLUICE_CHECK(parser.is_done() && parser.has_header() && !parser.keeps_alive());
  std::string out = std::to_string(parser.status());
  for (const HttpHeader& header : parser.take_headers()) out += "\n" + header.name + ":" + header.value;
  const std::string body = parser.take_body();
  SLUICE_CHECK(body.size() <= kBodyBytesMax && (has_body || body.empty()));
  return out + "\n\n" + body;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool has_body : {true, false}) {
    const std::string whole = read(text, size + 1, has_body);
    SLUICE_CHECK(read(text, 1, has_body) == whole && read(text, 5, has_body) == whole);
  }
  return 0;
}
