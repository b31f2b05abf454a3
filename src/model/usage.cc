#include "model/usage.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice {

Usage& Usage::operator+=(const Usage& other) {
  cpu += other.cpu;
  wall += other.wall;
  gpu += other.gpu;
  peak_bytes = std::max(peak_bytes, other.peak_bytes);
  return *this;
}

Struct usage_fields(const Usage& usage) {
  Struct fields;
  for (const auto& [name, number] : {std::pair<std::string_view, std::int64_t>{"cpu_us", usage.cpu.count()},
                                     {"wall_us", usage.wall.count()},
                                     {"gpu_us", usage.gpu.count()},
                                     {"peak_bytes", usage.peak_bytes}})
    if (number != 0) fields.emplace(std::string(name), number);
  return fields;
}

Usage usage_from_value(const Value& value) {
  const auto number = [&](std::string_view name) { return std::max<std::int64_t>(0, value.int_or(name, 0)); };
  return {.cpu = Duration{number("cpu_us")},
          .wall = Duration{number("wall_us")},
          .gpu = Duration{number("gpu_us")},
          .peak_bytes = number("peak_bytes")};
}

}  // namespace sluice
