#include "plan/arguments.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "plan/macros.h"
#include "plan/parameters.h"

namespace sluice {
namespace {

// Names and values that a message lists before it says "...".
constexpr std::size_t kListed = 20;

struct Problem {
  std::string message;
  std::string hint;
};

std::string list_of(const std::vector<std::string>& texts) {
  const std::size_t shown = std::min(texts.size(), kListed);
  return join(std::span(texts).first(shown), ", ") + (shown < texts.size() ? ", ..." : "");
}

std::optional<Problem> wrong_kind(ParameterType type, const std::string& name, const Value& value) {
  const auto needs = [&](Value::Kind kind, std::string_view wanted, std::string hint = {}) -> std::optional<Problem> {
    if (value.kind() == kind) return std::nullopt;
    return Problem{
        "input parameter " + name + " requires type " + std::string(wanted) + ", got " + std::string(kind_name(value.kind())),
        std::move(hint)};
  };
  switch (type) {
    case ParameterType::kNumberDouble: return needs(Value::Kind::kNumber, "double or integer");
    case ParameterType::kNumberInteger: {
      if (auto problem = needs(Value::Kind::kNumber, "double or integer")) return problem;
      if (std::trunc(value.as_number()) == value.as_number()) return std::nullopt;
      return Problem{"input parameter " + name + " requires type integer, got " + number_text(value.as_number()), {}};
    }
    case ParameterType::kString: return needs(Value::Kind::kString, "string");
    case ParameterType::kBoolean: return needs(Value::Kind::kBool, "bool", "write true or false");
    case ParameterType::kList: return needs(Value::Kind::kList, "list", "write a JSON list: [1, 2]");
    case ParameterType::kTaskConfig:
    case ParameterType::kStruct: return needs(Value::Kind::kStruct, "struct", R"(write a JSON object: {"a": 1})");
    case ParameterType::kTaskFinalStatus:
      return Problem{"input parameter " + name + ": TASK_FINAL_STATUS is invalid for root component", {}};
    case ParameterType::kUnspecified: return Problem{"input parameter " + name + " has an unspecified type", {}};
  }
  return std::nullopt;
}

std::optional<Problem> not_allowed(const List& literals, const std::string& name, const Value& value) {
  if (literals.empty() || std::find(literals.begin(), literals.end(), value) != literals.end()) return std::nullopt;
  std::vector<std::string> allowed;
  for (std::size_t i = 0; i < std::min(literals.size(), kListed + 1); ++i) allowed.push_back(to_json(literals[i]));
  return Problem{"input parameter " + name + ": " + to_json(value) + " does not match any of the allowed literal values",
                 "allowed: " + list_of(allowed)};
}

class Checker {
 public:
  Checker(const Component& root, const Struct& given, const RunContext& context)
      : root_(root), given_(given), context_(context) {}

  CheckedArguments run() {
    refuse_unknown();
    for (const auto& [name, input] : root_.input_parameters) take(name, input);
    return std::move(out_);
  }

 private:
  void refuse_unknown() {
    std::vector<std::string> known;
    for (const auto& [name, input] : root_.input_parameters) known.push_back(name);
    for (const auto& [name, value] : given_) {
      if (root_.input_parameters.contains(name)) continue;
      add(name, {},
          {"parameter(s) provided are not required by pipeline: " + name + did_you_mean(name, known),
           known.empty() ? "the pipeline has no parameters" : "its parameters: " + list_of(known)});
    }
  }

  void take(const std::string& name, const InputParameter& input) {
    const auto found = given_.find(name);
    if (found == given_.end() || (found->second.is_null() && input.optional)) {
      if (!input.default_value && !input.optional)
        add(name, input.place,
            {"parameter " + name + " is not optional, yet has neither default value nor user provided value",
             "give it a value: -p " + name + "=..."});
      out_.parameters[name] = input.default_value.value_or(Value());
      return;
    }
    Value value = found->second;
    if (value.is_string()) value = expand_macros(value.as_string(), context_);
    auto problem = wrong_kind(input.type, name, value);
    if (is_nested_deeper(value, kNestingMax))
      problem = {"input parameter " + name + " is nested deeper than " + std::to_string(kNestingMax) + " levels", {}};
    if (!problem) problem = not_allowed(input.literals, name, value);
    if (problem) add(name, input.place, std::move(*problem));
    out_.parameters[name] = std::move(value);
  }

  void add(const std::string& name, Place place, Problem problem) {
    out_.errors.push_back({"", place, name, Code::kInvalid, std::move(problem.message), std::move(problem.hint)});
  }

  const Component& root_;
  const Struct& given_;
  const RunContext& context_;
  CheckedArguments out_;
};

}  // namespace

CheckedArguments check_arguments(const Component& root, const Struct& given, const RunContext& context) {
  return Checker(root, given, context).run();
}

Value parse_argument(const Pipeline& pipeline, std::string_view name, std::string_view text) {
  const auto found = pipeline.root.input_parameters.find(name);
  if (found == pipeline.root.input_parameters.end()) return text;
  const InputParameter& input = found->second;
  if (input.type == ParameterType::kString) return text;
  const auto value = parse_json(text);
  if (!value) return text;
  const bool fits = input.type == ParameterType::kUnspecified || input.type == ParameterType::kTaskFinalStatus ||
                    (value->is_null() && input.optional) || !wrong_kind(input.type, found->first, *value);
  return fits ? *value : Value(text);
}

}  // namespace sluice
