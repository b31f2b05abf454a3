// A method and a path from anybody, against patterns of every kind.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/router.h"

namespace {

sluice::Router make_router() {
  sluice::Router router;
  router.family("/", [](const sluice::Error& error) { return sluice::json_response(error.message, 400); });
  for (const char* pattern : {"/", "/runs", "/runs/{run}", "/runs/{run}:retry", "/runs/{run}/tasks", "/runs/{run}/{kind}:read",
                              "/runs/{run}/files/{path...}", "/{rest...}"})
    router.add({.method = "GET", .pattern = pattern});
  router.add({.method = "POST", .pattern = "/runs/{run}:archive"});
  return router;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const sluice::Router router = make_router();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto blank = text.find(' ');
  const std::string_view method = blank == std::string_view::npos ? "GET" : text.substr(0, blank);
  const std::string_view path = blank == std::string_view::npos ? text : text.substr(blank + 1);
  const auto match = router.match(method, path);
  if (match.route == nullptr && match.refusal.status < 204) std::abort();
  for (const auto& [name, value] : match.path)
    if (value.empty()) std::abort();
  return 0;
}
