// A file that is there as a whole or not at all, whoever looks at whatever moment.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace sluice {

// Writes beside `path`, and renames.
Status write_whole_file(const std::string& path, std::string_view content);

}  // namespace sluice
