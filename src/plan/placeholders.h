// Placeholders in text: {{$}}, {{$.pipeline_job_name}}, {{$.inputs.parameters['x']}}, {{$.inputs.artifacts['a'].metadata['k']}}.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"
#include "model/artifact.h"
#include "plan/plan.h"

namespace sluice {

// One placeholder, taken apart. {{$.inputs.parameters['x'].json_escape[1]}} has the shape ".inputs.parameters[]", the name "x"
// and one escape; the shape of {{$}} is empty.
struct Placeholder {
  std::string shape;
  std::vector<std::string> names;
  int escapes = 0;         // .json_escape[n] at the end: escape the text n times
  std::size_t length = 0;  // bytes, braces included
};

// The placeholder that `text` begins with, if it does. At most 1 KiB is looked at, so a search costs no more than linear time.
std::optional<Placeholder> parse_placeholder(std::string_view text);
// The same, if it is all of `text`.
std::optional<Placeholder> whole_placeholder(std::string_view text);

// What a placeholder stands for; nothing: unknown, it stays as it is written.
using PlaceholderFn = std::function<std::optional<std::string>(const Placeholder&)>;
// One pass from left to right: what a value brings in is never looked at again.
std::string expand_placeholders(std::string_view text, const PlaceholderFn& lookup);

// As expand_placeholders, and $(NAME) is replaced by the value of NAME among `earlier`, as Kubernetes does it: $$ is a $, a name
// that is not there stays as it is written.
std::string expand_env(std::string_view text, const std::vector<std::pair<std::string, std::string>>& earlier,
                       const PlaceholderFn& lookup);

// The job placeholders of a run: {{$.pipeline_job_name}}, ..., {{$.workspace_path}}. Not {{$.pipeline_task_uuid}}, which only a
// started task has.
std::optional<std::string> job_placeholder(const Placeholder& placeholder, const RunContext& run, std::string_view task_name);

// What stands behind the placeholders of a value, rather than of a text.
struct References {
  // {{$.inputs.parameters['x']}}. Null pointer: no such input.
  std::function<const Value*(const std::string& name)> input;
  // The others: when one is all of a text, and when it stands inside of one.
  PlaceholderFn whole;
  PlaceholderFn inside;
};
// `value` with the placeholders in all its texts replaced, at any depth. A text that is one reference to an input and nothing
// else becomes that input's value itself, so that [reference] is a list of numbers where the input is a number. Costs no copy if
// there is nothing to replace.
Value fill_references(const Value& value, const References& references);

// Where the content of an artifact is found in the file system, by the executor's own rules: custom_path, else the uri, of which
// gs://x is /gcs/x, and so on.
std::string artifact_path(const Artifact& artifact);

}  // namespace sluice
