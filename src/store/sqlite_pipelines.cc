#include <array>
#include <optional>
#include <utility>

#include "base/json.h"
#include "store/catalog_rules.h"
#include "store/run_rules.h"
#include "store/sqlite_catalog.h"

namespace sluice {
namespace {

std::string tags_text(const Tags& tags) {
  JsonWriter json;
  json.begin_object();
  for (const auto& [key, value] : tags) json.field(key, value);
  return json.end_object().take();
}

Result<Tags> tags_of(const SqliteStatement& row, int column, const char* what) {
  const auto unreadable = [&](std::string_view why) {
    return fail(Code::kCorrupt,
                std::string(what) + " " + std::to_string(row.integer(0)) + ": stored tags do not read back: " + std::string(why));
  };
  const auto value = parse_json(row.text(column));
  if (!value) return unreadable(value.error().message);
  if (!value->is_struct()) return unreadable("not an object");
  Tags tags;
  for (const auto& [key, tag] : value->as_struct()) {
    if (!tag.is_string()) return unreadable("'" + key + "' is not a text");
    tags.emplace(key, tag.as_string());
  }
  return tags;
}

Result<PipelineRow> pipeline_of(const SqliteStatement& row) {
  PipelineRow pipeline{.id = row.integer(0),
                       .name = std::string(row.text(2)),
                       .display_name = std::string(row.text(3)),
                       .description = std::string(row.text(4)),
                       .created = row.instant(5)};
  SLUICE_TRY(pipeline.uuid, row.uuid(1));
  SLUICE_TRY(pipeline.tags, tags_of(row, 6, "pipeline"));
  return pipeline;
}

Result<VersionRow> version_of(const SqliteStatement& row) {
  VersionRow version{.id = row.integer(0),
                     .name = std::string(row.text(3)),
                     .display_name = std::string(row.text(4)),
                     .description = std::string(row.text(5)),
                     .code_source_url = std::string(row.text(6)),
                     .package_url = std::string(row.text(7)),
                     .created = row.instant(8),
                     .spec_digest = std::string(row.text(9))};
  SLUICE_TRY(version.uuid, row.uuid(1));
  SLUICE_TRY(version.pipeline, row.uuid(2));
  SLUICE_TRY(version.tags, tags_of(row, 10, "version"));
  return version;
}

template <class Row>
Result<std::optional<Row>> one(SqliteStatement& query, Result<Row> (*row_of)(const SqliteStatement&)) {
  std::optional<Row> found;
  SLUICE_TRY_STATUS(query.each([&]() -> Status {
    SLUICE_TRY(found, row_of(query));
    return {};
  }));
  return found;
}

template <class Row>
Status put(SqliteStatement& statement, const Row& row, const DisplayChange& change) {
  const std::string display_name = change.display_name.value_or(row.display_name);
  const std::string description = change.description.value_or(row.description);
  const std::string tags = tags_text(change.tags ? *change.tags : row.tags);
  return statement.bind(row.id, display_name, description, tags).run();
}

constexpr std::array<SqlColumn, 7> kColumns{{{"id", "id"},
                                             {"uuid", "uuid"},
                                             {"name", "name"},
                                             {"display_name", "display_name"},
                                             {"description", "description"},
                                             {"created", "created"},
                                             {"tag:KEY", "tags"}}};
constexpr std::array<SqlCount, 1> kPipelineCounts{{{kColumns, "SELECT count(*) FROM pipelines WHERE TRUE"}}};
constexpr std::array<SqlCount, 1> kVersionCounts{{{kColumns, "SELECT count(*) FROM versions WHERE pipeline = ?"}}};

}  // namespace

std::string SqliteCatalog::select_pipelines(std::string_view where) {
  return std::string("SELECT id, uuid, name, display_name, description, created, tags FROM pipelines WHERE ").append(where);
}

std::string SqliteCatalog::select_versions(std::string_view where) {
  return std::string(
             "SELECT id, uuid, pipeline, name, display_name, description, code_source_url, package_url, created, "
             "spec_digest, tags FROM versions WHERE ")
      .append(where);
}

Result<PipelineRow> SqliteCatalog::insert(const PipelineRow& pipeline) {
  SLUICE_TRY(const bool uuid_taken, pipeline_.bind(pipeline.uuid.bytes).any());
  if (uuid_taken) return pipeline_exists(pipeline.uuid.text());
  SLUICE_TRY(const bool name_taken, pipeline_by_name_.bind(pipeline.name).any());
  if (name_taken) return pipeline_exists(pipeline.name);
  const std::string tags = tags_text(pipeline.tags);
  insert_pipeline_.bind(pipeline.uuid.bytes, pipeline.name, pipeline.display_name, pipeline.description, pipeline.created, tags);
  SLUICE_TRY_STATUS(insert_pipeline_.run());
  PipelineRow made = pipeline;
  made.id = db_.last_row_id();
  return made;
}

Result<VersionRow> SqliteCatalog::insert(const VersionRow& version, std::string_view spec) {
  SLUICE_TRY(const bool uuid_taken, version_uuid_.bind(version.uuid.bytes).any());
  if (uuid_taken) return version_exists(version.uuid.text());
  SLUICE_TRY(const bool name_taken, version_name_.bind(version.pipeline.bytes, version.name).any());
  if (name_taken) return version_exists(version.name);
  VersionRow made = version;
  made.spec_digest = spec_digest(spec);
  SLUICE_TRY_STATUS(insert_spec_.bind(made.spec_digest, spec).run());
  const std::string tags = tags_text(made.tags);
  insert_version_.bind(made.uuid.bytes, made.pipeline.bytes, made.name, made.display_name, made.description, made.code_source_url,
                       made.package_url, made.created, made.spec_digest, tags);
  SLUICE_TRY_STATUS(insert_version_.run());
  made.id = db_.last_row_id();
  return made;
}

Result<PipelineRow> SqliteCatalog::create_pipeline(const PipelineRow& pipeline) {
  return db_.transaction(true, [&] { return insert(pipeline); });
}

Result<PipelineRow> SqliteCatalog::create_pipeline_with_version(const PipelineRow& pipeline, const VersionRow& version,
                                                                std::string_view spec) {
  return db_.transaction(true, [&]() -> Result<PipelineRow> {
    SLUICE_TRY(PipelineRow made, insert(pipeline));
    VersionRow first = version;
    first.pipeline = made.uuid;
    SLUICE_TRY_STATUS(insert(first, spec));
    return made;
  });
}

Result<PipelineRow> SqliteCatalog::pipeline(const Uuid& uuid) {
  SLUICE_TRY(auto found, one(pipeline_.bind(uuid.bytes), pipeline_of));
  if (!found) return no_pipeline(uuid.text());
  return *std::move(found);
}

Result<PipelineRow> SqliteCatalog::pipeline_by_name(std::string_view name) {
  SLUICE_TRY(auto found, one(pipeline_by_name_.bind(name), pipeline_of));
  if (!found) return no_pipeline(name);
  return *std::move(found);
}

Result<Listed<PipelineRow>> SqliteCatalog::list_pipelines(const ListQuery& query) {
  const SqlSource source{pipeline_fields(), kColumns, select_pipelines("TRUE"), kPipelineCounts};
  return list_rows<PipelineRow>(db_, lists_, source, query, {}, pipeline_of);
}

Status SqliteCatalog::change_pipeline(const Uuid& uuid, const DisplayChange& change) {
  return db_.transaction(true, [&]() -> Status {
    SLUICE_TRY(const PipelineRow row, pipeline(uuid));
    return put(put_pipeline_, row, change);
  });
}

Status SqliteCatalog::delete_pipeline(const Uuid& uuid, bool cascade) {
  return db_.transaction(true, [&]() -> Status {
    SLUICE_TRY(const PipelineRow row, pipeline(uuid));
    std::int64_t versions = 0;
    SLUICE_TRY_STATUS(count_versions_.bind(uuid.bytes).each([&] {
      versions = count_versions_.integer(0);
      return Status{};
    }));
    if (versions > 0 && !cascade) return pipeline_has_versions(row, versions);
    SLUICE_TRY_STATUS(delete_versions_.bind(uuid.bytes).run());
    return delete_pipeline_.bind(uuid.bytes).run();
  });
}

Result<VersionRow> SqliteCatalog::create_version(const VersionRow& version, std::string_view spec) {
  return db_.transaction(true, [&]() -> Result<VersionRow> {
    SLUICE_TRY_STATUS(pipeline(version.pipeline));
    return insert(version, spec);
  });
}

Result<VersionRow> SqliteCatalog::version(const Uuid& pipeline, const Uuid& version) {
  SLUICE_TRY(auto found, one(version_.bind(pipeline.bytes, version.bytes), version_of));
  if (!found) return no_version(pipeline, version.text());
  return *std::move(found);
}

Result<VersionRow> SqliteCatalog::latest_version(const Uuid& pipeline) {
  SLUICE_TRY_STATUS(this->pipeline(pipeline));
  SLUICE_TRY(auto found, one(latest_version_.bind(pipeline.bytes), version_of));
  if (!found) return no_version(pipeline, "latest");
  return *std::move(found);
}

Result<Listed<VersionRow>> SqliteCatalog::list_versions(const Uuid& pipeline, const ListQuery& query) {
  const SqlSource source{version_fields(), kColumns, select_versions("pipeline = ?"), kVersionCounts};
  const std::array<SqlValue, 1> scope{pipeline};
  return list_rows<VersionRow>(db_, lists_, source, query, scope, version_of);
}

Status SqliteCatalog::change_version(const Uuid& pipeline, const Uuid& version, const DisplayChange& change) {
  return db_.transaction(true, [&]() -> Status {
    SLUICE_TRY(const VersionRow row, this->version(pipeline, version));
    return put(put_version_, row, change);
  });
}

Status SqliteCatalog::delete_version(const Uuid& pipeline, const Uuid& version) {
  return db_.transaction(true, [&]() -> Status {
    SLUICE_TRY_STATUS(delete_version_.bind(pipeline.bytes, version.bytes).run());
    return db_.changes() == 1 ? Status{} : no_version(pipeline, version.text());
  });
}

}  // namespace sluice
