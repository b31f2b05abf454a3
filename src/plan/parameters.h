// What the declared type of a parameter says about a value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/value.h"
#include "model/pipeline.h"

namespace sluice {

// "expect LIST, got string" if `value` is not what the type wants. NUMBER_INTEGER wants an integral number; kUnspecified takes
// anything.
std::optional<std::string> type_mismatch(ParameterType type, const Value& value);

// A value that comes from outside may have so many levels of lists and structs. What a run adds around it (loops, the journal's
// and the store's own documents) must still be within what parse_json reads.
constexpr int kNestingMax = 100;
bool is_nested_deeper(const Value& value, int levels);

// The value as an input of a task: STRING turns anything into its text, the other types must match, literals are compared. The
// error names the parameter.
Result<Value> fit_input(std::string_view name, const InputParameter& declared, Value value);

}  // namespace sluice
