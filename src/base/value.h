// Value: what google.protobuf.Value holds, which is what flows between tasks. Null, bool, number, string, list, struct.
//
// Immutable and cheap to copy: lists and structs are shared, so ten thousand loop iterations that all see the same
// list of ten thousand items hold one list. Numbers are doubles, as in KFP; integers are exact up to 2^53.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace sluice {

class Value;
using List = std::vector<Value>;
using Struct = std::map<std::string, Value, std::less<>>;

class Value {
 public:
  enum class Kind { kNull, kBool, kNumber, kString, kList, kStruct };

  Value() = default;
  Value(std::nullptr_t) {}
  Value(bool value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(int value) : data_(static_cast<double>(value)) {}
  Value(std::int64_t value) : data_(static_cast<double>(value)) {}
  Value(std::uint64_t value) : data_(static_cast<double>(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(List value);
  Value(Struct value);
  static Value of(std::initializer_list<std::pair<const std::string, Value>> fields);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_bool() const { return kind() == Kind::kBool; }
  bool is_number() const { return kind() == Kind::kNumber; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_list() const { return kind() == Kind::kList; }
  bool is_struct() const { return kind() == Kind::kStruct; }

  // Each stops the program if the kind is another one: ask first.
  bool as_bool() const;
  double as_number() const;
  const std::string& as_string() const;
  const List& as_list() const;
  const Struct& as_struct() const;

  // The field of a struct; null pointer if this is no struct or has no such field.
  const Value* find(std::string_view key) const;
  // Field access with a fallback, for reading documents we wrote ourselves.
  std::string_view string_or(std::string_view key, std::string_view fallback) const;
  double number_or(std::string_view key, double fallback) const;
  bool bool_or(std::string_view key, bool fallback) const;
  std::int64_t int_or(std::string_view key, std::int64_t fallback) const;

  friend bool operator==(const Value& a, const Value& b);

 private:
  std::variant<std::monostate, bool, double, std::string, std::shared_ptr<const List>, std::shared_ptr<const Struct>> data_;
};

// "null", "bool", "number", "string", "list", "struct".
std::string_view kind_name(Value::Kind kind);

}  // namespace sluice
