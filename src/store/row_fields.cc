#include "store/row_fields.h"

#include <array>
#include <string>

namespace sluice {
namespace {

constexpr std::array<Field, 14> kRunFields{{{"id", FieldKind::kInteger},
                                            {"uuid", FieldKind::kUuid},
                                            {"name", FieldKind::kText},
                                            {"description", FieldKind::kText},
                                            {"created", FieldKind::kInteger},
                                            {"began", FieldKind::kInteger},
                                            {"ended", FieldKind::kInteger},
                                            {"state", FieldKind::kText},
                                            {"storage", FieldKind::kText},
                                            {"experiment", FieldKind::kInteger},
                                            {"experiment_name", FieldKind::kText},
                                            {"pipeline_name", FieldKind::kText},
                                            {"pipeline", FieldKind::kUuid, false},
                                            {"version", FieldKind::kUuid, false}}};

constexpr std::array<Field, 6> kExperimentFields{{{"id", FieldKind::kInteger},
                                                  {"name", FieldKind::kText},
                                                  {"description", FieldKind::kText},
                                                  {"created", FieldKind::kInteger},
                                                  {"last_run", FieldKind::kInteger},
                                                  {"storage", FieldKind::kText}}};

constexpr std::array<Field, 6> kPipelineFields{{{"id", FieldKind::kInteger},
                                                {"uuid", FieldKind::kUuid},
                                                {"name", FieldKind::kText},
                                                {"display_name", FieldKind::kText},
                                                {"description", FieldKind::kText},
                                                {"created", FieldKind::kInteger}}};

std::optional<FieldValue> uuid_field(const std::optional<Uuid>& uuid) {
  if (!uuid) return std::nullopt;
  return uuid->text();
}

template <class Row>
std::optional<FieldValue> pipeline_field(const Row& row, std::string_view field) {
  if (field == "id") return row.id;
  if (field == "uuid") return row.uuid.text();
  if (field == "name") return row.name;
  if (field == "display_name") return row.display_name;
  if (field == "description") return row.description;
  if (field == "created") return to_micros(row.created);
  if (const auto key = tag_key(field))
    if (const auto tag = row.tags.find(*key); tag != row.tags.end()) return tag->second;
  return std::nullopt;
}

}  // namespace

const FieldTable& run_fields() {
  static constexpr FieldTable kTable{"runs", kRunFields};
  return kTable;
}

const FieldTable& experiment_fields() {
  static constexpr FieldTable kTable{"experiments", kExperimentFields};
  return kTable;
}

const FieldTable& pipeline_fields() {
  static constexpr FieldTable kTable{"pipelines", kPipelineFields, true};
  return kTable;
}

const FieldTable& version_fields() {
  static constexpr FieldTable kTable{"versions", kPipelineFields, true};
  return kTable;
}

std::optional<FieldValue> field_of(const RunRow& row, std::string_view field) {
  if (field == "id") return row.id.value;
  if (field == "uuid") return row.uuid.text();
  if (field == "name") return row.name;
  if (field == "description") return row.description;
  if (field == "created") return to_micros(row.created);
  if (field == "began") return to_micros(row.began);
  if (field == "ended") return to_micros(row.ended);
  if (field == "state") return std::string(state_name(row.state));
  if (field == "storage") return std::string(storage_state_name(row.storage));
  if (field == "experiment") return row.experiment_id;
  if (field == "experiment_name") return row.experiment;
  if (field == "pipeline_name") return row.pipeline_name;
  if (field == "pipeline") return uuid_field(row.pipeline);
  if (field == "version") return uuid_field(row.version);
  return std::nullopt;
}

std::optional<FieldValue> field_of(const ExperimentRow& row, std::string_view field) {
  if (field == "id") return row.id;
  if (field == "name") return row.name;
  if (field == "description") return row.description;
  if (field == "created") return to_micros(row.created);
  if (field == "last_run") return to_micros(row.last_run);
  if (field == "storage") return std::string(storage_state_name(row.storage));
  return std::nullopt;
}

std::optional<FieldValue> field_of(const PipelineRow& row, std::string_view field) { return pipeline_field(row, field); }
std::optional<FieldValue> field_of(const VersionRow& row, std::string_view field) { return pipeline_field(row, field); }

}  // namespace sluice
