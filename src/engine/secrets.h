// Values that a pipeline names but must not hold: secrets and config maps.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/data_dir.h"

namespace sluice {

// `[secrets.NAME] KEY = {env = "…"}` or `{file = "…"}` of sluice.toml.
struct SecretSource {
  std::string env, file;
};
using SecretRules = std::map<std::string, std::map<std::string, SecretSource>>;

// The value of one key: by rule, else the file DATA/secrets/NAME/KEY. kNotFound says where it was looked for.
Result<std::string> secret_value(const DataDir& dir, const SecretRules& rules, const std::string& name, const std::string& key);

// All keys of one: those of rules and those of the folder. kNotFound if there is none of either.
Result<std::map<std::string, std::string>> secret_values(const DataDir& dir, const SecretRules& rules, const std::string& name);

// Of the texts that a value is printed as: it without spaces at its ends, and each longer line of one that has several. They are
// what the log must not show.
void add_hidden_texts(const std::string& value, std::vector<std::string>& texts);

struct ValueRules {
  SecretRules secrets, config_maps;
};
// Of config maps: by rule, else DATA/config_maps/NAME/KEY, else where a secret of that name would be.
Result<std::string> config_map_value(const DataDir& dir, const ValueRules& rules, const std::string& name,
                                     const std::string& key);
Result<std::map<std::string, std::string>> config_map_values(const DataDir& dir, const ValueRules& rules,
                                                             const std::string& name);

// Names and keys come from a pipeline: they must stay below the folder that they are looked for in.
bool is_plain_name(const std::string& name);

}  // namespace sluice
