#include "base/base64.h"

#include <cstdint>

namespace sluice {
namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::string encode(std::string_view bytes, std::string_view digits) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char byte : bytes) {
    bits = bits << 8U | static_cast<unsigned char>(byte);
    for (count += 8; count >= 6; count -= 6) text += digits[bits >> (count - 6) & 63U];
  }
  if (count > 0) text += digits[bits << (6 - count) & 63U];
  return text;
}

struct Decoded {
  std::string bytes;
  std::uint32_t rest = 0;  // the bits behind the last byte,
  unsigned rest_bits = 0;  // and how many they are
};

std::optional<Decoded> decode(std::string_view text, std::string_view digits) {
  Decoded out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto digit = digits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6U | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.bytes += static_cast<char>(bits >> count & 255U);
  }
  out.rest = bits & ((1U << count) - 1U);
  out.rest_bits = count;
  return out;
}

}  // namespace

std::string encode_base64(std::string_view bytes) {
  std::string text = encode(bytes, kDigits);
  text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  auto decoded = decode(text, kDigits);
  return decoded ? std::optional(std::move(decoded->bytes)) : std::nullopt;
}

std::string encode_base64url(std::string_view bytes) { return encode(bytes, kUrlDigits); }

std::optional<std::string> decode_base64url(std::string_view text) {
  auto decoded = decode(text, kUrlDigits);
  if (!decoded || decoded->rest_bits >= 6 || decoded->rest != 0) return std::nullopt;
  return std::move(decoded->bytes);
}

}  // namespace sluice
