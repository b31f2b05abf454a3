// Time as the program sees it. Pure cores are handed an Instant; only drivers own a Clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

using Duration = std::chrono::microseconds;
// Microseconds since 1970 UTC.
using Instant = std::chrono::time_point<std::chrono::system_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Instant now() const override;
};

inline std::int64_t to_micros(Instant instant) { return instant.time_since_epoch().count(); }
inline Instant from_micros(std::int64_t micros) { return Instant{Duration{micros}}; }
inline double to_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

// "2026-11-24T05:36:21Z"; with_micros adds ".123456".
std::string format_rfc3339(Instant instant, bool with_micros = false);
// The same, with a fraction or without, in any zone.
std::optional<Instant> parse_rfc3339(std::string_view text);
// "60s", "1.5s" (protobuf), also "500ms", "10m", "2h", "1d" for people. Nothing if it is none of these.
std::optional<Duration> parse_duration(std::string_view text);
// For people: "0.4s", "12.3s", "2m 05s", "1h 02m".
std::string format_duration(Duration duration);

}  // namespace sluice
