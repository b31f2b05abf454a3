#include "app/config.h"

#include <unistd.h>

#include <toml++/toml.h>
#include <array>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <utility>

#include "api/guard.h"
#include "app/config_sections.h"
#include "base/text.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

class Reader {
 public:
  Reader(std::string file, Config& config, Diagnostics& errors) : file_(std::move(file)), config_(config), errors_(errors) {}

  void read(const std::string& text) {
    try {
      const toml::table table = toml::parse(text, file_);
      for (const auto& [key, node] : table) take(std::string(key.str()), node);
    } catch (const toml::parse_error& error) {
      note(error.source(), std::string(error.description()));
    }
  }

 private:
  void take(const std::string& key, const toml::node& node) {
    static const std::vector<std::string> kKeys{"data_dir", "slots",  "durability",   "private_tmp", "stop_grace", "images",
                                                "secrets",  "server", "environments", "retention",   "notify",     "resources",
                                                "pools",    "budgets", "config_maps",  "keep_checkpoints", "warm"};
    if (key == "data_dir") return text(key, node, config_.data_dir);
    if (key == "images") return images(node);
    if (key == "secrets") return values(key, node, config_.values.secrets);
    if (key == "config_maps") return values(key, node, config_.values.config_maps);
    if (key == "server") return server(node);
    if (is_plain_section(key)) return plain_section(key, node);
    if (key == "resources") return resources(node);
    if (key == "pools") return pools(node);
    if (key == "budgets") return budgets(node);
    if (key == "warm") return warm(node);
    if (key == "slots") {
      const auto slots = node.value<std::int64_t>();
      if (!slots || *slots < 1 || *slots > 10000) return note(node.source(), "slots: a number from 1 to 10000");
      config_.slots = static_cast<int>(*slots);
    } else if (key == "durability") {
      const auto level = node.value<std::string>();
      if (level != "process" && level != "power") return note(node.source(), "durability: \"process\" or \"power\"");
      config_.durability = level == "power" ? Sync::kFull : Sync::kNormal;
    } else if (key == "private_tmp") {
      const auto flag = node.value_exact<bool>();
      if (!flag) return note(node.source(), "private_tmp: true or false");
      config_.private_tmp = *flag;
    } else if (key == "keep_checkpoints") {
      const auto flag = node.value_exact<bool>();
      if (!flag) return note(node.source(), "keep_checkpoints: true or false");
      config_.keep_checkpoints = *flag;
    } else if (key == "stop_grace") {
      const auto duration = parse_duration(node.value_or(std::string()));
      if (!duration) return note(node.source(), "stop_grace: a duration such as \"10s\"");
      config_.stop_grace = *duration;
    } else {
      note(node.source(), "unknown setting '" + key + "'" + did_you_mean(key, kKeys));
    }
  }

  void text(const std::string& key, const toml::node& node, std::string& out) {
    const auto value = node.value<std::string>();
    if (!value) return note(node.source(), key + ": text in quotes");
    out = *value;
  }

  void images(const toml::node& node) {
    if (!node.is_table()) return note(node.source(), "images: a table, such as [images]");
    for (const auto& [image, rule] : *node.as_table()) {
      const auto value = rule.value_or(std::string());
      if (value != "host" && value != "python" && value != "container" && !value.starts_with('/'))
        note(rule.source(), "images: \"" + std::string(image.str()) +
                                "\" must be \"host\", \"python\", \"container\" or the path of an interpreter");
      else
        config_.images[std::string(image.str())] = value;
    }
  }

  void values(const std::string& setting, const toml::node& node, SecretRules& rules) {
    if (!node.is_table()) return note(node.source(), setting + ": a table, such as [" + setting + ".NAME]");
    for (const auto& [name, keys] : *node.as_table()) {
      if (!keys.is_table()) {
        note(keys.source(), setting + "." + std::string(name.str()) + ": a table of keys");
        continue;
      }
      for (const auto& [key, source] : *keys.as_table()) {
        const toml::table* fields = source.as_table();
        SecretSource from;
        if (fields != nullptr)
          from = {.env = (*fields)["env"].value_or(std::string()), .file = (*fields)["file"].value_or(std::string())};
        if (from.env.empty() == from.file.empty())
          note(source.source(), setting + "." + std::string(name.str()) + "." + std::string(key.str()) +
                                    ": {env = \"VARIABLE\"} or {file = \"PATH\"}");
        else
          rules[std::string(name.str())][std::string(key.str())] = from;
      }
    }
  }

  void resources(const toml::node& node) {
    static const std::vector<std::string> kKeys{"gpus"};
    if (!node.is_table()) return note(node.source(), "resources: a table, such as [resources]");
    for (const auto& [key, value] : *node.as_table()) {
      const auto gpus = value.value<std::int64_t>();
      if (key.str() != "gpus")
        note(value.source(), "unknown setting 'resources." + std::string(key.str()) + "'" + did_you_mean(key.str(), kKeys));
      else if (!gpus || *gpus < 0 || *gpus > 1000)
        note(value.source(), "resources.gpus: a number from 0 to 1000");
      else
        config_.gpus = static_cast<int>(*gpus);
    }
  }

  void pools(const toml::node& node) {
    if (!node.is_table()) return note(node.source(), "pools: a table, such as [pools]");
    for (const auto& [name, value] : *node.as_table()) {
      const auto limit = value.value<std::int64_t>();
      if (!limit || *limit < 1 || *limit > 10000)
        note(value.source(), "pools." + std::string(name.str()) + ": how many of its tasks at a time, from 1 to 10000");
      else
        config_.pools[std::string(name.str())] = static_cast<int>(*limit);
    }
  }

  void budgets(const toml::node& node) {
    if (!node.is_table()) return note(node.source(), "budgets: a table, such as [budgets.EXPERIMENT]");
    for (const auto& [name, fields] : *node.as_table()) {
      const std::string key = "budgets." + std::string(name.str());
      if (!fields.is_table()) {
        note(fields.source(), key + ": a table, such as cpu = \"10h\"");
        continue;
      }
      Struct texts;
      for (const auto& [part, value] : *fields.as_table())
        texts.emplace(std::string(part.str()), value.is_string() ? Value(value.value_or(std::string())) : Value());
      auto budget = budget_from_value(Value(texts));
      if (budget)
        config_.budgets[std::string(name.str())] = *budget;
      else
        note(fields.source(), key + ": " + budget.error().message);
    }
  }

  void server(const toml::node& node) {
    if (!node.is_table()) return note(node.source(), "server: a table, such as [server]");
    for (const auto& [key, value] : *node.as_table()) server_setting(std::string(key.str()), value);
  }

  void server_setting(const std::string& key, const toml::node& node) {
    static const std::string kAnybodyKey = replace_all(kAnybody, "-", "_");
    static const std::vector<std::string> kKeys{"host",    "port",        "token_file", "tls_certificate",
                                                "tls_key", "allow_hosts", "log_format", kAnybodyKey};
    ServerConfig& server = config_.server;
    if (key == "host") return text("server.host", node, server.host);
    if (key == "token_file") return text("server.token_file", node, server.token_file);
    if (key == "tls_certificate") return text("server.tls_certificate", node, server.tls_certificate);
    if (key == "tls_key") return text("server.tls_key", node, server.tls_key);
    if (key == "port") {
      const auto port = node.value<std::int64_t>();
      if (!port || *port < 0 || *port > 65535) return note(node.source(), "server.port: a number from 0 to 65535");
      server.port = static_cast<int>(*port);
    } else if (key == "allow_hosts") {
      const toml::array* names = node.as_array();
      if (names == nullptr || names->empty() || !names->is_homogeneous<std::string>())
        return note(node.source(), "server.allow_hosts: a list of names in quotes");
      server.allow_hosts.clear();
      for (const auto& name : *names) server.allow_hosts.push_back(name.value_or(std::string()));
    } else if (key == "log_format") {
      const auto format = node.value<std::string>();
      if (format != "text" && format != "json") return note(node.source(), "server.log_format: \"text\" or \"json\"");
      server.log_json = format == "json";
    } else if (key == kAnybodyKey) {
      const auto flag = node.value_exact<bool>();
      if (!flag) return note(node.source(), "server." + key + ": true or false");
      server.anybody = *flag;
    } else {
      note(node.source(), "unknown setting 'server." + key + "'" + did_you_mean(key, kKeys));
    }
  }

  void plain_section(const std::string& section, const toml::node& node) {
    if (!node.is_table()) return note(node.source(), section + ": a table, such as [" + section + "]");
    std::error_code error;
    const std::string folder = std::filesystem::absolute(file_, error).parent_path();
    for (const auto& [key, value] : *node.as_table()) {
      const toml::source_region& where = value.source();
      take_setting({.section = section,
                    .name = std::string(key.str()),
                    .value = plain_value(value),
                    .folder = folder,
                    .refuse = [this, &where](std::string problem) { note(where, std::move(problem)); }},
                   config_);
    }
  }

  static Value plain_value(const toml::node& node) {
    if (const auto* text = node.as_string()) return Value(text->get());
    if (const auto* flag = node.as_boolean()) return Value(flag->get());
    if (const auto number = node.value_exact<std::int64_t>()) return Value(static_cast<double>(*number));
    const toml::array* array = node.as_array();
    if (array == nullptr) return {};
    List list;
    for (const toml::node& each : *array) list.push_back(plain_value(each));
    return Value(std::move(list));
  }

  void warm(const toml::node& node) {
    if (const auto flag = node.value_exact<bool>()) {
      config_.warm.enabled = *flag;
      return;
    }
    if (!node.is_table()) return note(node.source(), "warm: true, false, or a table, such as [warm]");
    for (const auto& [key, value] : *node.as_table()) warm_setting(std::string(key.str()), value);
  }

  void warm_setting(const std::string& key, const toml::node& node) {
    static const std::vector<std::string> kKeys{"enabled", "memory", "idle"};
    WarmConfig& warm = config_.warm;
    if (key == "enabled") {
      const auto flag = node.value_exact<bool>();
      if (!flag) return note(node.source(), "warm.enabled: true or false");
      warm.enabled = *flag;
    } else if (key == "memory") {
      const auto bytes = memory_setting(node.value_or(std::string()));
      if (!bytes) return note(node.source(), "warm.memory: such as \"25%\" (of the machine's) or \"2GiB\"");
      warm.options.memory_bytes = *bytes;
    } else if (key == "idle") {
      const auto duration = parse_duration(node.value_or(std::string()));
      if (!duration) return note(node.source(), "warm.idle: a duration such as \"10m\"");
      warm.options.idle = *duration;
    } else {
      note(node.source(), "unknown setting 'warm." + key + "'" + did_you_mean(key, kKeys));
    }
  }

  void note(const toml::source_region& where, std::string message) {
    errors_.push_back({.file = file_,
                       .place = {static_cast<int>(where.begin.line), static_cast<int>(where.begin.column)},
                       .code = Code::kInvalid,
                       .message = std::move(message)});
  }

  std::string file_;
  Config& config_;
  Diagnostics& errors_;
};

void read_file(const std::string& path, Config& config, Diagnostics& errors) {
  if (const auto text = small_file_text(path)) Reader(path, config, errors).read(*text);
}

void read_environment(Config& config, Diagnostics& errors) {
  if (const char* dir = std::getenv("SLUICE_DATA_DIR"); dir != nullptr && *dir != '\0') config.data_dir = dir;
  if (const char* url = std::getenv("SLUICE_SERVER"); url != nullptr) config.server_url = url;
  if (const char* token = std::getenv("SLUICE_TOKEN"); token != nullptr) config.token = token;
  if (const char* warm = std::getenv("SLUICE_WARM"); warm != nullptr && *warm != '\0') {
    if (std::string_view(warm) == "0" || std::string_view(warm) == "1")
      config.warm.enabled = *warm == '1';
    else
      errors.push_back({.code = Code::kInvalid, .message = "SLUICE_WARM: 0 or 1, got '" + std::string(warm) + "'"});
  }
  if (const char* text = std::getenv("SLUICE_SLOTS"); text != nullptr && *text != '\0') {
    const std::string_view digits(text);
    int slots = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), slots);
    if (error != std::errc{} || end != digits.data() + digits.size() || slots < 1 || slots > 10000)
      errors.push_back(
          {.code = Code::kInvalid, .message = "SLUICE_SLOTS: a number from 1 to 10000, got '" + std::string(digits) + "'"});
    else
      config.slots = slots;
  }
  if (const char* level = std::getenv("SLUICE_DURABILITY"); level != nullptr && *level != '\0') {
    if (std::string_view(level) != "process" && std::string_view(level) != "power")
      errors.push_back(
          {.code = Code::kInvalid, .message = "SLUICE_DURABILITY: process or power, got '" + std::string(level) + "'"});
    else
      config.durability = std::string_view(level) == "power" ? Sync::kFull : Sync::kNormal;
  }
}

}  // namespace

std::optional<std::int64_t> memory_setting(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || !(number > 0) || number > 1e15) return std::nullopt;
  const std::string_view unit = trim(text.substr(static_cast<std::size_t>(end - text.data())));
  if (unit == "%") {
    if (number > 100) return std::nullopt;
    return static_cast<std::int64_t>(number / 100 * static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                                     static_cast<double>(sysconf(_SC_PAGESIZE)));
  }
  constexpr std::array<std::pair<std::string_view, double>, 9> kUnits{{{"KiB", 1024.0},
                                                                       {"MiB", 1024.0 * 1024},
                                                                       {"GiB", 1024.0 * 1024 * 1024},
                                                                       {"TiB", 1024.0 * 1024 * 1024 * 1024},
                                                                       {"kB", 1e3},
                                                                       {"MB", 1e6},
                                                                       {"GB", 1e9},
                                                                       {"TB", 1e12},
                                                                       {"B", 1}}};
  for (const auto& [name, factor] : kUnits)
    if (unit == name && number * factor >= 1 && number * factor < 9e18) return static_cast<std::int64_t>(number * factor);
  return std::nullopt;
}

Result<std::vector<std::string>> tokens_of_file(const std::string& path) {
  auto tokens = read_tokens(path);
  if (tokens || tokens.error().code != Code::kNotFound) return tokens;
  return fail(Code::kInvalid, tokens.error().message, tokens.error().hint);
}

LoadedConfig load_config(const std::string& data_dir_flag, const std::string& file_flag) {
  LoadedConfig loaded;
  const std::string file = file_flag.empty() ? "sluice.toml" : file_flag;
  if (!file_flag.empty() && !small_file_text(file)) {
    loaded.errors.push_back({.file = file, .code = Code::kInvalid, .message = "cannot be read", .hint = "see --config"});
    return loaded;
  }
  // The data directory says where the weakest file lies, so the stronger sources are read first for its sake, and again on top.
  Config where;
  Diagnostics ignored;
  read_file(file, where, ignored);
  read_environment(where, ignored);
  if (!data_dir_flag.empty()) where.data_dir = data_dir_flag;

  const std::string weakest = where.data_dir + "/sluice.toml";
  std::error_code absent;
  if (!std::filesystem::equivalent(weakest, file, absent)) read_file(weakest, loaded.config, loaded.errors);
  read_file(file, loaded.config, loaded.errors);
  read_environment(loaded.config, loaded.errors);
  loaded.config.data_dir = where.data_dir;
  if (loaded.config.slots == 0) loaded.config.slots = static_cast<int>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  return loaded;
}

}  // namespace sluice
