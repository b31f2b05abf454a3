#include "base/value.h"

#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"

namespace sluice {

Value::Value(List value) : data_(std::make_shared<const List>(std::move(value))) {}
Value::Value(Struct value) : data_(std::make_shared<const Struct>(std::move(value))) {}
Value Value::of(std::initializer_list<std::pair<const std::string, Value>> fields) { return Struct(fields); }

bool Value::as_bool() const {
  SLUICE_CHECK(is_bool());
  return std::get<bool>(data_);
}
double Value::as_number() const {
  SLUICE_CHECK(is_number());
  return std::get<double>(data_);
}
const std::string& Value::as_string() const {
  SLUICE_CHECK(is_string());
  return std::get<std::string>(data_);
}
const List& Value::as_list() const {
  SLUICE_CHECK(is_list());
  return *std::get<std::shared_ptr<const List>>(data_);
}
const Struct& Value::as_struct() const {
  SLUICE_CHECK(is_struct());
  return *std::get<std::shared_ptr<const Struct>>(data_);
}

const Value* Value::find(std::string_view key) const {
  if (!is_struct()) return nullptr;
  const Struct& fields = as_struct();
  const auto found = fields.find(key);
  return found == fields.end() ? nullptr : &found->second;
}

std::string_view Value::string_or(std::string_view key, std::string_view fallback) const {
  const Value* field = find(key);
  return field != nullptr && field->is_string() ? std::string_view(field->as_string()) : fallback;
}
double Value::number_or(std::string_view key, double fallback) const {
  const Value* field = find(key);
  return field != nullptr && field->is_number() ? field->as_number() : fallback;
}
bool Value::bool_or(std::string_view key, bool fallback) const {
  const Value* field = find(key);
  return field != nullptr && field->is_bool() ? field->as_bool() : fallback;
}
std::int64_t Value::int_or(std::string_view key, std::int64_t fallback) const {
  const Value* field = find(key);
  if (field == nullptr || !field->is_number()) return fallback;
  // A conversion out of range is undefined, and these numbers may come from a file that somebody damaged.
  constexpr double kLimit = 9223372036854775808.0;  // 2^63
  const double number = field->as_number();
  if (std::isnan(number)) return fallback;
  if (number >= kLimit) return std::numeric_limits<std::int64_t>::max();
  if (number < -kLimit) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(number);
}

bool operator==(const Value& a, const Value& b) {
  if (a.kind() != b.kind()) return false;
  if (a.is_list()) return a.as_list() == b.as_list();
  if (a.is_struct()) return a.as_struct() == b.as_struct();
  return a.data_ == b.data_;
}

std::string_view kind_name(Value::Kind kind) {
  constexpr std::array<std::string_view, 6> kNames{"null", "bool", "number", "string", "list", "struct"};
  return kNames.at(static_cast<std::size_t>(kind));
}

}  // namespace sluice
