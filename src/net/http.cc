#include "net/http.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  const auto low = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return low(x) == low(y); });
}

struct StatusText {
  int status;
  std::string_view text;
};
constexpr std::array<StatusText, 31> kTexts{{{100, "Continue"},
                                             {200, "OK"},
                                             {201, "Created"},
                                             {202, "Accepted"},
                                             {204, "No Content"},
                                             {206, "Partial Content"},
                                             {301, "Moved Permanently"},
                                             {302, "Found"},
                                             {304, "Not Modified"},
                                             {307, "Temporary Redirect"},
                                             {308, "Permanent Redirect"},
                                             {400, "Bad Request"},
                                             {401, "Unauthorized"},
                                             {403, "Forbidden"},
                                             {404, "Not Found"},
                                             {405, "Method Not Allowed"},
                                             {408, "Request Timeout"},
                                             {409, "Conflict"},
                                             {411, "Length Required"},
                                             {412, "Precondition Failed"},
                                             {413, "Content Too Large"},
                                             {415, "Unsupported Media Type"},
                                             {416, "Range Not Satisfiable"},
                                             {429, "Too Many Requests"},
                                             {431, "Request Header Fields Too Large"},
                                             {499, "Client Closed Request"},
                                             {500, "Internal Server Error"},
                                             {501, "Not Implemented"},
                                             {503, "Service Unavailable"},
                                             {504, "Gateway Timeout"},
                                             {505, "HTTP Version Not Supported"}}};

}  // namespace

std::string_view find_header(const std::vector<HttpHeader>& headers, std::string_view name) {
  for (const HttpHeader& header : headers)
    if (same_name(header.name, name)) return header.value;
  return {};
}

std::string_view HttpRequest::path() const { return std::string_view(target).substr(0, target.find('?')); }

std::string_view HttpRequest::query() const {
  const auto mark = target.find('?');
  return mark == std::string::npos ? std::string_view() : std::string_view(target).substr(mark + 1);
}

std::string_view status_text(int status) {
  for (const StatusText& known : kTexts)
    if (known.status == status) return known.text;
  return "Unknown";
}

int http_status(Code code) {
  switch (code) {
    case Code::kInvalid: return 400;
    case Code::kNotFound: return 404;
    case Code::kConflict: return 409;
    case Code::kUnavailable: return 503;
    case Code::kCancelled: return 499;
    case Code::kTimeout: return 504;
    case Code::kCorrupt:
    case Code::kInternal: break;
  }
  return 500;
}

}  // namespace sluice
