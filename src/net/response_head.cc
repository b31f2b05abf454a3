#include "net/response_head.h"

#include <ctime>

namespace sluice {
namespace {

// Text for a header line: what would end the line is left out.
void append_header(std::string& out, std::string_view name, std::string_view value) {
  const auto append = [&](std::string_view text) {
    for (const char c : text)
      if (c != '\r' && c != '\n' && c != '\0') out += c;
  };
  append(name);
  out += ": ";
  append(value);
  out += "\r\n";
}

// "Tue, 24 Nov 2026 09:00:00 GMT", made once a second.
std::string_view http_date() {
  thread_local std::time_t made = 0;
  thread_local char text[40];
  const std::time_t now = std::time(nullptr);
  if (now != made) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    made = now;
  }
  return text;
}

}  // namespace

std::string response_head(const HttpResponse& response, const HeadFacts& facts) {
  std::string head;
  head.reserve(256);
  head += "HTTP/1.1 " + std::to_string(response.status) + " ";
  head += status_text(response.status);
  head += "\r\nDate: ";
  head += http_date();
  head += "\r\nServer: sluice\r\n";
  if (!response.content_type.empty()) append_header(head, "Content-Type", response.content_type);
  for (const HttpHeader& header : response.headers) append_header(head, header.name, header.value);
  const bool has_no_body = response.status == 204 || response.status == 304 || response.status < 200;
  if (facts.length && !has_no_body) head += "Content-Length: " + std::to_string(*facts.length) + "\r\n";
  if (!facts.length && facts.is_http_1_1) head += "Transfer-Encoding: chunked\r\n";
  if (!facts.keeps_alive)
    head += "Connection: close\r\n";
  else if (!facts.is_http_1_1)
    head += "Connection: keep-alive\r\n";
  head += "\r\n";
  return head;
}

HttpResponse plain_response(int status, std::string_view text) {
  return {.status = status, .content_type = "text/plain; charset=utf-8", .body = std::string(text) + "\n"};
}

}  // namespace sluice
