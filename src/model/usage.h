// What a task used of its machine.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/value.h"

namespace sluice {

// Of one attempt, or of several: times add up, of peaks the highest counts.
struct Usage {
  Duration cpu{0};   // user and system, of all its processes
  Duration wall{0};  // from the start of its process to its end; waiting does not count
  Duration gpu{0};   // wall times the number of GPUs that it had
  std::int64_t peak_bytes = 0;  // resident, of its biggest process, or of its cgroup where there is one
  Usage& operator+=(const Usage& other);
  friend bool operator==(const Usage&, const Usage&) = default;
};

// {"cpu_us","wall_us","gpu_us","peak_bytes"}, without those that are 0.
Struct usage_fields(const Usage& usage);
Usage usage_from_value(const Value& value);

}  // namespace sluice
