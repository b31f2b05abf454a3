#include "net/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace sluice {
namespace {

constexpr std::size_t kQueryFieldsMax = 1000;
constexpr std::size_t kHostBytesMax = 253;  // the longest name that DNS can hold

// Of ASCII alone: what a letter is must not depend on the locale.
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

int hex_digit(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_percent(std::string& out, char c) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out += '%';
  out += kDigits[byte >> 4U];
  out += kDigits[byte & 0xFU];
}

std::optional<int> parse_port(std::string_view text) {
  int port = 0;
  const auto [used, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool is_number = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
  if (!is_number || error != std::errc{} || port < 1 || port > 65535) return std::nullopt;
  return port;
}

bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return text.find('\0') == std::string::npos && inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= kHostBytesMax && text.front() != '.' &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_scheme(std::string_view text) {
  return !text.empty() && is_letter(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  });
}

}  // namespace

std::optional<std::string> decode_percent(std::string_view text, bool plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

std::string encode_percent(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~')
      out += c;
    else
      append_percent(out, c);
  }
  return out;
}

Result<QueryFields> parse_query(std::string_view query) {
  QueryFields out;
  for (const auto field : split(query, '&')) {
    if (field.empty()) continue;  // "a=1&&b=2", and a query that is empty
    const auto equals = field.find('=');
    auto name = decode_percent(field.substr(0, equals), true);
    auto value = decode_percent(equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1), true);
    if (!name || !value)
      return fail(Code::kInvalid, "a % that is not followed by two hex digits in the query field '" + std::string(field) + "'",
                  "write a percent sign as %25");
    if (out.size() == kQueryFieldsMax)
      return fail(Code::kInvalid, "a query of more than " + std::to_string(kQueryFieldsMax) + " fields");
    out.emplace_back(std::move(*name), std::move(*value));
  }
  return out;
}

std::optional<HostPort> parse_host(std::string_view text) {
  HostPort out;
  std::string_view rest;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    out.host = lower(text.substr(1, end - 1));
    rest = text.substr(end + 1);
    if (!is_ipv6(out.host)) return std::nullopt;
  } else {
    const auto colon = text.find(':');
    if (!is_host_name(text.substr(0, colon))) return std::nullopt;
    out.host = lower(text.substr(0, colon));
    rest = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
  }
  if (rest.empty()) return out;
  const auto port = rest.front() == ':' ? parse_port(rest.substr(1)) : std::nullopt;
  if (!port) return std::nullopt;
  out.port = *port;
  return out;
}

Result<Url> parse_url(std::string_view text) {
  const auto wrong = [&](const std::string& why) { return fail(Code::kInvalid, "URL '" + std::string(text) + "': " + why); };
  // A fragment is the reader's own business and is never sent.
  const std::string_view sent = text.substr(0, text.find('#'));
  const auto mark = sent.find("://");
  if (mark == std::string_view::npos || !is_scheme(sent.substr(0, mark)))
    return wrong("it does not begin with a scheme such as http://");
  Url out{.scheme = lower(sent.substr(0, mark))};
  const std::string_view rest = sent.substr(mark + 3);
  const auto host_end = std::min(rest.find_first_of("/?"), rest.size());
  const std::string_view authority = rest.substr(0, host_end);
  if (authority.find('@') != std::string_view::npos) return wrong("a user name in a URL is not supported");
  auto host = parse_host(authority);
  if (!host) return wrong("'" + std::string(authority) + "' is not a host, or a host and a port");
  out.host = std::move(host->host);
  out.port = host->port;
  if (!rest.substr(host_end).starts_with('/')) out.target = '/';
  for (const char c : rest.substr(host_end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7F) return wrong("a space or a control character has to be written as %XX");
    // What people type: "/größe". Everything beyond ASCII travels encoded.
    if (byte >= 0x80)
      append_percent(out.target, c);
    else
      out.target += c;
  }
  return out;
}

}  // namespace sluice
