// JSON as YAML events. nlohmann's reader does not say where things stand, and yaml-cpp is ten times slower on JSON.
#pragma once

#include <optional>
#include <string_view>

#include "spec/yaml_builder.h"

namespace sluice {

// What is wrong if the text is not one JSON value and nothing else; the builder then holds half a document and is to be thrown
// away. `text` must be valid UTF-8. Throws what the builder throws.
std::optional<YamlRefusal> read_json_text(std::string_view text, YamlBuilder& builder);

}  // namespace sluice
