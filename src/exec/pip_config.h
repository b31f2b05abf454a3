// pip's configuration files and PIP_* variables, merged as pip merges them.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "exec/index_settings.h"

namespace sluice {

// Option name as on the command line without dashes in front ("extra-index-url") -> value; values of several lines keep them.
using PipOptions = std::map<std::string, std::string, std::less<>>;

// The options of one file's text, per section. Comments, "key: value" and continued (indented) lines as Python's configparser
// reads them; lines it would refuse are skipped: pip itself will complain about them.
std::map<std::string, PipOptions> parse_pip_config(std::string_view text);

PipOptions effective_pip_options(const Variables& variables);

}  // namespace sluice
