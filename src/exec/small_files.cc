#include "exec/small_files.h"

#include <algorithm>
#include <fstream>
#include <sstream>

namespace sluice {

std::optional<std::string> small_file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || file.peek() == std::ifstream::traits_type::eof())
    return file.is_open() && !file.bad() ? std::optional<std::string>("") : std::nullopt;
  std::stringstream text;
  if (!(text << file.rdbuf())) return std::nullopt;
  return text.str();
}

std::vector<std::filesystem::path> folder_entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  std::error_code error;
  std::filesystem::directory_iterator entry(folder, error);
  // The increment of a range-based for would throw.
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) out.push_back(entry->path());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace sluice
