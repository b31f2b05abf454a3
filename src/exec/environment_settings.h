// [environments] of sluice.toml: where packages come from and what environments are made of, before what pip and uv are
// configured with on this machine.
#pragma once

#include <string>
#include <vector>

#include "exec/index_settings.h"

namespace sluice {

struct EnvironmentSettings {
  std::string index_url;
  std::vector<std::string> extra_index_urls;
  std::vector<std::string> find_links;            // absolute folders, or URLs
  std::string constraints;                        // absolute path of a file
  bool offline = false;                           // only from find_links, and what uv has kept
  std::string uv = "auto";                        // "auto", "none" (pip), or the path of one
  std::string python;                             // absolute path of the interpreter where none is wanted; empty: of PATH
  std::string root;                               // absolute; empty: default_environment_root()
  std::vector<std::string> default_requirements;  // of every lightweight component, besides its own
};

// What is set here takes the place of what PIP_* and UV_* variables and pip's files say of the same thing. As changes of
// variables, for installers; and made on top of variables, for whoever reads pip's settings from them.
VariableChanges settings_variables(const EnvironmentSettings& settings);
Variables with_settings(Variables variables, const EnvironmentSettings& settings);

// 64 hex digits over what, besides an EnvironmentSpec, decides which packages get installed on this machine: the index urls
// (without credentials), find-links and the contents of constraint files that the settings, pip's configuration and the PIP_* and
// UV_* variables name. To be mixed into the key. Empty if nothing of it is set. Reads a few small files. Whether it is offline
// does not count: what was built with a network serves without one.
std::string environment_variables_fingerprint(const EnvironmentSettings& settings = {});

}  // namespace sluice
