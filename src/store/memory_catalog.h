// The catalogue of the memory store.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/catalog.h"
#include "store/memory_rows.h"

namespace sluice {

class MemoryCatalog final : public Catalog {
 public:
  explicit MemoryCatalog(MemoryRows& rows) : rows_(rows) {}

  Result<ExperimentRow> create_experiment(const std::string& name, const std::string& description, Instant now) override;
  Result<ExperimentRow> experiment(std::int64_t id) override;
  Result<ExperimentRow> experiment_by_name(std::string_view name) override;
  Result<Listed<ExperimentRow>> list_experiments(const ListQuery& query) override;
  Status set_experiment_storage(std::int64_t id, StorageState storage) override;
  Status delete_experiment(std::int64_t id) override;

  Result<PipelineRow> create_pipeline(const PipelineRow& pipeline) override;
  Result<PipelineRow> create_pipeline_with_version(const PipelineRow& pipeline, const VersionRow& version,
                                                   std::string_view spec) override;
  Result<PipelineRow> pipeline(const Uuid& uuid) override;
  Result<PipelineRow> pipeline_by_name(std::string_view name) override;
  Result<Listed<PipelineRow>> list_pipelines(const ListQuery& query) override;
  Status change_pipeline(const Uuid& uuid, const DisplayChange& change) override;
  Status delete_pipeline(const Uuid& uuid, bool cascade) override;

  Result<VersionRow> create_version(const VersionRow& version, std::string_view spec) override;
  Result<VersionRow> version(const Uuid& pipeline, const Uuid& version) override;
  Result<VersionRow> latest_version(const Uuid& pipeline) override;
  Result<Listed<VersionRow>> list_versions(const Uuid& pipeline, const ListQuery& query) override;
  Status change_version(const Uuid& pipeline, const Uuid& version, const DisplayChange& change) override;
  Status delete_version(const Uuid& pipeline, const Uuid& version) override;

  Result<std::vector<PipelineUse>> pipelines_in_use() override;

 private:
  // All of these with the mutex held.
  ExperimentRow told(const MemoryExperiment& experiment) const;
  MemoryExperiment* find_experiment(std::int64_t id);
  PipelineRow* find_pipeline(const Uuid& uuid);
  VersionRow* find_version(const Uuid& pipeline, const Uuid& uuid);
  std::vector<VersionRow> versions_of(const Uuid& pipeline) const;
  Status may_insert(const PipelineRow& pipeline);
  Status may_insert(const VersionRow& version);
  PipelineRow insert(PipelineRow pipeline);
  VersionRow insert(VersionRow version, std::string_view spec);

  MemoryRows& rows_;
};

}  // namespace sluice
