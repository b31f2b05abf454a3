// Reading small files and folders, where one that cannot be read is as good as one that is not there.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sluice {

// Nothing if it cannot be read. For configuration and caches: the whole file is in memory.
std::optional<std::string> small_file_text(const std::string& path);

// What is in the folder, in the order of names.
std::vector<std::filesystem::path> folder_entries(const std::filesystem::path& folder);

}  // namespace sluice
