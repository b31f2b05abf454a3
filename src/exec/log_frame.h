// The bytes of a log frame, for its writer and its readers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace sluice {

constexpr std::size_t kLogHeaderBytes = 13;
// A frame's length beyond this is damage, not data: the supervisor writes at most 64 KiB at once.
constexpr std::uint32_t kLogFrameBytesMax = 64U << 20U;
// The stream of the frame that begins a tail file: its number and the bytes of output before it, 8 bytes each.
constexpr std::uint8_t kLogTailStream = 0;
constexpr std::size_t kLogTailBytes = 16;

inline std::string log_tail_path(const std::string& path, std::int64_t number) {
  return path + (number % 2 == 0 ? ".tail0" : ".tail1");
}

template <class T>
void put_little_endian(char* out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
}
template <class T>
T get_little_endian(const char* in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= std::uint64_t{static_cast<unsigned char>(in[i])} << (8 * i);
  return static_cast<T>(value);
}

struct LogFrameHeader {
  std::uint8_t stream = 0;
  std::uint32_t length = 0;
  std::int64_t at_us = 0;

  std::array<char, kLogHeaderBytes> encode() const {
    std::array<char, kLogHeaderBytes> bytes{};
    bytes[0] = static_cast<char>(stream);
    put_little_endian(bytes.data() + 1, length);
    put_little_endian(bytes.data() + 5, at_us);
    return bytes;
  }
  static LogFrameHeader decode(const char* bytes) {
    return {static_cast<std::uint8_t>(bytes[0]), get_little_endian<std::uint32_t>(bytes + 1),
            get_little_endian<std::int64_t>(bytes + 5)};
  }
};

}  // namespace sluice
