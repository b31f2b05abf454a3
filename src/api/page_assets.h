// The files of the page, which the build puts into the program.
#pragma once

#include <span>
#include <string_view>

namespace sluice {

struct PageAsset {
  std::string_view path;  // "/assets/page.js"
  std::string_view content_type;
  std::string_view content;
};
std::span<const PageAsset> page_assets();

}  // namespace sluice
