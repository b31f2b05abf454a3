#include "api/guard.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/sha256.h"
#include "base/text.h"
#include "net/url.h"

namespace sluice {
namespace {

// More would not be tokens.
constexpr std::size_t kTokensFileMax = 1 << 20U;
constexpr std::size_t kTokenLengthMin = 8;

// Answered without a token: what a load balancer asks, and the page, which has to ask its user for one.
bool is_public(std::string_view path) {
  constexpr std::array kPaths{"/", "/healthz", "/livez", "/readyz", "/health", "/version", "/apis/v2beta1/healthz"};
  return std::find(kPaths.begin(), kPaths.end(), path) != kPaths.end() || path.starts_with("/assets/");
}
bool is_page(std::string_view path) { return path == "/" || path.starts_with("/assets/"); }

bool is_address(const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool is_our_name(const GuardOptions& options, std::string host) {
  if (host.ends_with('.')) host.pop_back();
  if (is_address(host) || host == "localhost" || host.ends_with(".localhost")) return true;
  return std::any_of(options.hosts.begin(), options.hosts.end(), [&](const std::string& name) { return lower(name) == host; });
}

// All of the tokens are compared, so that the time does not tell its place in the list.
bool is_known(const std::vector<std::string>& tokens, std::string_view given) {
  bool known = false;
  for (const std::string& token : tokens)
    if (same_secret(token, given)) known = true;
  return known;
}

std::optional<std::string_view> bearer(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  if (lower(header.substr(0, kScheme.size())) != kScheme) return std::nullopt;
  return trim(header.substr(kScheme.size()));
}

GuardRefusal forbidden(std::string message) {
  return {403, {Code::kInvalid, std::move(message), "call it from the page of this server itself"}};
}

std::optional<GuardRefusal> refuse_host(const GuardOptions& options, const HttpRequest& head, std::optional<HostPort>& host) {
  const auto named =
      std::count_if(head.headers.begin(), head.headers.end(), [](const auto& h) { return lower(h.name) == "host"; });
  host = named == 1 ? parse_host(head.header("host")) : std::nullopt;
  if (!host) return GuardRefusal{400, {Code::kInvalid, "the request needs one Host header that is a name or an address", ""}};
  host->host = lower(host->host);
  if (is_our_name(options, host->host)) return std::nullopt;
  return GuardRefusal{400,
                      {Code::kInvalid, "this server is not called '" + host->host + "'",
                       "call it by its address or localhost, or start it with --allow-host " + host->host}};
}

std::optional<GuardRefusal> refuse_origin(const HttpRequest& head, const HostPort& host) {
  const std::string_view origin = head.header("origin");
  if (!origin.empty()) {
    const std::string_view scheme = head.is_tls ? "https" : "http";
    const int standard = head.is_tls ? 443 : 80;
    const auto url = parse_url(origin);
    const auto port_or = [&](int port) { return port == 0 ? standard : port; };
    const bool is_us = url && url->scheme == scheme && lower(url->host) == host.host &&
                       port_or(url->port) == port_or(host.port) && url->target == "/";
    if (!is_us) return forbidden("a page of " + std::string(origin) + " may not call this server");
  }
  if (head.header("sec-fetch-site") != "cross-site") return std::nullopt;
  if (head.method == "GET" && head.header("sec-fetch-mode") == "navigate" && is_page(head.path())) return std::nullopt;
  return forbidden("a page of another site may not call this server");
}

}  // namespace

Result<std::vector<std::string>> read_tokens(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_errno("open token file " + path, errno);
  std::string text;
  struct stat status{};
  bool ok = fstat(fd, &status) == 0;
  std::array<char, 65536> buffer{};
  while (ok && text.size() <= kTokensFileMax) {
    const auto size = read(fd, buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) continue;
    ok = size >= 0;
    if (size <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(size));
  }
  const int error = errno;
  close(fd);
  if (!ok) return fail_errno("read token file " + path, error);
  if (S_ISREG(status.st_mode) && (status.st_mode & 077U) != 0)
    return fail(Code::kInvalid, "token file " + path + " can be read by others", "chmod 600 " + path);
  if (text.size() > kTokensFileMax) return fail(Code::kInvalid, "token file " + path + " is longer than 1 MiB");
  std::vector<std::string> tokens;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    const bool plain = std::all_of(line.begin(), line.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (!plain || line.size() < kTokenLengthMin)
      return fail(Code::kInvalid, "token file " + path + ", line " + std::to_string(number) +
                                      ": a token is at least 8 printable characters without blanks");
    tokens.emplace_back(line);
  }
  if (tokens.empty())
    return fail(Code::kInvalid, "token file " + path + " has no token", "write one per line, for example: openssl rand -hex 32");
  return tokens;
}

std::optional<GuardRefusal> refuse(const GuardOptions& options, const HttpRequest& head) {
  if (head.peer == "unix") return std::nullopt;
  std::optional<HostPort> host;
  if (auto refusal = refuse_host(options, head, host)) return refusal;
  if (auto refusal = refuse_origin(head, *host)) return refusal;
  if (options.tokens.empty() || is_public(head.path())) return std::nullopt;
  const std::string_view given = head.header("authorization");
  if (given.empty())
    return GuardRefusal{401, {Code::kInvalid, "this server asks for a token", "send the header Authorization: Bearer TOKEN"}};
  const auto token = bearer(given);
  if (!token) return GuardRefusal{401, {Code::kInvalid, "the Authorization header must be 'Bearer TOKEN'", ""}};
  if (is_known(options.tokens, *token)) return std::nullopt;
  return GuardRefusal{401, {Code::kInvalid, "the token is not one of this server's", ""}};
}

}  // namespace sluice
