#include "plan/placeholders.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

constexpr std::string_view kBegin = "{{$";
constexpr std::string_view kEnd = "}}";
// Names of inputs are identifiers; the longest in the wild have some 200 bytes.
constexpr std::size_t kLengthMax = 1024;
// Every escape can double the backslashes of the one before.
constexpr int kEscapesMax = 4;
constexpr std::string_view kEscape = ".json_escape";

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// ".word" at the start of `rest`: moves past it.
bool take_field(std::string_view& rest, std::string& shape) {
  std::size_t length = 1;
  while (length < rest.size() && is_word(rest[length])) ++length;
  if (length == 1) return false;
  shape += rest.substr(0, length);
  rest.remove_prefix(length);
  return true;
}

// "['name']" at the start of `rest`: moves past it.
bool take_name(std::string_view& rest, Placeholder& out) {
  const auto end = rest.find("']");
  if (!rest.starts_with("['") || end == std::string_view::npos || end < 2) return false;
  out.names.emplace_back(rest.substr(2, end - 2));
  out.shape += "[]";
  rest.remove_prefix(end + 2);
  return true;
}

// "[n]" behind ".json_escape": moves past it and takes the word off the shape.
bool take_escape(std::string_view& rest, Placeholder& out) {
  if (!out.shape.ends_with(kEscape) || rest.size() < 3 || rest[1] < '0' || rest[1] > '0' + kEscapesMax || rest[2] != ']')
    return false;
  out.escapes = rest[1] - '0';
  out.shape.resize(out.shape.size() - kEscape.size());
  rest.remove_prefix(3);
  return rest.starts_with(kEnd);
}

std::string json_escaped(std::string text, int times) {
  for (; times > 0; --times) {
    std::string quoted;
    append_json_string(quoted, text);
    text = quoted.substr(1, quoted.size() - 2);
  }
  return text;
}

std::optional<std::string> text_of(const Placeholder& placeholder, const PlaceholderFn& lookup) {
  auto text = lookup(placeholder);
  if (text && placeholder.escapes > 0) return json_escaped(std::move(*text), placeholder.escapes);
  return text;
}

// Appends the placeholder at text[at] and moves past it; false if there is none.
bool append_placeholder(std::string& out, std::string_view text, std::size_t& at, const PlaceholderFn& lookup) {
  const auto placeholder = parse_placeholder(text.substr(at));
  if (!placeholder) return false;
  const auto found = text_of(*placeholder, lookup);
  out += found ? std::string_view(*found) : text.substr(at, placeholder->length);
  at += placeholder->length;
  return true;
}

bool mentions_placeholder(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kString: return value.as_string().find(kBegin) != std::string::npos;
    case Value::Kind::kList: return std::ranges::any_of(value.as_list(), mentions_placeholder);
    case Value::Kind::kStruct:
      return std::ranges::any_of(value.as_struct(), [](const auto& field) { return mentions_placeholder(field.second); });
    default: return false;
  }
}

Value fill_text(const std::string& text, const References& references) {
  if (const auto whole = whole_placeholder(text); whole && whole->escapes == 0) {
    if (whole->shape == ".inputs.parameters[]") {
      const Value* value = references.input(whole->names[0]);
      return value == nullptr ? Value(text) : *value;
    }
    if (auto found = references.whole(*whole)) return std::move(*found);
  }
  return expand_placeholders(text, [&](const Placeholder& placeholder) -> std::optional<std::string> {
    if (placeholder.shape != ".inputs.parameters[]") return references.inside(placeholder);
    const Value* value = references.input(placeholder.names[0]);
    if (value == nullptr) return std::nullopt;
    return value_text(*value);
  });
}

}  // namespace

std::optional<Placeholder> parse_placeholder(std::string_view text) {
  if (!text.starts_with(kBegin)) return std::nullopt;
  std::string_view rest = text.substr(kBegin.size(), kLengthMax - kBegin.size());
  const std::size_t size = rest.size();
  Placeholder out;
  while (!rest.starts_with(kEnd)) {
    const bool taken = rest.starts_with('.') ? take_field(rest, out.shape)
                                             : take_name(rest, out) || (rest.starts_with('[') && take_escape(rest, out));
    if (!taken) return std::nullopt;
  }
  out.length = kBegin.size() + (size - rest.size()) + kEnd.size();
  return out;
}

std::optional<Placeholder> whole_placeholder(std::string_view text) {
  auto placeholder = parse_placeholder(text);
  if (placeholder && placeholder->length != text.size()) return std::nullopt;
  return placeholder;
}

std::string expand_placeholders(std::string_view text, const PlaceholderFn& lookup) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto next = std::min(text.find(kBegin, at), text.size());
    out += text.substr(at, next - at);
    at = next;
    if (at < text.size() && !append_placeholder(out, text, at, lookup)) {
      out += kBegin;
      at += kBegin.size();
    }
  }
  return out;
}

std::string expand_env(std::string_view text, const std::vector<std::pair<std::string, std::string>>& earlier,
                       const PlaceholderFn& lookup) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = text.substr(at);
    if (rest.starts_with(kBegin) && append_placeholder(out, text, at, lookup)) continue;
    if (rest.starts_with("$$")) {
      out += '$';
      at += 2;
      continue;
    }
    const auto close = rest.starts_with("$(") ? rest.substr(0, kLengthMax).find(')') : std::string_view::npos;
    if (close == std::string_view::npos) {
      out += text[at++];
      continue;
    }
    // The last one of a name counts, as a later variable overrides an earlier one.
    const auto name = rest.substr(2, close - 2);
    const auto found =
        std::find_if(earlier.rbegin(), earlier.rend(), [&](const auto& variable) { return variable.first == name; });
    out += found == earlier.rend() ? rest.substr(0, close + 1) : std::string_view(found->second);
    at += close + 1;
  }
  return out;
}

std::optional<std::string> job_placeholder(const Placeholder& placeholder, const RunContext& run, std::string_view task_name) {
  const std::string& shape = placeholder.shape;
  if (shape == ".pipeline_job_name") return run.display_name;
  if (shape == ".pipeline_job_resource_name") return run.resource_name;
  if (shape == ".pipeline_job_uuid") return run.run_uuid;
  if (shape == ".pipeline_task_name") return std::string(task_name);
  if (shape == ".pipeline_job_create_time_utc") return run.created;
  if (shape == ".pipeline_job_schedule_time_utc") return run.scheduled;
  if (shape == ".pipeline_root") return run.pipeline_root;
  if (shape == ".workspace_path") return run.workspace_path;
  return std::nullopt;
}

Value fill_references(const Value& value, const References& references) {
  if (!mentions_placeholder(value)) return value;
  if (value.is_string()) return fill_text(value.as_string(), references);
  if (value.is_list()) {
    List filled;
    for (const Value& item : value.as_list()) filled.push_back(fill_references(item, references));
    return filled;
  }
  Struct filled;
  for (const auto& [key, item] : value.as_struct()) filled.emplace(key, fill_references(item, references));
  return filled;
}

std::string artifact_path(const Artifact& artifact) {
  if (!artifact.custom_path.empty()) return artifact.custom_path;
  const std::string& uri = artifact.uri;
  if (uri.starts_with("gs://")) return "/gcs/" + uri.substr(5);
  if (uri.starts_with("minio://")) return "/minio/" + uri.substr(8);
  if (uri.starts_with("s3://")) return "/s3/" + uri.substr(5);
  if (uri.starts_with("oci://")) {
    const std::string path = "/oci/" + replace_all(uri.substr(6), "/", "_");
    return artifact.type.schema_title == "system.Model" ? path + "/models" : path;
  }
  return uri;
}

}  // namespace sluice
