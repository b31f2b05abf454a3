#include "plan/parameters.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"

namespace sluice {
namespace {

bool has_kind(ParameterType type, const Value& value) {
  switch (type) {
    case ParameterType::kUnspecified: return true;
    case ParameterType::kNumberDouble: return value.is_number();
    case ParameterType::kNumberInteger: return value.is_number() && std::trunc(value.as_number()) == value.as_number();
    case ParameterType::kString: return value.is_string();
    case ParameterType::kBoolean: return value.is_bool();
    case ParameterType::kList: return value.is_list();
    case ParameterType::kStruct:
    case ParameterType::kTaskFinalStatus:
    case ParameterType::kTaskConfig: return value.is_struct();
  }
  return false;
}

}  // namespace

std::optional<std::string> type_mismatch(ParameterType type, const Value& value) {
  if (has_kind(type, value)) return std::nullopt;
  std::string text = "expect " + std::string(parameter_type_name(type)) + ", got " + std::string(kind_name(value.kind()));
  // A number that is not integral is of the right kind, so its value has to say what is wrong.
  if (value.is_number()) text += " " + number_text(value.as_number());
  return text;
}

bool is_nested_deeper(const Value& value, int levels) {
  if (!value.is_list() && !value.is_struct()) return false;
  if (levels == 0) return true;
  if (value.is_list())
    return std::ranges::any_of(value.as_list(), [&](const Value& item) { return is_nested_deeper(item, levels - 1); });
  return std::ranges::any_of(value.as_struct(), [&](const auto& field) { return is_nested_deeper(field.second, levels - 1); });
}

Result<Value> fit_input(std::string_view name, const InputParameter& declared, Value value) {
  const std::string who = "input parameter \"" + std::string(name) + "\"";
  if (declared.type == ParameterType::kString && !value.is_string()) value = value_text(value);
  if (const auto mismatch = type_mismatch(declared.type, value))
    return fail(Code::kInvalid, who + " type mismatch: " + *mismatch);
  if (!declared.literals.empty() && std::ranges::find(declared.literals, value) == declared.literals.end())
    return fail(Code::kInvalid,
                who + ": " + to_json(value) + " does not match any of the allowed literal values " + to_json(declared.literals));
  return value;
}

}  // namespace sluice
