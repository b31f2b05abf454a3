// Fuzzes amounts of cpu and memory, which come from pipelines and their parameters.
// By hand: clang++-19 -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc
//   src/plan/{quantity_fuzz,resources,placeholders,launch_values,launch,parameters}.cc
//   src/base/{json,value,text,result,sha256}.cc src/model/pipeline.cc -lcrypto
//   -o quantity_fuzz && ./quantity_fuzz -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "plan/resources.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  const auto memory = sluice::memory_quantity(text);
  if (memory) {
    SLUICE_CHECK(*memory >= 0);
    // A whole number of bytes means itself.
    SLUICE_CHECK(*sluice::memory_quantity(std::to_string(*memory)) >= *memory - *memory / 1'000'000);
  }
  if (const auto cpu = sluice::cpu_quantity(text)) {
    SLUICE_CHECK(*cpu >= 0 && memory.has_value());
    SLUICE_CHECK(*sluice::cpu_quantity(std::to_string(*cpu) + "m") == *cpu);
  }
  return 0;
}
