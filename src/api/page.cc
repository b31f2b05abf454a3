// The page at / and what it loads.
#include "api/api.h"
#include "api/page_assets.h"
#include "base/sha256.h"

namespace sluice {
namespace {

// Script and style come from our own files only, and no other site shows the page in a frame to have its buttons clicked.
// blob: what was fetched with a token, to be saved.
constexpr const char* kPolicy =
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

HttpResponse asset_response(const PageAsset& asset, const std::string& etag, const HttpRequest& request) {
  HttpResponse response{.content_type = std::string(asset.content_type),
                        // Asked for anew each time, answered by 304 mostly: a new version shows at once.
                        .headers = {{"ETag", etag}, {"Cache-Control", "no-cache"}, {"Content-Security-Policy", kPolicy}}};
  if (request.header("if-none-match") == etag) {
    response.status = 304;
    response.content_type.clear();
  } else {
    response.body = asset.content;
  }
  return response;
}

}  // namespace

void add_page_routes(Router& router) {
  for (const PageAsset& asset : page_assets())
    router.add({.method = "GET",
                .pattern = std::string(asset.path),
                .summary = "A file of the page",
                .handler = [&asset, etag = "\"" + sha256_hex(asset.content) + "\""](
                               const Call& call) { call.responder.send(asset_response(asset, etag, *call.request)); },
                .response_type = std::string(asset.content_type)});
}

}  // namespace sluice
