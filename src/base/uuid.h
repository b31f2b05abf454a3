// 128 random bits, written as a UUID (KFP, command line) or as 32 hex digits (MLflow).
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

struct Uuid {
  std::array<std::uint8_t, 16> bytes{};

  std::string text() const;  // 8-4-4-4-12
  std::string hex() const;   // 32 digits
  // Both spellings, either case. Nothing if it is neither.
  static std::optional<Uuid> parse(std::string_view text);
  // A version 4 UUID out of 16 random bytes, which the caller (a driver) provides.
  static Uuid from_random(std::array<std::uint8_t, 16> random);

  friend auto operator<=>(const Uuid&, const Uuid&) = default;
};

}  // namespace sluice
