#include <algorithm>

#include "base/text.h"
#include "net/http_client.h"
#include "net/url.h"

namespace sluice {
namespace {

constexpr int kRedirectsMax = 5;

bool is_redirect(int status) { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

std::string origin_text(const Url& url) {
  const std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  return url.scheme + "://" + host + (url.port == 0 ? "" : ":" + std::to_string(url.port));
}

int port_of(const Url& url) { return url.port != 0 ? url.port : url.scheme == "https" ? 443 : 80; }

bool is_same_origin(const Url& a, const Url& b) { return a.scheme == b.scheme && a.host == b.host && port_of(a) == port_of(b); }

// "/a/./b/../c" -> "/a/c" (RFC 3986, 5.2.4).
std::string without_dots(std::string_view path) {
  std::vector<std::string> kept;
  const auto segments = split(path.substr(1), '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const bool is_dots = segments[i] == "." || segments[i] == "..";
    if (segments[i] == ".." && !kept.empty()) kept.pop_back();
    if (!is_dots) kept.emplace_back(segments[i]);
    if (is_dots && i + 1 == segments.size()) kept.emplace_back();  // "/a/.." is "/", a folder
  }
  return "/" + join(kept, "/");
}

// Where `location` leads from `base`.
Result<Url> resolve(const Url& base, std::string_view location) {
  location = location.substr(0, location.find('#'));
  const auto path_begin = location.find_first_of("/?");
  const bool has_scheme = location.substr(0, path_begin).find(':') != std::string_view::npos;
  if (has_scheme) return parse_url(location);
  if (location.starts_with("//")) return parse_url(base.scheme + ":" + std::string(location));
  const auto query = std::min(location.find('?'), location.size());
  const std::string base_path = base.target.substr(0, base.target.find('?'));
  std::string path(location.substr(0, query));
  if (path.empty())
    path = base_path;
  else if (!path.starts_with('/'))
    path.insert(0, base_path.substr(0, base_path.rfind('/') + 1));
  return parse_url(origin_text(base) + without_dots(path) + std::string(location.substr(query)));
}

}  // namespace

Result<HttpReply> http_get(const std::string& url, HttpClientOptions options) {
  SLUICE_TRY(const Url first, parse_url(url));
  Url at = first;
  for (int redirects = 0;; ++redirects) {
    if (redirects > kRedirectsMax)
      return fail(Code::kInvalid, "URL '" + url + "': more than " + std::to_string(kRedirectsMax) + " redirects");
    // Before HttpClient::to() sees it: that one knows sockets of this machine too, and no server may send us there.
    if (at.scheme != "http" && at.scheme != "https")
      return fail(Code::kInvalid, "URL '" + url + "': the scheme '" + at.scheme + "' is not spoken here", "http:// or https://");
    HttpClientOptions allowed = options;
    if (!is_same_origin(first, at)) allowed.token.clear();
    SLUICE_TRY(const auto client, HttpClient::to(origin_text(at), allowed));
    SLUICE_TRY(HttpReply reply, client->call({.target = at.target}));
    const std::string_view location = reply.header("Location");
    if (!is_redirect(reply.status) || location.empty()) return reply;
    auto next = resolve(at, location);
    if (!next) return fail(std::move(next.error()).with_context(origin_text(at) + at.target + " redirects to "));
    at = std::move(*next);
  }
}

}  // namespace sluice
