// KFP IR v2.1 files (YAML or JSON, one or several documents) to a Pipeline, or everything that is wrong with them.
//
// Contract: shared facts of the KFP back end (IR 2.1.0): field names in lowerCamelCase or snake_case, unknown fields are errors
// except below deploymentSpec, enums by name or number, int64 as text or number, durations as "60s".
#pragma once

#include <string>
#include <string_view>

#include "base/diagnostic.h"
#include "base/result.h"
#include "model/pipeline.h"

namespace sluice {

struct ParsedPipeline {
  Pipeline pipeline;       // meaningful only if errors is empty
  Diagnostics errors;      // every one found in one pass, in the order of the file
  Diagnostics warnings;
};

// Costs one pass over the text, and bounded memory: at most 64 MiB of text, 100 levels, 5,000,000 nodes after aliases are
// expanded; a document beyond that is refused as soon as the bound is crossed. `file` only names the text in diagnostics.
ParsedPipeline parse_pipeline(std::string_view text, std::string_view file);

// A file of run parameters (`--params F`): one JSON or YAML object.
Result<Struct> parse_params(std::string_view text, std::string_view file);

}  // namespace sluice
