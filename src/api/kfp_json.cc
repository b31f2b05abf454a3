#include "api/kfp_json.h"

#include <cmath>

#include "base/text.h"

namespace sluice {
namespace {

constexpr double kExactMax = 9007199254740992.0;  // 2^53

std::string kind_text(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kString: return "text";
    case Value::Kind::kNumber: return "a number";
    case Value::Kind::kBool: return "true or false";
    case Value::Kind::kList: return "a list";
    case Value::Kind::kStruct: return "an object";
    case Value::Kind::kNull: break;
  }
  return "null";
}

std::optional<std::int64_t> whole_number(const Value& value) {
  if (value.is_string()) return parse_integer(value.as_string());
  if (!value.is_number()) return std::nullopt;
  const double number = value.as_number();
  if (std::abs(number) > kExactMax || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

}  // namespace

std::string camel_case(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '_' && i + 1 < name.size())
      out += static_cast<char>(name[++i] - 'a' + 'A');
    else
      out += name[i];
  }
  return out;
}

MessageReader::MessageReader(const Value& message, std::string path, std::optional<Error>& problem)
    : message_(&message), path_(std::move(path)), problem_(&problem) {
  if (!message.is_struct() && !problem)
    problem =
        Error{Code::kInvalid, (path_.empty() ? "the body" : path_) + " must be an object, not " + kind_text(message.kind())};
}

std::string MessageReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void MessageReader::error(std::string_view name, std::string_view what) {
  if (!*problem_) *problem_ = Error{Code::kInvalid, path_of(name) + " " + std::string(what)};
}

const Value* MessageReader::take(std::string_view name) {
  const std::string camel = camel_case(name);
  const Value* value = message_->find(name);
  if (camel != name)
    if (const Value* other = message_->find(camel)) {
      if (value != nullptr) error(name, "stands twice, as " + camel + " too");
      value = other;
    }
  known_.emplace(name);
  known_.insert(camel);
  return value == nullptr || value->is_null() ? nullptr : value;
}

const Value* MessageReader::take(std::string_view name, Value::Kind kind) {
  const Value* value = take(name);
  if (value == nullptr || value->kind() == kind) return value;
  error(name, "must be " + kind_text(kind) + ", not " + kind_text(value->kind()));
  return nullptr;
}

std::string MessageReader::text(std::string_view name) {
  const Value* value = take(name, Value::Kind::kString);
  return value == nullptr ? "" : value->as_string();
}

bool MessageReader::flag(std::string_view name) {
  const Value* value = take(name, Value::Kind::kBool);
  return value != nullptr && value->as_bool();
}

std::int64_t MessageReader::integer(std::string_view name) {
  const Value* value = take(name);
  if (value == nullptr) return 0;
  const auto number = whole_number(*value);
  if (!number) error(name, "must be a whole number");
  return number.value_or(0);
}

std::optional<Instant> MessageReader::time(std::string_view name) {
  const Value* value = take(name, Value::Kind::kString);
  if (value == nullptr) return std::nullopt;
  const auto instant = parse_rfc3339(value->as_string());
  if (!instant) error(name, "must be a time such as 2026-11-24T05:36:21Z");
  return instant;
}

std::string_view MessageReader::choice(std::string_view name, std::span<const std::string_view> names) {
  const Value* value = take(name);
  if (value == nullptr) return names.front();
  if (value->is_string()) {
    for (const std::string_view candidate : names)
      if (!candidate.empty() && value->as_string() == candidate) return candidate;
  } else if (const auto number = whole_number(*value); number && *number >= 0 &&
                                                       static_cast<std::size_t>(*number) < names.size() &&
                                                       !names[static_cast<std::size_t>(*number)].empty()) {
    return names[static_cast<std::size_t>(*number)];
  }
  error(name, "has no value " + to_json(*value));
  return names.front();
}

std::optional<MessageReader> MessageReader::message(std::string_view name) {
  const Value* value = take(name, Value::Kind::kStruct);
  if (value == nullptr) return std::nullopt;
  return MessageReader(*value, path_of(name), *problem_);
}

const Value* MessageReader::structure(std::string_view name) { return take(name, Value::Kind::kStruct); }

const List* MessageReader::list(std::string_view name) {
  const Value* value = take(name, Value::Kind::kList);
  return value == nullptr ? nullptr : &value->as_list();
}

std::optional<Tags> MessageReader::texts(std::string_view name) {
  const Value* value = take(name, Value::Kind::kStruct);
  if (value == nullptr) return std::nullopt;
  Tags tags;
  for (const auto& [key, content] : value->as_struct()) {
    if (content.is_string())
      tags.emplace(key, content.as_string());
    else
      error(std::string(name) + "." + key, "must be text, not " + kind_text(content.kind()));
  }
  return tags;
}

void MessageReader::pass_over(std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) take(name);
}

void MessageReader::refuse_others() {
  if (*problem_ || !message_->is_struct()) return;
  for (const auto& [key, value] : message_->as_struct()) {
    if (known_.contains(key)) continue;
    const std::vector<std::string> candidates(known_.begin(), known_.end());
    *problem_ = Error{Code::kInvalid, "unknown field \"" + path_of(key) + "\"" + did_you_mean(key, candidates)};
    return;
  }
}

FieldWriter& FieldWriter::text(std::string_view name, std::string_view value) {
  if (!value.empty()) json_.field(name, value);
  return *this;
}

FieldWriter& FieldWriter::integer(std::string_view name, std::int64_t value) {
  if (value != 0) json_.field(name, value);
  return *this;
}

FieldWriter& FieldWriter::integer64(std::string_view name, std::int64_t value) {
  if (value != 0) json_.field(name, std::to_string(value));
  return *this;
}

FieldWriter& FieldWriter::flag(std::string_view name, bool value) {
  if (value) json_.field(name, true);
  return *this;
}

FieldWriter& FieldWriter::time(std::string_view name, Instant value) {
  json_.field(name, format_rfc3339(value));
  return *this;
}

FieldWriter& FieldWriter::texts(std::string_view name, const Tags& values) {
  if (values.empty()) return *this;
  json_.key(name).begin_object();
  for (const auto& [key, value] : values) json_.field(key, value);
  json_.end_object();
  return *this;
}

FieldWriter& FieldWriter::error(std::string_view name, int code, std::string_view message) {
  if (!message.empty()) json_.key(name).begin_object().field("code", code).field("message", message).end_object();
  return *this;
}

}  // namespace sluice
