#include "base/diagnostic.h"

#include "base/json.h"

namespace sluice {

std::string Diagnostic::text() const {
  std::string out = file;
  if (place.line > 0) out += (out.empty() ? "" : ":") + std::to_string(place.line) + ":" + std::to_string(place.column);
  return out.empty() ? message : out + ": " + message;
}

void write_diagnostic(JsonWriter& json, const Diagnostic& diagnostic) {
  json.begin_object().field("file", diagnostic.file);
  if (diagnostic.place.line > 0)
    json.field("line", diagnostic.place.line).field("column", diagnostic.place.column);
  else
    json.key("line").null().key("column").null();
  json.field("path", diagnostic.path).field("code", code_name(diagnostic.code));
  json.field("message", diagnostic.message).field("hint", diagnostic.hint).end_object();
}

std::string diagnostics_json(const Diagnostics& errors) {
  JsonWriter json(2);
  json.begin_object().key("errors").begin_array();
  for (const Diagnostic& error : errors) write_diagnostic(json, error);
  json.end_array().end_object();
  return json.take() + "\n";
}

}  // namespace sluice
