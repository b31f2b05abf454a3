// Experiments, pipelines and their versions: what runs belong to and are made of.
//
// The same rules as for RunStore: one writer, readers with a store of their own. Names are unique: of experiments that are not
// deleted, of pipelines, of the versions of one pipeline; a second one is kConflict. Every write is a transaction of its own.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/uuid.h"
#include "store/listing.h"

namespace sluice {

using Tags = std::map<std::string, std::string, std::less<>>;

enum class StorageState { kAvailable, kArchived };
std::string_view storage_state_name(StorageState state);  // "AVAILABLE"

struct ExperimentRow {
  std::int64_t id = 0;  // its public id, as decimal text; 0 = Default
  std::string name;
  std::string description;
  StorageState storage = StorageState::kAvailable;
  Instant created;
  Instant last_run;  // creation of its newest run; 0 = none yet
  std::int64_t runs = 0;
};

struct PipelineRow {  // an uploaded one
  std::int64_t id = 0;
  Uuid uuid;
  std::string name, display_name, description;
  Instant created;
  Tags tags;
};

struct VersionRow {
  std::int64_t id = 0;
  Uuid uuid, pipeline;
  std::string name, display_name, description, code_source_url, package_url;
  Instant created;
  std::string spec_digest;
  Tags tags;
};

// What a patch changes; nothing: stays as it is.
struct DisplayChange {
  std::optional<std::string> display_name;
  std::optional<std::string> description;
  std::optional<Tags> tags;
};

struct PipelineUse {  // pipelines that runs were made of, by the name in their text
  std::string name;
  std::int64_t runs = 0;
  Instant last_run;
};

class Catalog {
 public:
  virtual ~Catalog() = default;

  // kConflict if one of that name is there.
  virtual Result<ExperimentRow> create_experiment(const std::string& name, const std::string& description, Instant now) = 0;
  virtual Result<ExperimentRow> experiment(std::int64_t id) = 0;  // kNotFound, also for one that was deleted
  virtual Result<ExperimentRow> experiment_by_name(std::string_view name) = 0;
  // Fields: id, name, description, created, last_run, storage ("AVAILABLE").
  virtual Result<Listed<ExperimentRow>> list_experiments(const ListQuery& query) = 0;
  // kArchived: its runs too. kAvailable: they stay as they are.
  virtual Status set_experiment_storage(std::int64_t id, StorageState storage) = 0;
  // Its runs stay; its name becomes "NAME (deleted ID)". kConflict for experiment 0.
  virtual Status delete_experiment(std::int64_t id) = 0;

  // `version.pipeline` and ids are set by the store; `spec` is the version's text, stored once per content.
  virtual Result<PipelineRow> create_pipeline(const PipelineRow& pipeline) = 0;
  virtual Result<PipelineRow> create_pipeline_with_version(const PipelineRow& pipeline, const VersionRow& version,
                                                           std::string_view spec) = 0;
  virtual Result<PipelineRow> pipeline(const Uuid& uuid) = 0;
  virtual Result<PipelineRow> pipeline_by_name(std::string_view name) = 0;
  // Fields: id, uuid, name, display_name, description, created, tag:KEY (filter only, kEquals).
  virtual Result<Listed<PipelineRow>> list_pipelines(const ListQuery& query) = 0;
  virtual Status change_pipeline(const Uuid& uuid, const DisplayChange& change) = 0;
  // kConflict while it has versions, unless `cascade`. Runs made of it stay.
  virtual Status delete_pipeline(const Uuid& uuid, bool cascade) = 0;

  // kNotFound if there is no such pipeline.
  virtual Result<VersionRow> create_version(const VersionRow& version, std::string_view spec) = 0;
  virtual Result<VersionRow> version(const Uuid& pipeline, const Uuid& version) = 0;
  virtual Result<VersionRow> latest_version(const Uuid& pipeline) = 0;  // newest created
  // Fields as of pipelines.
  virtual Result<Listed<VersionRow>> list_versions(const Uuid& pipeline, const ListQuery& query) = 0;
  virtual Status change_version(const Uuid& pipeline, const Uuid& version, const DisplayChange& change) = 0;
  virtual Status delete_version(const Uuid& pipeline, const Uuid& version) = 0;

  virtual Result<std::vector<PipelineUse>> pipelines_in_use() = 0;
};

}  // namespace sluice
