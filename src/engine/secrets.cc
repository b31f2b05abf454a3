#include "engine/secrets.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/text.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

// Lines of a key or of a JSON document; shorter ones are mostly brackets and words that others use, too.
constexpr std::size_t kHiddenLineMin = 8;

// What values are called in messages and in sluice.toml, and where they lie.
struct Store {
  const char* setting;
  std::string folder;
  const SecretRules& rules;
};

Error not_found(const Store& store, const std::string& name, const std::string& key) {
  std::string what = "'" + name + "'";
  if (!key.empty()) what += ", key '" + key + "'";
  const std::string shown = key.empty() ? "KEY" : key;
  return {Code::kNotFound, what + ": not found",
          "put the value in " + store.folder + "/" + name + "/" + shown + ", or name its source in sluice.toml: [" +
              store.setting + "." + name + "] " + shown + " = {env = \"…\"}"};
}

Result<std::string> value_of(const Store& store, const std::string& name, const std::string& key) {
  if (!is_plain_name(name) || !is_plain_name(key)) return fail(Code::kInvalid, "'" + name + "', key '" + key + "': not a name");
  const std::string what = "'" + name + "', key '" + key + "': ";
  if (const auto rule = store.rules.find(name); rule != store.rules.end()) {
    if (const auto source = rule->second.find(key); source != rule->second.end()) {
      if (source->second.env.empty()) {
        if (auto text = small_file_text(source->second.file)) return std::move(*text);
        return fail(Code::kNotFound, what + "no file " + source->second.file + " that can be read");
      }
      if (const char* value = std::getenv(source->second.env.c_str()); value != nullptr) return std::string(value);
      return fail(Code::kNotFound, what + "the environment variable " + source->second.env + " is not set");
    }
  }
  if (auto text = small_file_text(store.folder + "/" + name + "/" + key)) return std::move(*text);
  return fail(not_found(store, name, key));
}

Result<std::map<std::string, std::string>> values_of(const Store& store, const std::string& name) {
  if (!is_plain_name(name)) return fail(Code::kInvalid, "'" + name + "': not a name");
  std::map<std::string, std::string> values;
  std::vector<std::string> keys;
  if (const auto rule = store.rules.find(name); rule != store.rules.end())
    for (const auto& [key, source] : rule->second) keys.push_back(key);
  for (const auto& path : folder_entries(store.folder + "/" + name)) keys.push_back(path.filename());
  for (const std::string& key : keys) {
    if (values.contains(key)) continue;
    // A folder among the files, or a file of an editor that cannot be read, is no key.
    auto value = value_of(store, name, key);
    if (value)
      values.emplace(key, std::move(*value));
    else if (const auto rule = store.rules.find(name); rule != store.rules.end() && rule->second.contains(key))
      return fail(std::move(value).error());
  }
  if (values.empty()) return fail(not_found(store, name, ""));
  return values;
}

Store secrets_of(const DataDir& dir, const SecretRules& rules) { return {"secrets", dir.secrets(), rules}; }
Store config_maps_of(const DataDir& dir, const ValueRules& rules) {
  return {"config_maps", dir.config_maps(), rules.config_maps};
}

}  // namespace

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

Result<std::string> secret_value(const DataDir& dir, const SecretRules& rules, const std::string& name, const std::string& key) {
  return value_of(secrets_of(dir, rules), name, key);
}

Result<std::map<std::string, std::string>> secret_values(const DataDir& dir, const SecretRules& rules, const std::string& name) {
  return values_of(secrets_of(dir, rules), name);
}

// What is wrong with a config map is told as of a config map, not as of the secret that it is not either.
Result<std::string> config_map_value(const DataDir& dir, const ValueRules& rules, const std::string& name,
                                     const std::string& key) {
  auto value = value_of(config_maps_of(dir, rules), name, key);
  if (value || value.error().code != Code::kNotFound) return value;
  auto secret = value_of(secrets_of(dir, rules.secrets), name, key);
  return secret ? secret : value;
}

Result<std::map<std::string, std::string>> config_map_values(const DataDir& dir, const ValueRules& rules,
                                                             const std::string& name) {
  auto values = values_of(config_maps_of(dir, rules), name);
  if (values || values.error().code != Code::kNotFound) return values;
  auto secrets = values_of(secrets_of(dir, rules.secrets), name);
  return secrets ? secrets : values;
}

void add_hidden_texts(const std::string& value, std::vector<std::string>& texts) {
  const std::string_view plain = trim(value);
  if (plain.empty()) return;
  texts.emplace_back(plain);
  const auto lines = split(plain, '\n');
  if (lines.size() < 2) return;
  for (const std::string_view line : lines)
    if (trim(line).size() >= kHiddenLineMin) texts.emplace_back(trim(line));
}

}  // namespace sluice
