#include "plan/checkpoint.h"

#include <algorithm>

namespace sluice {
namespace {

bool names_variable(const std::string& text) { return text.find(kCheckpointVariable) != std::string::npos; }

bool names_variable(const ContainerSpec& container) {
  const auto any = [](const std::vector<std::string>& texts) {
    return std::any_of(texts.begin(), texts.end(), [](const std::string& text) { return names_variable(text); });
  };
  return any(container.command) || any(container.args) ||
         std::any_of(container.env.begin(), container.env.end(), [](const auto& entry) { return names_variable(entry.second); });
}

}  // namespace

bool is_checkpoint(const Component& component, std::string_view parameter, const Value& value) {
  if (!value.is_string() || value.as_string() != kCheckpointUri) return false;
  const auto declared = component.input_parameters.find(parameter);
  return declared != component.input_parameters.end() && declared->second.type == ParameterType::kString;
}

bool wants_checkpoint(const PlanComponent& leaf, const TaskData& inputs) {
  const auto* container = leaf.executor == nullptr ? nullptr : std::get_if<ContainerSpec>(&leaf.executor->what);
  if (container == nullptr) return false;
  const Component& component = *leaf.spec;
  const bool given = std::any_of(inputs.parameters.begin(), inputs.parameters.end(),
                                 [&](const auto& entry) { return is_checkpoint(component, entry.first, entry.second); });
  const bool by_default =
      std::any_of(component.input_parameters.begin(), component.input_parameters.end(), [&](const auto& entry) {
        return entry.second.default_value && is_checkpoint(component, entry.first, *entry.second.default_value);
      });
  return given || by_default || names_variable(*container);
}

}  // namespace sluice
