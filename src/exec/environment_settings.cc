#include "exec/environment_settings.h"

#include <utility>

#include "base/text.h"

namespace sluice {

VariableChanges settings_variables(const EnvironmentSettings& settings) {
  VariableChanges out;
  // pip's name is set, and read by us for uv; uv's own variable would win over it.
  const auto set = [&](const char* pip, const char* uv, const std::string& value) {
    if (value.empty()) return;
    out.emplace_back(pip, value);
    out.emplace_back(uv, std::nullopt);
  };
  set("PIP_INDEX_URL", "UV_DEFAULT_INDEX", settings.index_url);
  if (!settings.index_url.empty()) out.emplace_back("UV_INDEX_URL", std::nullopt);
  set("PIP_EXTRA_INDEX_URL", "UV_EXTRA_INDEX_URL", join(settings.extra_index_urls, " "));
  set("PIP_FIND_LINKS", "UV_FIND_LINKS", join(settings.find_links, " "));
  set("PIP_CONSTRAINT", "UV_CONSTRAINT", settings.constraints);
  return out;
}

Variables with_settings(Variables variables, const EnvironmentSettings& settings) {
  for (auto& [name, value] : settings_variables(settings)) {
    variables.erase(name);
    if (value) variables.emplace(name, std::move(*value));
  }
  return variables;
}

std::string environment_variables_fingerprint(const EnvironmentSettings& settings) {
  const Variables variables = with_settings(own_variables(), settings);
  return settings_fingerprint(pip_settings(variables), variables);
}

}  // namespace sluice
