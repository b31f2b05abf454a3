// A form and its content type (the first line): refused, or cut into parts that lie in the body, in order. A stream of events:
// the same ones whatever the pieces it comes in.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "net/url.h"

using namespace sluice;

namespace {

void check_form(std::string_view content_type, std::string_view body) {
  const auto parts = parse_multipart(content_type, body);
  if (!parts) {
    SLUICE_CHECK(parts.error().code == Code::kInvalid && parts.error().message.size() < 400);
    return;
  }
  SLUICE_CHECK(parts->size() <= 100);
  const char* at = body.data();
  for (const FormPart& part : *parts) {
    SLUICE_CHECK(part.content.data() >= at && part.content.data() + part.content.size() <= body.data() + body.size());
    at = part.content.data() + part.content.size();
  }
}

std::string events_of(std::string_view stream, std::size_t piece) {
  EventReader reader;
  std::string out;
  for (std::size_t begin = 0; begin < stream.size(); begin += piece) {
    reader.append(stream.substr(begin, piece));
    while (const auto event = reader.next()) out += event_text(*event);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = std::min(text.find('\n'), text.size());
  check_form(text.substr(0, line), text.substr(std::min(line + 1, text.size())));
  check_form("multipart/form-data; boundary=b", text);

  const std::string events = events_of(text, size + 1);
  SLUICE_CHECK(events_of(text, 1) == events && events_of(text, 7) == events);
  SLUICE_CHECK(events_of(events, 3) == events);
  return 0;
}
