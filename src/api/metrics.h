// Counters and durations of requests, and everything else that /metrics shows, in Prometheus' text form 0.0.4.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "api/service.h"
#include "base/clock.h"

namespace sluice {

class Metrics {
 public:
  // Thread-safe. `route` is the pattern, so that the number of series is bounded.
  void count(std::string_view method, std::string_view route, int status, Duration took);
  std::string text(const Service& service) const;

 private:
  std::string requests() const;

  static constexpr std::array<double, 9> kBounds{0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 10};  // seconds
  struct Series {
    std::map<int, std::uint64_t> by_status;
    std::array<std::uint64_t, kBounds.size() + 1> buckets{};
    double seconds = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Series, std::less<>> series_;  // by "METHOD route"; guarded by mutex_
};

}  // namespace sluice
