// What the routes of runs share. Only kfp_*.cc use it.
#pragma once

#include "api/kfp.h"
#include "api/kfp_run_json.h"

namespace sluice {

// Writes the run; with its tasks if `whole`. Lists have none: a run may have ten thousand.
Status write_run_row(JsonWriter& json, RunStore& store, const Service& service, SpecCache& specs, const RunRow& run, bool whole);
Result<HttpResponse> kfp_run_response(RunStore& store, const Service& service, SpecCache& specs, const RunRow& run);

}  // namespace sluice
