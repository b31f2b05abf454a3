// Numbers as text. std::to_chars finds the shortest digits that read back as the same number, but in fixed notation libstdc++
// writes the exact value of a large one (2^70 is 1180591620717411303424), where JavaScript and Go write the shortest digits and
// fill up with zeros (1180591620717411300000). So we take digits and exponent from the scientific form and set the point
// ourselves.
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "base/json.h"

namespace sluice {
namespace {

// number = 0.DIGITS * 10^point, with a sign.
struct Decimal {
  bool negative = false;
  std::string digits;
  int point = 0;
};

Decimal decimal_of(double number) {
  std::array<char, 32> buffer{};  // 17 digits, point, sign and exponent take 24
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number, std::chars_format::scientific).ptr;
  Decimal decimal;
  const char* at = buffer.data();
  if (*at == '-') {
    decimal.negative = true;
    ++at;
  }
  for (; *at != 'e'; ++at)
    if (*at != '.') decimal.digits += *at;
  ++at;
  if (*at == '+') ++at;
  std::from_chars(at, end, decimal.point);
  ++decimal.point;
  return decimal;
}

void append_fixed(std::string& out, const Decimal& decimal) {
  const int length = static_cast<int>(decimal.digits.size());
  if (decimal.negative) out += '-';
  if (decimal.point <= 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-decimal.point), '0');
    out += decimal.digits;
  } else if (decimal.point >= length) {
    out += decimal.digits;
    out.append(static_cast<std::size_t>(decimal.point - length), '0');
  } else {
    const auto point = static_cast<std::size_t>(decimal.point);
    out.append(decimal.digits, 0, point).append(1, '.').append(decimal.digits, point);
  }
}

}  // namespace

void append_json_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  if (number == 0) {  // -0 too
    out += '0';
    return;
  }
  const Decimal decimal = decimal_of(number);
  if (decimal.point > -6 && decimal.point <= 21) {
    append_fixed(out, decimal);
    return;
  }
  if (decimal.negative) out += '-';
  out += decimal.digits[0];
  if (decimal.digits.size() > 1) out.append(1, '.').append(decimal.digits, 1);
  const int exponent = decimal.point - 1;
  out += exponent < 0 ? "e" : "e+";  // the minus sign comes with the number
  out += std::to_string(exponent);
}

std::string number_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "+Inf" : "-Inf";
  if (number == 0) return std::signbit(number) ? "-0" : "0";  // as Go does
  std::string out;
  append_fixed(out, decimal_of(number));
  return out;
}

}  // namespace sluice
