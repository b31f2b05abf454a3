#include "exec/pip_config.h"

#include <vector>

#include "base/text.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

std::string option_name(std::string_view text) {
  std::string name = replace_all(lower(trim(text)), "_", "-");
  return name.starts_with("--") ? name.substr(2) : name;
}

// In the order in which they are overridden.
std::vector<std::string> config_files(const Variables& variables) {
  const std::string named = value_of(variables, "PIP_CONFIG_FILE");
  if (named == "/dev/null") return {};  // pip's way to say: read none
  std::vector<std::string> files;
  std::string shared = value_of(variables, "XDG_CONFIG_DIRS");
  if (shared.empty()) shared = "/etc/xdg";
  for (const std::string_view dir : split(shared, ':'))
    if (!dir.empty()) files.push_back(std::string(dir) + "/pip/pip.conf");
  files.emplace_back("/etc/pip.conf");
  const bool named_exists = !named.empty() && small_file_text(named).has_value();
  const std::string home = value_of(variables, "HOME");
  if (!named_exists && !home.empty()) {
    files.push_back(home + "/.pip/pip.conf");
    const std::string config = value_of(variables, "XDG_CONFIG_HOME");
    files.push_back((config.empty() ? home + "/.config" : config) + "/pip/pip.conf");
  }
  if (named_exists) files.push_back(named);
  return files;
}

}  // namespace

std::map<std::string, PipOptions> parse_pip_config(std::string_view text) {
  std::map<std::string, PipOptions> sections;
  PipOptions* section = nullptr;
  std::string* open = nullptr;  // the value that an indented line continues
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view content = trim(line);
    if (content.empty() || content.front() == '#' || content.front() == ';') continue;
    if (open != nullptr && (line.front() == ' ' || line.front() == '\t')) {
      if (!open->empty()) *open += '\n';
      *open += content;
    } else if (content.front() == '[' && content.back() == ']') {
      section = &sections[std::string(content.substr(1, content.size() - 2))];
      open = nullptr;
    } else if (const auto at = content.find_first_of("=:"); section != nullptr && at != std::string_view::npos) {
      open = &(*section)[option_name(content.substr(0, at))];
      *open = trim(content.substr(at + 1));
    }
  }
  return sections;
}

PipOptions effective_pip_options(const Variables& variables) {
  std::map<std::string, PipOptions> sections;
  for (const std::string& path : config_files(variables)) {
    const auto text = small_file_text(path);
    if (!text) continue;
    for (const auto& [name, options] : parse_pip_config(*text))
      for (const auto& [option, value] : options) sections[name][option] = value;
  }
  PipOptions out = sections["global"];
  for (const auto& [option, value] : sections["install"]) out[option] = value;
  for (const auto& [name, value] : variables)
    if (name.starts_with("PIP_") && !value.empty()) out[option_name(name.substr(4))] = value;
  std::erase_if(out, [](const auto& entry) { return entry.second.empty(); });
  return out;
}

}  // namespace sluice
