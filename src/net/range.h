// Private to net: which part of a file a Range header asks for.
#pragma once

#include <cstdint>
#include <string_view>

namespace sluice {

struct ByteRange {
  enum class Kind { kWhole, kPart, kUnsatisfiable } kind = Kind::kWhole;
  std::uint64_t first = 0, length = 0;  // of the part, or of the whole
};
// "bytes=0-99", "bytes=100-", "bytes=-100". Several ranges, another unit and what does not parse mean the whole file (RFC 9110,
// 14.2: a server may ignore the header).
ByteRange parse_range(std::string_view header, std::uint64_t size);

}  // namespace sluice
