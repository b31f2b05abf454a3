// Private to cel: text to tokens.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::cel {

struct Token {
  enum class Kind { kEnd, kName, kInt, kDouble, kString, kSymbol };
  Kind kind = Kind::kEnd;
  std::size_t column = 1;
  std::string text;             // as written; of a string: its contents
  std::uint64_t magnitude = 0;  // of kInt; a minus sign is a token of its own
  double number = 0;            // of kDouble

  bool is(std::string_view symbol) const { return kind == Kind::kSymbol && text == symbol; }
  // For messages: "'=='", "a string", "the end".
  std::string described() const;
};

// The last token is kEnd.
Result<std::vector<Token>> tokenize(std::string_view text);

}  // namespace sluice::cel
