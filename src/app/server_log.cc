#include "app/server_log.h"

#include <unistd.h>

#include <cerrno>

#include "base/json.h"

namespace sluice {
namespace {

std::string_view name_of(LogLevel level) {
  return level == LogLevel::kInfo ? "info" : level == LogLevel::kWarning ? "warning" : "error";
}

// As it is if it is one plain word, else quoted: a value cannot look like the next field, or like the next line.
std::string field_text(const std::string& value) {
  const bool is_plain = !value.empty() && value.find_first_of(" \t\"=\\") == std::string::npos &&
                        value.find_first_of(std::string("\n\r\0\x1b", 4)) == std::string::npos;
  if (is_plain) return value;
  std::string out;
  append_json_string(out, value);
  return out;
}

}  // namespace

std::string ServerLog::text_line(LogLevel level, std::string_view message, std::initializer_list<Field> fields,
                                 Instant now) const {
  std::string line = format_rfc3339(now, true) + " " + std::string(name_of(level)) + " ";
  line.append(7 - name_of(level).size(), ' ');
  line += message;
  for (const auto& [key, value] : fields) line += "  " + std::string(key) + "=" + field_text(value);
  return line + "\n";
}

std::string ServerLog::json_line(LogLevel level, std::string_view message, std::initializer_list<Field> fields,
                                 Instant now) const {
  JsonWriter json;
  json.begin_object().field("at", format_rfc3339(now, true)).field("level", name_of(level)).field("message", message);
  for (const auto& [key, value] : fields) json.field(key, value);
  return json.end_object().take() + "\n";
}

void ServerLog::write(LogLevel level, std::string_view message, std::initializer_list<Field> fields) const {
  const Instant now = SystemClock().now();
  const std::string line = json_ ? json_line(level, message, fields, now) : text_line(level, message, fields, now);
  const std::lock_guard lock(mutex_);
  for (std::string_view rest = line; !rest.empty();) {
    const auto written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace sluice
