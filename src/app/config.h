// Settings: flags > environment SLUICE_* > ./sluice.toml > DATA/sluice.toml.
#pragma once

#include <map>
#include <string>

#include "base/diagnostic.h"
#include "engine/secrets.h"
#include "engine/site.h"
#include "store/run_store.h"

namespace sluice {

struct Config {
  std::string data_dir = ".sluice";
  int slots = 0;                     // 0: one per core
  Sync durability = Sync::kNormal;   // "process" (kill -9) or "power" (a power cut too)
  bool private_tmp = true;
  Duration stop_grace = std::chrono::seconds(10);
  ImageRules images;
  SecretRules secrets;
};

// `data_dir_flag` empty: not given. Errors name file:line:column.
struct LoadedConfig {
  Config config;
  Diagnostics errors;
};
LoadedConfig load_config(const std::string& data_dir_flag);

}  // namespace sluice
