// Settings: flags > environment SLUICE_* > ./sluice.toml > DATA/sluice.toml.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/notify_rules.h"
#include "base/diagnostic.h"
#include "engine/garbage.h"
#include "engine/secrets.h"
#include "engine/site.h"
#include "exec/supervisor.h"
#include "sched/budget.h"
#include "store/run_store.h"

namespace sluice {

// [server] of sluice.toml, and the flags of `sluice up`.
struct ServerConfig {
  std::string host = "127.0.0.1";
  int port = 8080;  // 0: a free one
  std::string token_file;
  std::string tls_certificate, tls_key;  // PEM files
  std::vector<std::string> allow_hosts;  // names by which this server is called, besides addresses and localhost
  bool anybody = false;                  // may call, without a token, at an address that others reach
  bool log_json = false;
};

// [warm] of sluice.toml, or `warm = false`: Python steps in forks of interpreters that have imported what they need.
struct WarmConfig {
  bool enabled = true;  // SLUICE_WARM=0: not
  WarmOptions options{};
};

struct Config {
  std::string data_dir = ".sluice";
  int slots = 0;                     // 0: one per core
  Sync durability = Sync::kNormal;   // "process" (kill -9) or "power" (a power cut too)
  bool private_tmp = true;
  Duration stop_grace = std::chrono::seconds(10);
  bool keep_checkpoints = false;     // also those of tasks that have succeeded
  ImageRules images;
  EnvironmentSettings environments;
  GarbageRules garbage;
  std::optional<Duration> garbage_every = std::chrono::hours(24);  // of a server; nothing: never by itself
  NotifyRules notify;
  ValueRules values;                 // [secrets.NAME] and [config_maps.NAME]
  ServerConfig server;
  int gpus = -1;                     // -1: as many as are found
  std::map<std::string, int, std::less<>> pools;       // tasks at a time
  std::map<std::string, Budget, std::less<>> budgets;  // of experiments, by name
  WarmConfig warm;
  std::string server_url;            // that verbs talk to (SLUICE_SERVER, --server); empty: the data directory's
  std::string token;                 // for it (SLUICE_TOKEN)

  SiteRules sites() const { return {.images = images, .environments = environments}; }
  std::string environment_root() const { return environments.root.empty() ? default_environment_root() : environments.root; }
};

// What the setting is called by which a server may be reached by others without tokens.
constexpr const char* kAnybody = "without-tokens-anybody-who-reaches-this-address-may-run-commands-here";

// `data_dir_flag` empty: not given. `file_flag`: instead of ./sluice.toml; it must be there. Errors name file:line:column.
struct LoadedConfig {
  Config config;
  Diagnostics errors;
};
LoadedConfig load_config(const std::string& data_dir_flag, const std::string& file_flag = {});

// "2GiB", "500MB", "25%" of the machine's memory; nothing for any other text.
std::optional<std::int64_t> memory_setting(std::string_view text);

// read_tokens() of a file that somebody has named: that it is not there is a bad setting.
Result<std::vector<std::string>> tokens_of_file(const std::string& path);

}  // namespace sluice
