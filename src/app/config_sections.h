// The sections of sluice.toml that are only values: [environments], [retention], [notify].
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "app/config.h"
#include "base/value.h"

namespace sluice {

struct Setting {
  std::string section, name;
  Value value;                    // text, number, flag or list; null for anything else
  std::string folder;             // of the file that says so: paths are relative to it
  std::function<void(std::string problem)> refuse;
};

bool is_plain_section(std::string_view name);
void take_setting(const Setting& setting, Config& config);

// "environments.index_url" and so on: all that take_setting() knows.
std::span<const std::string_view> section_settings();

}  // namespace sluice
