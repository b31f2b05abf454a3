#include "base/clock.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <utility>

namespace sluice {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

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

std::optional<Instant> parse_rfc3339(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  if (text.size() < kForm.size() + 1) return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool fits = kForm[i] == '0' ? is_digit(text[i]) : text[i] == kForm[i] || (i == 10 && text[i] == 't');
    if (!fits) return std::nullopt;
  }
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    for (const char c : text.substr(at, digits)) value = value * 10 + (c - '0');
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)), std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  if (!date.ok() || number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 60) return std::nullopt;
  std::int64_t micros = std::chrono::duration_cast<Duration>(std::chrono::sys_days(date).time_since_epoch()).count() +
                        (number(11, 2) * 3600LL + number(14, 2) * 60LL + number(17, 2)) * 1'000'000;
  std::size_t at = kForm.size();
  if (text[at] == '.') {
    std::int64_t unit = 100'000;
    const std::size_t first = ++at;
    for (; at < text.size() && is_digit(text[at]); ++at, unit /= 10) micros += (text[at] - '0') * unit;
    if (at == first) return std::nullopt;
  }
  const std::string_view zone = text.substr(at);
  if (zone == "Z" || zone == "z") return from_micros(micros);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':') return std::nullopt;
  for (const std::size_t i : {1, 2, 4, 5})
    if (!is_digit(zone[i])) return std::nullopt;
  const std::int64_t offset = (number(at + 1, 2) * 3600LL + number(at + 4, 2) * 60LL) * 1'000'000;
  return from_micros(zone[0] == '+' ? micros - offset : micros + offset);
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
