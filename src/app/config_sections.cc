#include "app/config_sections.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/text.h"

namespace sluice {
namespace {

constexpr std::array<std::string_view, 17> kSettings{"environments.index_url",
                                                     "environments.extra_index_urls",
                                                     "environments.find_links",
                                                     "environments.offline",
                                                     "environments.constraints",
                                                     "environments.uv",
                                                     "environments.python",
                                                     "environments.root",
                                                     "environments.default_requirements",
                                                     "retention.runs",
                                                     "retention.cache",
                                                     "retention.environments",
                                                     "retention.keep_failed",
                                                     "retention.every",
                                                     "notify.url",
                                                     "notify.command",
                                                     "notify.on"};

constexpr std::string_view kNever = "never";

void wants(const Setting& setting, const std::string& what) {
  setting.refuse(setting.section + "." + setting.name + ": " + what);
}

std::optional<std::string> text_of(const Setting& setting) {
  if (setting.value.is_string() && !trim(setting.value.as_string()).empty()) return setting.value.as_string();
  wants(setting, "text in quotes");
  return std::nullopt;
}

std::optional<std::vector<std::string>> texts_of(const Setting& setting) {
  std::vector<std::string> out;
  const bool is_list = setting.value.is_list();
  if (is_list)
    for (const Value& each : setting.value.as_list())
      if (each.is_string() && !trim(each.as_string()).empty()) out.push_back(each.as_string());
  if (is_list && out.size() == setting.value.as_list().size()) return out;
  wants(setting, "a list of texts in quotes");
  return std::nullopt;
}

// A URL as it is; a path as seen from the file's folder.
std::string place(const Setting& setting, const std::string& text) {
  if (text.find("://") != std::string::npos || text.starts_with("~/")) return text;
  return (std::filesystem::path(setting.folder) / text).lexically_normal();
}

void take_place(const Setting& setting, std::string& out) {
  if (const auto text = text_of(setting)) out = place(setting, *text);
}

void take_environments(const Setting& setting, EnvironmentSettings& out) {
  const std::string& name = setting.name;
  if (name == "index_url") {
    if (const auto text = text_of(setting)) out.index_url = *text;
  } else if (name == "extra_index_urls") {
    if (auto texts = texts_of(setting)) out.extra_index_urls = std::move(*texts);
  } else if (name == "find_links") {
    auto texts = texts_of(setting);
    if (!texts) return;
    for (std::string& text : *texts) text = place(setting, text);
    out.find_links = std::move(*texts);
  } else if (name == "offline") {
    if (!setting.value.is_bool()) return wants(setting, "true or false");
    out.offline = setting.value.as_bool();
  } else if (name == "constraints") {
    take_place(setting, out.constraints);
  } else if (name == "uv") {
    const auto text = text_of(setting);
    if (text) out.uv = *text == "auto" || *text == "none" ? *text : place(setting, *text);
  } else if (name == "python") {
    take_place(setting, out.python);
  } else if (name == "root") {
    take_place(setting, out.root);
  } else if (auto texts = texts_of(setting)) {
    out.default_requirements = std::move(*texts);
  }
}

// Nothing and a refusal for what is no duration; an empty one: "never".
std::optional<std::optional<Duration>> span_of(const Setting& setting, bool may_be_never) {
  const std::string text = setting.value.is_string() ? setting.value.as_string() : "";
  if (may_be_never && text == kNever) return std::optional<Duration>();
  const auto span = parse_duration(text);
  if (span && *span >= Duration{0}) return span;
  wants(setting, std::string("a duration such as \"30d\"") + (may_be_never ? ", or \"never\"" : ""));
  return std::nullopt;
}

void take_retention(const Setting& setting, Config& config) {
  const bool is_failed = setting.name == "keep_failed";
  const auto span = span_of(setting, !is_failed);
  if (!span) return;
  if (is_failed) config.garbage.keep_failed = **span;
  if (setting.name == "runs") config.garbage.runs = *span;
  if (setting.name == "cache") config.garbage.cache = *span;
  if (setting.name == "environments") config.garbage.environments = *span;
  if (setting.name != "every") return;
  if (*span && **span < std::chrono::minutes(1)) return wants(setting, "a minute at least");
  config.garbage_every = *span;
}

void take_notify(const Setting& setting, NotifyRules& out) {
  if (setting.name == "url") {
    const auto text = text_of(setting);
    if (!text) return;
    if (!text->starts_with("http://") && !text->starts_with("https://")) return wants(setting, "a URL of http or https");
    out.url = *text;
    return;
  }
  auto texts = texts_of(setting);
  if (!texts) return;
  if (setting.name == "command") {
    if (texts->empty()) return wants(setting, "a program and its arguments");
    out.command = std::move(*texts);
    return;
  }
  std::set<RunState> states;
  for (const std::string& text : *texts) {
    const auto state = run_state_from(text);
    if (!state || !is_final(*state))
      return wants(setting, "states of which \"SUCCEEDED\", \"FAILED\" and \"CANCELED\" are known");
    states.insert(*state);
  }
  out.on = std::move(states);
}

}  // namespace

std::span<const std::string_view> section_settings() { return kSettings; }

bool is_plain_section(std::string_view name) {
  return std::any_of(kSettings.begin(), kSettings.end(),
                     [&](std::string_view setting) { return setting.substr(0, setting.find('.')) == name; });
}

void take_setting(const Setting& setting, Config& config) {
  const std::string name = setting.section + "." + setting.name;
  if (std::find(kSettings.begin(), kSettings.end(), name) == kSettings.end()) {
    const std::vector<std::string> known(kSettings.begin(), kSettings.end());
    return setting.refuse("unknown setting '" + name + "'" + did_you_mean(name, known));
  }
  if (setting.section == "environments") return take_environments(setting, config.environments);
  if (setting.section == "retention") return take_retention(setting, config);
  take_notify(setting, config.notify);
}

}  // namespace sluice
