#include "net/url.h"

namespace sluice {
namespace {

struct Line {
  std::string_view text;
  std::size_t end = 0;  // where the next one begins
};

// The line at `begin`; nothing if its end has not arrived. It ends with \n, \r or \r\n, so a \r that is the last byte has to
// wait.
std::optional<Line> line_at(std::string_view bytes, std::size_t begin) {
  const auto end = bytes.find_first_of("\r\n", begin);
  if (end == std::string_view::npos) return std::nullopt;
  const bool is_return = bytes[end] == '\r';
  if (is_return && end + 1 == bytes.size()) return std::nullopt;
  const bool is_pair = is_return && bytes[end + 1] == '\n';
  return Line{bytes.substr(begin, end - begin), end + (is_pair ? 2 : 1)};
}

// A name or an id holds no line end, which would begin another field, and no NUL, for which an id is passed over.
void append_field(std::string& out, std::string_view name, std::string value) {
  std::erase_if(value, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
  if (!value.empty()) out.append(name).append(": ").append(value) += '\n';
}

// An event of which the lines up to an empty one have been read.
struct Reading {
  ServerEvent event;
  bool has_data = false;

  void take(std::string_view line) {
    const auto colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (name == "id" && value.find('\0') == std::string_view::npos) event.id = value;
    if (name == "event") event.event = value;
    if (name != "data") return;
    if (has_data) event.data += '\n';
    event.data += value;
    has_data = true;
  }
};

}  // namespace

std::string event_text(const ServerEvent& event) {
  std::string out;
  append_field(out, "id", event.id);
  append_field(out, "event", event.event);
  std::size_t begin = 0;
  while (const auto line = line_at(event.data, begin)) {
    out.append("data: ").append(line->text) += '\n';
    begin = line->end;
  }
  std::string_view last = std::string_view(event.data).substr(begin);
  out.append("data: ");
  if (last.ends_with('\r')) {  // a line end as well, as nothing follows it
    last.remove_suffix(1);
    out.append(last).append("\ndata: ");
    last = {};
  }
  return out.append(last).append("\n\n");
}

std::optional<ServerEvent> EventReader::next() {
  Reading reading;
  std::size_t begin = used_;
  while (const auto line = line_at(buffer_, begin)) {
    begin = line->end;
    if (!line->text.empty()) {
      reading.take(line->text);  // a comment has an empty name, and is nobody's field
      continue;
    }
    used_ = begin;
    // Without data it is no event (HTML, 9.2.6): a comment that keeps the connection alive, for one.
    if (reading.has_data) return std::move(reading.event);
    reading = {};
  }
  buffer_.erase(0, used_);
  used_ = 0;
  return std::nullopt;
}

}  // namespace sluice
