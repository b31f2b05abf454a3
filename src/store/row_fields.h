// What the rows can be listed by: their fields, and the value of each.
#pragma once

#include <optional>
#include <string_view>

#include "store/listing.h"
#include "store/run_store.h"

namespace sluice {

const FieldTable& run_fields();
const FieldTable& experiment_fields();
const FieldTable& pipeline_fields();
const FieldTable& version_fields();

// The value of a field that the table of the row's kind has. Nothing: this row has none.
std::optional<FieldValue> field_of(const RunRow& row, std::string_view field);
std::optional<FieldValue> field_of(const ExperimentRow& row, std::string_view field);
std::optional<FieldValue> field_of(const PipelineRow& row, std::string_view field);
std::optional<FieldValue> field_of(const VersionRow& row, std::string_view field);

}  // namespace sluice
