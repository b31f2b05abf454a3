// SLUICE_CHECK stops the program on a bug, also in release. What can go wrong in a healthy program is a Result instead.
#pragma once

#include <string_view>

namespace sluice::detail {
[[noreturn]] void check_failed(std::string_view condition, std::string_view file, int line);
}

#define SLUICE_CHECK(condition)                                       \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::sluice::detail::check_failed(#condition, __FILE__, __LINE__); \
  } while (false)
