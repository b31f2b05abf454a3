#include "base/clock.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

namespace sluice {

Instant SystemClock::now() const { return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()); }

std::string format_rfc3339(Instant instant, bool with_micros) {
  const auto micros = to_micros(instant);
  const auto seconds = static_cast<std::time_t>(micros >= 0 ? micros / 1'000'000 : (micros - 999'999) / 1'000'000);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  std::array<char, 32> date{};
  const auto length = std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &tm);
  std::string text(date.data(), length);
  if (with_micros) {
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%06d", static_cast<int>(micros - seconds * 1'000'000));
    text += fraction.data();
  }
  return text + "Z";
}

std::optional<Duration> parse_duration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::array<std::pair<std::string_view, double>, 6> kUnits{
      {{"s", 1e6}, {"ms", 1e3}, {"us", 1}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}}};
  for (const auto& [name, micros] : kUnits)
    if (unit == name && number * micros < 9e18) return Duration{std::llround(number * micros)};
  return std::nullopt;
}

std::string format_duration(Duration duration) {
  const double seconds = to_seconds(duration);
  std::array<char, 32> text{};
  if (seconds < 59.95) {
    std::snprintf(text.data(), text.size(), "%.1fs", seconds);
  } else if (seconds < 3599.5) {
    const auto whole = std::llround(seconds);
    std::snprintf(text.data(), text.size(), "%lldm %02llds", whole / 60, whole % 60);
  } else {
    const auto minutes = std::llround(seconds / 60);
    std::snprintf(text.data(), text.size(), "%lldh %02lldm", minutes / 60, minutes % 60);
  }
  return text.data();
}

}  // namespace sluice
