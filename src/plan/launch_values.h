// What a leaf is told: its parameters with defaults, its artifacts, and what each placeholder in its command stands for.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/value.h"
#include "plan/launch.h"
#include "plan/placeholders.h"

namespace sluice {

// The parameters that were given, and the defaults of the others. Null means not given, and is left out.
Struct parameters_with_defaults(const Component& component, const Struct& given);

// A declared output artifact before anything is known about it: named by its key, in the attempt's folder, with the declared
// metadata.
Artifact declared_artifact(const std::string& key, const OutputArtifact& declared, const OutputPaths& outputs);

class LaunchValues {
 public:
  explicit LaunchValues(const LaunchContext& context);

  // Nothing: unknown, stays as it is written.
  std::optional<std::string> text_of(const Placeholder& placeholder);
  std::string expand(std::string_view text) {
    return expand_placeholders(text, [this](const Placeholder& placeholder) { return text_of(placeholder); });
  }
  // Was this input given by the task? A default of the component does not count.
  bool is_present(std::string_view input) const;
  // Has some text named an output path, or asked for the whole ExecutorInput, which names them all?
  bool used_outputs() const { return used_outputs_; }

 private:
  std::optional<std::string> input_parameter(const std::string& name) const;
  std::optional<std::string> input_artifact(const Placeholder& placeholder, std::string_view member) const;
  std::optional<std::string> output(const Placeholder& placeholder) const;

  const LaunchContext& context_;
  Struct parameters_;
  std::optional<std::string> executor_input_;  // made when it is first asked for
  bool used_outputs_ = false;
};

}  // namespace sluice
