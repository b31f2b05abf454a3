// The documents of a YAML or JSON text as values, for whoever hands a pipeline's text on as JSON.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/value.h"

namespace sluice {

// Empty documents are left out. Bounds and costs are those of parse_pipeline; the first error is told.
Result<std::vector<Value>> read_documents(std::string_view text, std::string_view file);

}  // namespace sluice
