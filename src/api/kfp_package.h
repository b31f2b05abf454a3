// What people upload as a pipeline: a text, or a text in a zip or gzipped tar file.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

// Of an upload, and of the text in it.
constexpr std::uint64_t kPackageBytesMax = std::uint64_t{32} << 20U;
// A tar file is unpacked as a whole.
constexpr std::uint64_t kUnpackedBytesMax = std::uint64_t{64} << 20U;

// The pipeline's text: the bytes themselves if the name ends in .yaml, .yml or .json; in an archive (known by its first bytes)
// the file pipeline.yaml, else the first that ends so. kInvalid for anything else, and for what is larger than the bounds,
// however well it is packed.
Result<std::string> unpack_pipeline(std::string_view file_name, std::string_view bytes);

// A zip or gzip file, by its first bytes.
bool is_archive(std::string_view bytes);

}  // namespace sluice
