// JSON to Value and back. The only place that knows the JSON library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"

namespace sluice {

// kInvalid with "line:column: what" on bad text. Nesting deeper than 200 is refused. Duplicate keys: the last one wins.
Result<Value> parse_json(std::string_view text);
// As parse_json, but Python's bare NaN, Infinity and -Infinity are read as the strings "NaN", "Infinity", "-Infinity".
Result<Value> parse_json_lenient(std::string_view text);

// Compact JSON, keys sorted, integral numbers without a fraction, exponents only < 1e-6 or >= 1e21 (the ES6 rules).
std::string to_json(const Value& value);
void append_json(std::string& out, const Value& value);
// The same with an indent of two spaces and a final newline, for people.
std::string to_json_pretty(const Value& value);
// A quoted JSON string. Invalid UTF-8 bytes become U+FFFD, so the output is always valid.
void append_json_string(std::string& out, std::string_view text);
// ES6 number text: 3, 0.1, 1e+21. NaN and infinities print as null.
void append_json_number(std::string& out, double number);

// The text form of a number in KFP: shortest round trip, never an exponent (Go's 'f', -1).
std::string number_text(double number);
// The text form of any value where KFP wants a STRING: strings as they are, null "", the rest number_text or JSON.
std::string value_text(const Value& value);

// Writes a JSON document in the order given, for documents whose field order people read (and for large ones).
class JsonWriter {
 public:
  // indent 0: compact.
  explicit JsonWriter(int indent = 0) : indent_(indent) {}
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
  JsonWriter& value(std::size_t number) { return value(static_cast<std::int64_t>(number)); }
  JsonWriter& value(double number);
  JsonWriter& value(bool flag);
  JsonWriter& value(const Value& value);
  JsonWriter& null();
  template <class T>
  JsonWriter& field(std::string_view name, const T& content) {
    return key(name).value(content);
  }
  const std::string& text() const { return out_; }
  std::string take() { return std::move(out_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  void newline();

  std::string out_;
  int indent_;
  int depth_ = 0;
  bool first_ = true;      // nothing written in the open bracket yet
  bool after_key_ = false;
};

}  // namespace sluice
