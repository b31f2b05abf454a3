// Where packages come from, as this machine's pip is configured: read here so that uv, which does not know pip's configuration,
// installs the same packages as pip would.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "exec/command.h"

namespace sluice {

using Variables = std::map<std::string, std::string, std::less<>>;
Variables own_variables();
// "" if it is not set.
std::string value_of(const Variables& variables, std::string_view name);

struct IndexSettings {
  std::string index_url;
  std::vector<std::string> extra_index_urls;
  std::vector<std::string> find_links;
  std::vector<std::string> trusted_hosts;
  std::vector<std::string> constraints;   // absolute paths or URLs
  bool no_index = false;
  std::string cert, client_cert, proxy, timeout;
  std::vector<std::string> pip_only;      // "no-binary=numpy": what uv says otherwise or cannot say; only pip may install then
};

// PIP_* variables over [install] over [global] of pip's files (/etc/xdg/pip, /etc, ~/.pip, ~/.config/pip, PIP_CONFIG_FILE).
IndexSettings pip_settings(const Variables& variables);

// A component's own options: --index-url U, --extra-index-url U, --trusted-host H, --find-links L, --no-index; "--option=value"
// and option and value in one text ("--index-url U") are read too. kInvalid for any other.
Result<IndexSettings> component_settings(std::span<const std::string> options);
// The same options as separate arguments, for pip.
std::vector<std::string> pip_arguments(std::span<const std::string> options);

// What to set so that uv sees `machine` and, before it, `component`. A UV_* variable of the user wins over pip's configuration.
VariableChanges uv_variables(const IndexSettings& machine, const IndexSettings& component, const Variables& variables);

// Names everything in the machine's configuration that changes which packages get installed: index urls (without credentials),
// find-links, contents of constraint files, uv's resolver settings. Empty if nothing is configured.
std::string settings_fingerprint(const IndexSettings& machine, const Variables& variables);

// "https://user:secret@host/simple" -> "https://host/simple", wherever a URL stands in the text.
std::string without_credentials(std::string_view text);

}  // namespace sluice
