#include "api/page_assets.h"

#include <array>

// The assembler copies the files in; CMake knows that this unit depends on them. No generator, no array of a million numbers.
#define SLUICE_ASSET(name, file)                                            \
  extern "C" const char sluice_asset_##name[], sluice_asset_##name##_end[]; \
  asm(".pushsection .rodata\n"                                              \
      ".global sluice_asset_" #name                                         \
      "\n"                                                                  \
      ".global sluice_asset_" #name                                         \
      "_end\n"                                                              \
      "sluice_asset_" #name                                                 \
      ":\n"                                                                 \
      ".incbin \"" SLUICE_PAGE_FOLDER "/" file                              \
      "\"\n"                                                                \
      "sluice_asset_" #name                                                 \
      "_end:\n"                                                             \
      ".byte 0\n"                                                           \
      ".popsection\n")

SLUICE_ASSET(index, "index.html");
SLUICE_ASSET(style, "page.css");
SLUICE_ASSET(icon, "icon.svg");
SLUICE_ASSET(page, "page.js");
SLUICE_ASSET(dom, "dom.js");
SLUICE_ASSET(server, "server.js");
SLUICE_ASSET(runs, "runs.js");
SLUICE_ASSET(run, "run.js");
SLUICE_ASSET(tree, "tree.js");
SLUICE_ASSET(logs, "logs.js");
SLUICE_ASSET(artifacts, "artifacts.js");
SLUICE_ASSET(catalog, "catalog.js");

namespace sluice {
namespace {

constexpr std::string_view kScript = "text/javascript; charset=utf-8";

std::string_view between(const char* begin, const char* end) { return {begin, static_cast<std::size_t>(end - begin)}; }

}  // namespace

#define SLUICE_CONTENT(name) between(sluice_asset_##name, sluice_asset_##name##_end)

std::span<const PageAsset> page_assets() {
  static const std::array<PageAsset, 12> kAssets{{
      {"/", "text/html; charset=utf-8", SLUICE_CONTENT(index)},
      {"/assets/page.css", "text/css; charset=utf-8", SLUICE_CONTENT(style)},
      {"/assets/icon.svg", "image/svg+xml", SLUICE_CONTENT(icon)},
      {"/assets/page.js", kScript, SLUICE_CONTENT(page)},
      {"/assets/dom.js", kScript, SLUICE_CONTENT(dom)},
      {"/assets/server.js", kScript, SLUICE_CONTENT(server)},
      {"/assets/runs.js", kScript, SLUICE_CONTENT(runs)},
      {"/assets/run.js", kScript, SLUICE_CONTENT(run)},
      {"/assets/tree.js", kScript, SLUICE_CONTENT(tree)},
      {"/assets/logs.js", kScript, SLUICE_CONTENT(logs)},
      {"/assets/artifacts.js", kScript, SLUICE_CONTENT(artifacts)},
      {"/assets/catalog.js", kScript, SLUICE_CONTENT(catalog)},
  }};
  return kAssets;
}

}  // namespace sluice
