#include "api/kfp_package.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include "base/text.h"

namespace sluice {
namespace {

constexpr std::string_view kZipMagic = "PK";
constexpr std::string_view kGzipMagic = "\x1f\x8b";

tl::unexpected<Error> broken(const std::string& what) { return fail(Code::kInvalid, "invalid pipeline package: " + what); }

tl::unexpected<Error> too_large() {
  return fail(Code::kInvalid, "the pipeline is larger than " + format_bytes(static_cast<double>(kPackageBytesMax)));
}

bool is_text_name(std::string_view name) {
  const std::string lowered = lower(name);
  return lowered.ends_with(".yaml") || lowered.ends_with(".yml") || lowered.ends_with(".json");
}

// Which of these files is the pipeline. Files whose names begin with a dot (what a Mac puts beside each) are not meant.
std::optional<std::size_t> choose(const std::vector<std::string>& names) {
  std::optional<std::size_t> chosen;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string_view name = base_name(names[i]);
    if (name == "pipeline.yaml") return i;
    if (!chosen && is_text_name(name) && !name.starts_with('.')) chosen = i;
  }
  return chosen;
}

// `window`: what zlib calls windowBits; -15 raw deflate, 31 gzip.
Result<std::string> inflate_all(std::string_view packed, int window, std::uint64_t bytes_max) {
  z_stream stream{};
  if (inflateInit2(&stream, window) != Z_OK) return fail(Code::kUnavailable, "zlib has no memory");
  std::string out;
  std::array<char, std::size_t{64} * 1024> buffer{};
  // zlib does not write to its input, but its older interface says that it might.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  int status = Z_OK;
  while (status == Z_OK && out.size() <= bytes_max) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = static_cast<uInt>(buffer.size());
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer.data(), buffer.size() - stream.avail_out);
    // A gzip file may consist of several.
    if (status == Z_STREAM_END && window == 31 && stream.avail_in > 0 && *stream.next_in == 0x1f) status = inflateReset(&stream);
  }
  inflateEnd(&stream);
  if (out.size() > bytes_max) return too_large();
  if (status != Z_STREAM_END) return broken("its compressed data are damaged or cut short");
  return out;
}

class Zip {
 public:
  explicit Zip(std::string_view bytes) : bytes_(bytes) {}

  Result<std::string> pipeline() {
    SLUICE_TRY_STATUS(read_directory());
    std::vector<std::string> names;
    names.reserve(entries_.size());
    for (const Entry& entry : entries_) names.push_back(entry.name);
    const auto chosen = choose(names);
    if (!chosen) return broken("there is no YAML file in the zip file");
    return extract(entries_[*chosen]);
  }

 private:
  struct Entry {
    std::string name;
    std::uint32_t flags, method, crc, packed_bytes, bytes, offset;
  };

  // Little-endian; the caller has checked that it is there.
  std::uint32_t number(std::size_t at, std::size_t size) const {
    std::uint32_t value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8U | static_cast<unsigned char>(bytes_[at + i]);
    return value;
  }

  // The end record lies in the last 22 bytes, or before a comment of up to 64 KiB.
  std::optional<std::size_t> end_record() const {
    constexpr std::size_t kBytes = 22;
    if (bytes_.size() < kBytes) return std::nullopt;
    const std::size_t last = bytes_.size() - kBytes;
    const std::size_t first = last > 0xffff ? last - 0xffff : 0;
    for (std::size_t at = last + 1; at-- > first;)
      if (bytes_.substr(at, 4) == std::string_view("PK\5\6")) return at;
    return std::nullopt;
  }

  Status read_directory() {
    constexpr std::size_t kBytes = 46;  // of an entry, without its name
    const auto end = end_record();
    if (!end) return broken("the zip file is cut short");
    std::size_t at = number(*end + 16, 4);
    for (std::uint32_t left = number(*end + 10, 2); left > 0; --left) {
      if (at > bytes_.size() || bytes_.size() - at < kBytes || bytes_.substr(at, 4) != std::string_view("PK\1\2"))
        return broken("the zip file's directory is damaged");
      const std::size_t name_bytes = number(at + 28, 2);
      entries_.push_back({std::string(bytes_.substr(at + kBytes, name_bytes)), number(at + 8, 2), number(at + 10, 2),
                          number(at + 16, 4), number(at + 20, 4), number(at + 24, 4), number(at + 42, 4)});
      at += kBytes + name_bytes + number(at + 30, 2) + number(at + 32, 2);
    }
    return {};
  }

  Result<std::string> extract(const Entry& entry) const {
    constexpr std::size_t kBytes = 30;  // of the header in front of the data, without the name
    constexpr std::uint32_t kEncrypted = 1;
    if ((entry.flags & kEncrypted) != 0) return broken("'" + entry.name + "' is encrypted");
    if (entry.bytes > kPackageBytesMax) return too_large();
    if (entry.offset > bytes_.size() || bytes_.size() - entry.offset < kBytes) return broken("the zip file is cut short");
    const std::size_t data = entry.offset + kBytes + number(entry.offset + 26, 2) + number(entry.offset + 28, 2);
    if (data > bytes_.size() || bytes_.size() - data < entry.packed_bytes) return broken("the zip file is cut short");
    const std::string_view packed = bytes_.substr(data, entry.packed_bytes);
    std::string text;
    if (entry.method == Z_DEFLATED) {
      SLUICE_TRY(text, inflate_all(packed, -15, kPackageBytesMax));
    } else if (entry.method == 0) {
      text = packed;
    } else {
      return broken("'" + entry.name + "' is compressed by a method other than deflate");
    }
    const auto crc = crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size()));
    if (text.size() != entry.bytes || crc != entry.crc) return broken("'" + entry.name + "' is damaged");
    return text;
  }

  std::string_view bytes_;
  std::vector<Entry> entries_;
};

// A field of a tar header: up to its NUL.
std::string_view tar_text(std::string_view block, std::size_t at, std::size_t size) {
  const std::string_view field = block.substr(at, size);
  return field.substr(0, field.find('\0'));
}

std::optional<std::uint64_t> octal(std::string_view field) {
  const std::string_view digits = trim(field);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 8);
  return error == std::errc{} && end == digits.data() + digits.size() ? std::optional(value) : std::nullopt;
}

bool has_good_checksum(std::string_view block) {
  constexpr std::size_t kAt = 148;
  constexpr std::size_t kSize = 8;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i)
    sum += i >= kAt && i < kAt + kSize ? std::uint64_t{' '} : static_cast<unsigned char>(block[i]);
  return octal(tar_text(block, kAt, kSize)) == sum;
}

// The path among the records "27 path=a/b.yaml\n" of an extended header; empty if there is none.
std::string pax_path(std::string_view records) {
  for (const std::string_view line : split(records, '\n'))
    if (const auto field = line.substr(line.find(' ') + 1); field.starts_with("path=")) return std::string(field.substr(5));
  return {};
}

Result<std::string> pipeline_of_tar(std::string_view tar) {
  constexpr std::size_t kBlock = 512;
  std::vector<std::string> names;
  std::vector<std::string_view> contents;
  std::string long_name;  // of the next file, from a header of its own
  for (std::size_t at = 0; at + kBlock <= tar.size() && tar[at] != '\0';) {
    const std::string_view block = tar.substr(at, kBlock);
    at += kBlock;
    const auto size = octal(tar_text(block, 124, 12));
    if (!has_good_checksum(block) || !size || *size > tar.size() - at) return broken("the tar file is damaged or cut short");
    const std::string_view content = tar.substr(at, *size);
    at += std::min<std::size_t>((*size + kBlock - 1) / kBlock * kBlock, tar.size() - at);
    const char type = block[156];
    if (type == 'x') {
      long_name = pax_path(content);
    } else if (type == 'L') {
      long_name = content.substr(0, content.find('\0'));
    } else if (type != 'g') {
      if (type == '0' || type == '\0') {
        names.emplace_back(long_name.empty() ? std::string(tar_text(block, 0, 100)) : long_name);
        contents.push_back(content);
      }
      long_name.clear();
    }
  }
  const auto chosen = choose(names);
  if (!chosen) return broken("there is no YAML file in the tar file");
  if (contents[*chosen].size() > kPackageBytesMax) return too_large();
  return std::string(contents[*chosen]);
}

}  // namespace

bool is_archive(std::string_view bytes) { return bytes.starts_with(kZipMagic) || bytes.starts_with(kGzipMagic); }

Result<std::string> unpack_pipeline(std::string_view file_name, std::string_view bytes) {
  if (bytes.size() > kPackageBytesMax) return too_large();
  if (is_text_name(file_name)) return std::string(bytes);
  if (bytes.starts_with(kZipMagic)) return Zip(bytes).pipeline();
  if (bytes.starts_with(kGzipMagic)) {
    SLUICE_TRY(const std::string tar, inflate_all(bytes, 31, kUnpackedBytesMax));
    return pipeline_of_tar(tar);
  }
  return fail(Code::kInvalid, "unexpected pipeline file format of '" + std::string(file_name) + "'",
              "it must be .yaml, .yml, .json, .zip or .tar.gz");
}

}  // namespace sluice
