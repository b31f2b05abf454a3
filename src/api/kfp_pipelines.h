// What pipelines, their versions and uploads share. Only kfp_*.cc use it.
#pragma once

#include <string>
#include <string_view>

#include "api/kfp.h"
#include "api/kfp_json.h"
#include "store/catalog.h"

namespace sluice {

void write_kfp_pipeline(JsonWriter& json, const PipelineRow& row);
HttpResponse kfp_pipeline_response(const PipelineRow& row);
void write_kfp_version(JsonWriter& json, const VersionRow& row, const Value& spec);
// With the spec out of the cache.
HttpResponse kfp_version_response(const VersionRow& row, RunStore& store, SpecCache& specs);

// Name and display name stand in for each other, then for both `fallback`. kInvalid where the contract's bounds are crossed.
Status complete(PipelineRow& row, std::string_view fallback);
Status complete(VersionRow& row, std::string_view fallback);

// Of a body: without the fields that the server fills in itself.
PipelineRow read_kfp_pipeline(MessageReader& message);
VersionRow read_kfp_version(MessageReader& message);
// What a PATCH changes: the fields that are there.
DisplayChange read_kfp_change(MessageReader& message);

// Fetches a package over http or https, and checks it. On a background thread.
struct FetchedPackage {
  std::string text;
  std::string name;  // of the file, from the URL
};
Result<FetchedPackage> fetch_package(const std::string& url);

}  // namespace sluice
