// Messages of KFP's API by the rules of proto3 JSON: strict reading, and writing without what is at its default.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "base/value.h"
#include "store/catalog.h"

namespace sluice {

// Reads the fields of one message, each once, under its snake_case name; the body may spell it in lowerCamelCase. Null is the
// same as absent. The first thing that is wrong is kept: kInvalid, with the path of the field in front. The value must outlive
// this.
class MessageReader {
 public:
  MessageReader(const Value& message, std::string path, std::optional<Error>& problem);

  bool has(std::string_view name) { return take(name) != nullptr; }
  std::string text(std::string_view name);
  bool flag(std::string_view name);
  // A number without a fraction, or text that holds one.
  std::int64_t integer(std::string_view name);
  // google.protobuf.Timestamp: RFC 3339 text.
  std::optional<Instant> time(std::string_view name);
  // An enum by its name or its number: the name. Names in the order of the numbers; an empty one is a number that is not used.
  std::string_view choice(std::string_view name, std::span<const std::string_view> names);
  std::optional<MessageReader> message(std::string_view name);
  // google.protobuf.Struct, or map<string, Value>; null pointer: absent.
  const Value* structure(std::string_view name);
  const List* list(std::string_view name);
  std::optional<Tags> texts(std::string_view name);  // map<string, string>
  // Fields that this server fills in itself: whatever is sent there is passed over.
  void pass_over(std::initializer_list<std::string_view> names);
  // Call last: a field that nobody has asked for is an error.
  void refuse_others();

  void error(std::string_view name, std::string_view what);
  std::string path_of(std::string_view name) const;

 private:
  const Value* take(std::string_view name);
  const Value* take(std::string_view name, Value::Kind kind);

  const Value* message_;
  std::string path_;
  std::optional<Error>* problem_;
  std::set<std::string, std::less<>> known_;  // in both spellings
};

// Reads `body` with read(MessageReader&), which need not call refuse_others().
template <class F>
Status read_message(std::string_view body, F read) {
  const auto value = parse_json(body);
  if (!value) return fail(Code::kInvalid, "the body is not JSON: " + value.error().message);
  std::optional<Error> problem;
  MessageReader reader(*value, "", problem);
  read(reader);
  reader.refuse_others();
  if (problem) return fail(std::move(*problem));
  return {};
}

// "page_size" -> "pageSize"
std::string camel_case(std::string_view name);

// The fields of an open JSON object; empty text, 0 and false are left out.
class FieldWriter {
 public:
  explicit FieldWriter(JsonWriter& json) : json_(json) {}
  FieldWriter& text(std::string_view name, std::string_view value);
  FieldWriter& integer(std::string_view name, std::int64_t value);  // int32
  FieldWriter& integer64(std::string_view name, std::int64_t value);  // as text
  FieldWriter& flag(std::string_view name, bool value);
  FieldWriter& time(std::string_view name, Instant value);  // 1970 is written too
  FieldWriter& texts(std::string_view name, const Tags& values);
  // google.rpc.Status; nothing for an empty message.
  FieldWriter& error(std::string_view name, int code, std::string_view message);
  JsonWriter& json() { return json_; }

 private:
  JsonWriter& json_;
};

}  // namespace sluice
