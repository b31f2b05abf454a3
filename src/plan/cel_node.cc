#include "plan/cel_node.h"

#include <array>

namespace sluice::cel {

Datum::Kind Datum::kind() const {
  if (std::holds_alternative<std::int64_t>(data_)) return Kind::kInt;
  if (!std::holds_alternative<Value>(data_)) return Kind::kList;
  switch (value().kind()) {
    case Value::Kind::kNull: return Kind::kNull;
    case Value::Kind::kBool: return Kind::kBool;
    case Value::Kind::kNumber: return Kind::kDouble;
    case Value::Kind::kString: return Kind::kString;
    case Value::Kind::kList: return Kind::kList;
    case Value::Kind::kStruct: return Kind::kStruct;
  }
  return Kind::kNull;
}

std::size_t Datum::size() const {
  if (const auto* items = std::get_if<std::shared_ptr<const DatumList>>(&data_)) return (*items)->size();
  return value().as_list().size();
}

Datum Datum::item(std::size_t index) const {
  if (const auto* items = std::get_if<std::shared_ptr<const DatumList>>(&data_)) return (*items)->at(index);
  return Datum(value().as_list().at(index));
}

Value Datum::to_value() const {
  if (const auto* number = std::get_if<std::int64_t>(&data_)) return Value(*number);
  if (const auto* value = std::get_if<Value>(&data_)) return *value;
  List items;
  items.reserve(size());
  for (const Datum& item : *std::get<std::shared_ptr<const DatumList>>(data_)) items.push_back(item.to_value());
  return Value(std::move(items));
}

std::string_view kind_name(Datum::Kind kind) {
  constexpr std::array<std::string_view, 7> kNames{"null", "bool", "int", "double", "string", "list", "map"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string_view operator_text(Operator op) {
  constexpr std::array<std::string_view, 12> kTexts{"==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"};
  return kTexts.at(static_cast<std::size_t>(op));
}

std::string_view function_name(Function function) {
  constexpr std::array<std::string_view, 6> kNames{"int", "double", "string", "bool", "size", "parseJson"};
  return kNames.at(static_cast<std::size_t>(function));
}

}  // namespace sluice::cel
