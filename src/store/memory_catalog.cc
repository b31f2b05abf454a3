#include "store/memory_catalog.h"

#include <utility>

#include "store/catalog_rules.h"
#include "store/run_rules.h"

namespace sluice {
namespace {

template <class Row>
void apply(const DisplayChange& change, Row& row) {
  if (change.display_name) row.display_name = *change.display_name;
  if (change.description) row.description = *change.description;
  if (change.tags) row.tags = *change.tags;
}

}  // namespace

ExperimentRow MemoryCatalog::told(const MemoryExperiment& experiment) const {
  ExperimentRow row = experiment.row;
  for (const auto& [id, run] : rows_.runs) {
    if (run.row.experiment_id != row.id) continue;
    ++row.runs;
    row.last_run = std::max(row.last_run, run.row.created);
  }
  return row;
}

MemoryExperiment* MemoryCatalog::find_experiment(std::int64_t id) {
  if (id < 0 || std::cmp_greater_equal(id, rows_.experiments.size())) return nullptr;
  MemoryExperiment& experiment = rows_.experiments[static_cast<std::size_t>(id)];
  return experiment.deleted ? nullptr : &experiment;
}

Result<ExperimentRow> MemoryCatalog::create_experiment(const std::string& name, const std::string& description, Instant now) {
  const std::lock_guard lock(rows_.mutex);
  if (const auto* known = rows_.experiment_named(name))
    return known->deleted ? experiment_was_deleted(name) : experiment_exists(name);
  const auto id = static_cast<std::int64_t>(rows_.experiments.size());
  rows_.experiments.push_back({.row = {.id = id, .name = name, .description = description, .created = now}});
  return rows_.experiments.back().row;
}

Result<ExperimentRow> MemoryCatalog::experiment(std::int64_t id) {
  const std::lock_guard lock(rows_.mutex);
  const auto* found = find_experiment(id);
  if (found == nullptr) return no_experiment(std::to_string(id));
  return told(*found);
}

Result<ExperimentRow> MemoryCatalog::experiment_by_name(std::string_view name) {
  const std::lock_guard lock(rows_.mutex);
  const auto* found = rows_.experiment_named(name);
  if (found == nullptr || found->deleted) return no_experiment(name);
  return told(*found);
}

Result<Listed<ExperimentRow>> MemoryCatalog::list_experiments(const ListQuery& query) {
  const std::lock_guard lock(rows_.mutex);
  std::vector<ExperimentRow> all;
  for (const MemoryExperiment& experiment : rows_.experiments)
    if (!experiment.deleted) all.push_back(told(experiment));
  return list_rows(std::move(all), query, experiment_fields());
}

Status MemoryCatalog::set_experiment_storage(std::int64_t id, StorageState storage) {
  const std::lock_guard lock(rows_.mutex);
  auto* found = find_experiment(id);
  if (found == nullptr) return no_experiment(std::to_string(id));
  found->row.storage = storage;
  if (storage == StorageState::kAvailable) return {};
  for (auto& [run_id, run] : rows_.runs)
    if (run.row.experiment_id == id) run.row.storage = storage;
  return {};
}

Status MemoryCatalog::delete_experiment(std::int64_t id) {
  const std::lock_guard lock(rows_.mutex);
  auto* found = find_experiment(id);
  if (found == nullptr) return no_experiment(std::to_string(id));
  if (id == kDefaultExperimentId) return default_experiment_stays();
  std::string name = found->row.name;
  do {
    name = deleted_name(name, id);
  } while (rows_.experiment_named(name) != nullptr);
  found->row.name = name;
  found->deleted = true;
  for (auto& [run_id, run] : rows_.runs)
    if (run.row.experiment_id == id) run.row.experiment = name;
  return {};
}

PipelineRow* MemoryCatalog::find_pipeline(const Uuid& uuid) {
  for (auto& [id, row] : rows_.pipelines)
    if (row.uuid == uuid) return &row;
  return nullptr;
}

Status MemoryCatalog::may_insert(const PipelineRow& pipeline) {
  for (const auto& [id, row] : rows_.pipelines) {
    if (row.uuid == pipeline.uuid) return pipeline_exists(row.uuid.text());
    if (row.name == pipeline.name) return pipeline_exists(row.name);
  }
  return {};
}

PipelineRow MemoryCatalog::insert(PipelineRow pipeline) {
  pipeline.id = ++rows_.last_pipeline;
  rows_.pipelines.emplace(pipeline.id, pipeline);
  return pipeline;
}

Result<PipelineRow> MemoryCatalog::create_pipeline(const PipelineRow& pipeline) {
  const std::lock_guard lock(rows_.mutex);
  SLUICE_TRY_STATUS(may_insert(pipeline));
  return insert(pipeline);
}

Result<PipelineRow> MemoryCatalog::create_pipeline_with_version(const PipelineRow& pipeline, const VersionRow& version,
                                                                std::string_view spec) {
  const std::lock_guard lock(rows_.mutex);
  VersionRow first = version;
  first.pipeline = pipeline.uuid;
  SLUICE_TRY_STATUS(may_insert(pipeline));
  SLUICE_TRY_STATUS(may_insert(first));
  PipelineRow made = insert(pipeline);
  insert(std::move(first), spec);
  return made;
}

Result<PipelineRow> MemoryCatalog::pipeline(const Uuid& uuid) {
  const std::lock_guard lock(rows_.mutex);
  const auto* found = find_pipeline(uuid);
  if (found == nullptr) return no_pipeline(uuid.text());
  return *found;
}

Result<PipelineRow> MemoryCatalog::pipeline_by_name(std::string_view name) {
  const std::lock_guard lock(rows_.mutex);
  for (const auto& [id, row] : rows_.pipelines)
    if (row.name == name) return row;
  return no_pipeline(name);
}

Result<Listed<PipelineRow>> MemoryCatalog::list_pipelines(const ListQuery& query) {
  const std::lock_guard lock(rows_.mutex);
  std::vector<PipelineRow> all;
  for (const auto& [id, row] : rows_.pipelines) all.push_back(row);
  return list_rows(std::move(all), query, pipeline_fields());
}

Status MemoryCatalog::change_pipeline(const Uuid& uuid, const DisplayChange& change) {
  const std::lock_guard lock(rows_.mutex);
  auto* found = find_pipeline(uuid);
  if (found == nullptr) return no_pipeline(uuid.text());
  apply(change, *found);
  return {};
}

Status MemoryCatalog::delete_pipeline(const Uuid& uuid, bool cascade) {
  const std::lock_guard lock(rows_.mutex);
  const auto* found = find_pipeline(uuid);
  if (found == nullptr) return no_pipeline(uuid.text());
  const auto versions = versions_of(uuid);
  if (!versions.empty() && !cascade) return pipeline_has_versions(*found, static_cast<std::int64_t>(versions.size()));
  for (const VersionRow& version : versions) rows_.versions.erase(version.id);
  rows_.pipelines.erase(found->id);
  return {};
}

VersionRow* MemoryCatalog::find_version(const Uuid& pipeline, const Uuid& uuid) {
  for (auto& [id, row] : rows_.versions)
    if (row.uuid == uuid && row.pipeline == pipeline) return &row;
  return nullptr;
}

std::vector<VersionRow> MemoryCatalog::versions_of(const Uuid& pipeline) const {
  std::vector<VersionRow> versions;
  for (const auto& [id, row] : rows_.versions)
    if (row.pipeline == pipeline) versions.push_back(row);
  return versions;
}

Status MemoryCatalog::may_insert(const VersionRow& version) {
  for (const auto& [id, row] : rows_.versions) {
    if (row.uuid == version.uuid) return version_exists(row.uuid.text());
    if (row.pipeline == version.pipeline && row.name == version.name) return version_exists(row.name);
  }
  return {};
}

VersionRow MemoryCatalog::insert(VersionRow version, std::string_view spec) {
  version.id = ++rows_.last_version;
  version.spec_digest = spec_digest(spec);
  rows_.specs.emplace(version.spec_digest, spec);
  rows_.versions.emplace(version.id, version);
  return version;
}

Result<VersionRow> MemoryCatalog::create_version(const VersionRow& version, std::string_view spec) {
  const std::lock_guard lock(rows_.mutex);
  if (find_pipeline(version.pipeline) == nullptr) return no_pipeline(version.pipeline.text());
  SLUICE_TRY_STATUS(may_insert(version));
  return insert(version, spec);
}

Result<VersionRow> MemoryCatalog::version(const Uuid& pipeline, const Uuid& version) {
  const std::lock_guard lock(rows_.mutex);
  const auto* found = find_version(pipeline, version);
  if (found == nullptr) return no_version(pipeline, version.text());
  return *found;
}

Result<VersionRow> MemoryCatalog::latest_version(const Uuid& pipeline) {
  const std::lock_guard lock(rows_.mutex);
  if (find_pipeline(pipeline) == nullptr) return no_pipeline(pipeline.text());
  auto versions = versions_of(pipeline);
  if (versions.empty()) return no_version(pipeline, "latest");
  return std::move(*std::max_element(versions.begin(), versions.end(), [](const VersionRow& a, const VersionRow& b) {
    return std::tie(a.created, a.id) < std::tie(b.created, b.id);
  }));
}

Result<Listed<VersionRow>> MemoryCatalog::list_versions(const Uuid& pipeline, const ListQuery& query) {
  const std::lock_guard lock(rows_.mutex);
  return list_rows(versions_of(pipeline), query, version_fields());
}

Status MemoryCatalog::change_version(const Uuid& pipeline, const Uuid& version, const DisplayChange& change) {
  const std::lock_guard lock(rows_.mutex);
  auto* found = find_version(pipeline, version);
  if (found == nullptr) return no_version(pipeline, version.text());
  apply(change, *found);
  return {};
}

Status MemoryCatalog::delete_version(const Uuid& pipeline, const Uuid& version) {
  const std::lock_guard lock(rows_.mutex);
  const auto* found = find_version(pipeline, version);
  if (found == nullptr) return no_version(pipeline, version.text());
  rows_.versions.erase(found->id);
  return {};
}

Result<std::vector<PipelineUse>> MemoryCatalog::pipelines_in_use() {
  const std::lock_guard lock(rows_.mutex);
  std::map<std::string, PipelineUse> uses;
  for (const auto& [id, run] : rows_.runs) {
    PipelineUse& use = uses[run.row.pipeline_name];
    use = {.name = run.row.pipeline_name, .runs = use.runs + 1, .last_run = run.row.created};
  }
  std::vector<PipelineUse> out;
  out.reserve(uses.size());
  for (auto& [name, use] : uses) out.push_back(std::move(use));
  return out;
}

}  // namespace sluice
