// Uploaded pipelines by what people call them. Only own_*.cc use it.
#pragma once

#include <string_view>

#include "base/result.h"
#include "store/catalog.h"

namespace sluice {

// By UUID or name.
Result<PipelineRow> find_pipeline(Catalog& catalog, std::string_view which);
// By UUID or name; empty: the newest.
Result<VersionRow> find_version(Catalog& catalog, const PipelineRow& pipeline, std::string_view which);

}  // namespace sluice
