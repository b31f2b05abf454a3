// What an attempt left behind, read: executor_output.json and the files of output parameters.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "plan/launch.h"
#include "plan/launch_values.h"
#include "plan/parameters.h"

namespace sluice {
namespace {

// Enough of a wrong text to recognise it; it may be megabytes.
constexpr std::size_t kFoundMax = 80;

std::string found_text(std::string_view text) {
  std::size_t length = std::min(text.size(), kFoundMax);
  while (length > 0 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xC0U) == 0x80U) --length;
  std::string out;
  append_json_string(out, text.substr(0, length));
  if (length < text.size()) out += "...";
  return out;
}

std::string found_value(const Value& value) {
  if (value.is_string()) return "string " + found_text(value.as_string());
  const std::string json = to_json(value);
  const std::string shown = json.size() <= kFoundMax ? json : found_text(json);
  return std::string(kind_name(value.kind())) + " " + shown;
}

tl::unexpected<Error> wrong_parameter(const std::string& name, ParameterType type, const std::string& found) {
  return fail(Code::kInvalid,
              "output parameter \"" + name + "\": expect " + std::string(parameter_type_name(type)) + ", got " + found);
}

tl::unexpected<Error> too_deep(const std::string& what) {
  return fail(Code::kInvalid, what + ": nested deeper than " + std::to_string(kNestingMax) + " levels",
              "hand it over as an artifact");
}

// A field under its camelCase or its snake_case name; null pointer if it is not there or null.
const Value* field(const Value& value, std::string_view camel, std::string_view snake) {
  const Value* found = value.find(camel);
  if (found == nullptr) found = value.find(snake);
  return found == nullptr || found->is_null() ? nullptr : found;
}

// executor_output.json. `lenient`: it holds NaN or Infinity somewhere, and those have become texts.
struct Report {
  Value document;
  bool lenient = false;
};

Result<Report> parse_report(const OutputFiles& files) {
  if (!files.executor_output) return Report{};
  auto parsed = parse_json(*files.executor_output);
  const bool lenient = !parsed;
  if (lenient) parsed = parse_json_lenient(*files.executor_output);
  if (!parsed) return fail(std::move(parsed).error().with_context("executor_output.json is not valid JSON: "));
  if (!parsed->is_struct()) return fail(Code::kInvalid, "executor_output.json: expect an object, got " + found_value(*parsed));
  return Report{.document = std::move(*parsed), .lenient = lenient};
}

bool is_number_word(const std::string& text) { return text == "NaN" || text == "Infinity" || text == "-Infinity"; }

const std::string* find_number_word(const Value& value) {
  if (value.is_string() && is_number_word(value.as_string())) return &value.as_string();
  if (value.is_list())
    for (const Value& item : value.as_list())
      if (const std::string* word = find_number_word(item)) return word;
  if (value.is_struct())
    for (const auto& [key, item] : value.as_struct())
      if (const std::string* word = find_number_word(item)) return word;
  return nullptr;
}

Result<Value> reported_parameter(const std::string& name, ParameterType type, const Value& value, bool lenient) {
  if (type == ParameterType::kString) return Value(value_text(value));
  if (lenient)
    if (const std::string* word = find_number_word(value))
      return fail(Code::kInvalid, "output parameter \"" + name + "\": expect " + std::string(parameter_type_name(type)) +
                                      ", got " + *word + ", which JSON cannot hold, so no other task could receive it");
  if (type_mismatch(type, value)) return wrong_parameter(name, type, found_value(value));
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

// What Go's strconv.ParseBool reads.
std::optional<bool> parse_bool(std::string_view text) {
  for (const std::string_view word : {"1", "t", "T", "true", "TRUE", "True"})
    if (text == word) return true;
  for (const std::string_view word : {"0", "f", "F", "false", "FALSE", "False"})
    if (text == word) return false;
  return std::nullopt;
}

// The value that a file holds; nothing if it is not of the type.
std::optional<Value> parse_file(ParameterType type, const std::string& text) {
  switch (type) {
    case ParameterType::kUnspecified:
    case ParameterType::kString: return Value(text);
    case ParameterType::kBoolean: {
      const auto flag = parse_bool(trim(text));
      return flag ? std::optional<Value>(*flag) : std::nullopt;
    }
    case ParameterType::kNumberDouble:
    case ParameterType::kNumberInteger: {
      const auto number = parse_number(trim(text));
      return number ? std::optional<Value>(*number) : std::nullopt;
    }
    default: {
      auto parsed = parse_json(text);
      return parsed ? std::optional<Value>(std::move(*parsed)) : std::nullopt;
    }
  }
}

class OutputParser {
 public:
  OutputParser(const LaunchContext& context, const OutputFiles& files, Report report)
      : context_(context), component_(*context.component.spec), files_(files), report_(std::move(report)) {}

  Result<TaskData> parse() {
    TaskData out;
    SLUICE_TRY_STATUS(parse_parameters(out.parameters));
    SLUICE_TRY_STATUS(parse_artifacts(out));
    return out;
  }

 private:
  // In a Python component None leaves an output unset. A command that does not write what it declares has a fault.
  bool may_be_unset() const {
    const auto* container =
        context_.component.executor == nullptr ? nullptr : std::get_if<ContainerSpec>(&context_.component.executor->what);
    return container != nullptr && container->python.has_value();
  }

  // A map of the report under one of its two spellings; null pointer if it has none.
  Result<const Value*> section(std::string_view camel, std::string_view snake) const {
    const Value* found = field(report_.document, camel, snake);
    if (found != nullptr && !found->is_struct())
      return fail(Code::kInvalid,
                  "executor_output.json: " + std::string(camel) + ": expect an object, got " + found_value(*found));
    return found;
  }

  Status parse_parameters(Struct& out) const {
    SLUICE_TRY(const Value* reported, section("parameterValues", "parameter_values"));
    for (const auto& [name, declared] : component_.output_parameters) {
      const Value* value = reported == nullptr ? nullptr : reported->find(name);
      if (value != nullptr && !value->is_null()) {
        SLUICE_TRY(Value fitting, reported_parameter(name, declared.type, *value, report_.lenient));
        if (is_nested_deeper(fitting, kNestingMax)) return too_deep("output parameter \"" + name + "\"");
        out.emplace(name, std::move(fitting));
        continue;
      }
      const auto file = files_.parameter_files.find(name);
      if (file == files_.parameter_files.end()) {
        if (may_be_unset()) continue;
        return wrong_parameter(name, declared.type, "nothing: the command did not write it");
      }
      auto parsed = parse_file(declared.type, file->second);
      if (!parsed || type_mismatch(declared.type, *parsed)) return wrong_parameter(name, declared.type, found_text(file->second));
      if (is_nested_deeper(*parsed, kNestingMax)) return too_deep("output parameter \"" + name + "\"");
      out.emplace(name, std::move(*parsed));
    }
    return {};
  }

  Status parse_artifacts(TaskData& out) const {
    SLUICE_TRY(const Value* reported, section("artifacts", "artifacts"));
    for (const auto& [key, declared] : component_.output_artifacts) {
      const Value* entry = reported == nullptr ? nullptr : field(*reported, key, key);
      const Artifact plain = declared_artifact(key, declared, context_.outputs);
      SLUICE_TRY(ArtifactList artifacts, entry == nullptr ? ArtifactList{plain} : parse_list(key, plain, *entry));
      if (artifacts.empty() && !declared.is_list) artifacts.push_back(plain);
      if (artifacts.size() > 1 && !declared.is_list)
        return fail(Code::kInvalid,
                    "output artifact \"" + key + "\": expect one artifact, got a list of " + std::to_string(artifacts.size()));
      out.artifacts.emplace(key, std::move(artifacts));
    }
    return {};
  }

  static tl::unexpected<Error> wrong_artifact(const std::string& key, const std::string& expected, const Value& found) {
    return fail(Code::kInvalid, "output artifact \"" + key + "\": expect " + expected + ", got " + found_value(found));
  }

  static Result<ArtifactList> parse_list(const std::string& key, const Artifact& plain, const Value& entry) {
    const Value* items = entry.find("artifacts");
    if (items == nullptr || !items->is_list()) return wrong_artifact(key, "an object with a list `artifacts`", entry);
    ArtifactList out;
    for (const Value& item : items->as_list()) {
      SLUICE_TRY(Artifact artifact, parse_one(key, plain, item));
      out.push_back(std::move(artifact));
    }
    return out;
  }

  // What is reported goes over what is declared; metadata key by key.
  static Result<Artifact> parse_one(const std::string& key, const Artifact& plain, const Value& item) {
    if (!item.is_struct()) return wrong_artifact(key, "an artifact", item);
    Artifact out = plain;
    const std::array<std::pair<const Value*, std::string*>, 3> texts{
        {{field(item, "name", "name"), &out.name},
         {field(item, "uri", "uri"), &out.uri},
         {field(item, "customPath", "custom_path"), &out.custom_path}}};
    for (const auto& [value, member] : texts) {
      if (value == nullptr) continue;
      if (!value->is_string()) return wrong_artifact(key, "texts for name, uri and custom_path", *value);
      if (!value->as_string().empty()) *member = value->as_string();
    }
    if (const Value* metadata = field(item, "metadata", "metadata")) {
      if (!metadata->is_struct()) return wrong_artifact(key, "an object for metadata", *metadata);
      if (is_nested_deeper(*metadata, kNestingMax)) return too_deep("output artifact \"" + key + "\": metadata");
      for (const auto& [name, value] : metadata->as_struct()) out.metadata.insert_or_assign(name, value);
    }
    return out;
  }

  const LaunchContext& context_;
  const Component& component_;
  const OutputFiles& files_;
  Report report_;
};

}  // namespace

Result<TaskData> parse_outputs(const LaunchContext& context, const OutputFiles& files) {
  SLUICE_TRY(Report report, parse_report(files));
  return OutputParser(context, files, std::move(report)).parse();
}

}  // namespace sluice
