// The catalogue of the SQLite store: experiments (sqlite_catalog.cc), pipelines and their versions (sqlite_pipelines.cc).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/catalog.h"
#include "store/sqlite.h"
#include "store/sqlite_listing.h"

namespace sluice {

class SqliteCatalog final : public Catalog {
 public:
  explicit SqliteCatalog(SqliteConnection& db) : db_(db) {}

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
  static std::string select_experiments(std::string_view where);
  static std::string select_pipelines(std::string_view where);
  static std::string select_versions(std::string_view where);

  // Whether an experiment has that name, and whether it was deleted.
  enum class Named { kNone, kLive, kDeleted };
  Result<Named> named(std::string_view name);
  Result<PipelineRow> insert(const PipelineRow& pipeline);
  Result<VersionRow> insert(const VersionRow& version, std::string_view spec);

  SqliteConnection& db_;
  StatementCache lists_{db_};

  SqliteStatement experiment_{db_, select_experiments("id = ?1")};
  SqliteStatement experiment_by_name_{db_, select_experiments("name = ?1")};
  SqliteStatement experiment_named_{db_, "SELECT deleted FROM experiments WHERE name = ?1"};
  SqliteStatement insert_experiment_{db_, "INSERT INTO experiments (name, description, created) VALUES (?1, ?2, ?3)"};
  SqliteStatement store_experiment_{db_, "UPDATE experiments SET storage = ?2 WHERE id = ?1"};
  SqliteStatement archive_runs_{db_, "UPDATE runs SET storage = 'ARCHIVED' WHERE experiment = ?1 AND storage <> 'ARCHIVED'"};
  SqliteStatement all_are_archived_{db_, "UPDATE experiments SET archived_runs = runs WHERE id = ?1"};
  SqliteStatement delete_experiment_{db_, "UPDATE experiments SET name = ?2, deleted = 1 WHERE id = ?1"};
  SqliteStatement uses_{db_,
                        "SELECT name, runs, (SELECT created FROM runs WHERE id = newest) FROM (SELECT pipeline_name AS name, "
                        "count(*) AS runs, max(id) AS newest FROM runs GROUP BY pipeline_name) ORDER BY name"};

  SqliteStatement insert_spec_{db_, "INSERT OR IGNORE INTO specs VALUES (?1, ?2)"};

  SqliteStatement pipeline_{db_, select_pipelines("uuid = ?1")};
  SqliteStatement pipeline_by_name_{db_, select_pipelines("name = ?1")};
  SqliteStatement insert_pipeline_{
      db_, "INSERT INTO pipelines (uuid, name, display_name, description, created, tags) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"};
  SqliteStatement put_pipeline_{db_, "UPDATE pipelines SET display_name = ?2, description = ?3, tags = ?4 WHERE id = ?1"};
  SqliteStatement delete_pipeline_{db_, "DELETE FROM pipelines WHERE uuid = ?1"};

  SqliteStatement version_{db_, select_versions("pipeline = ?1 AND uuid = ?2")};
  SqliteStatement version_uuid_{db_, "SELECT 1 FROM versions WHERE uuid = ?1"};
  SqliteStatement version_name_{db_, "SELECT 1 FROM versions WHERE pipeline = ?1 AND name = ?2"};
  SqliteStatement latest_version_{db_, select_versions("pipeline = ?1 ORDER BY created DESC, id DESC LIMIT 1")};
  SqliteStatement count_versions_{db_, "SELECT count(*) FROM versions WHERE pipeline = ?1"};
  SqliteStatement insert_version_{
      db_,
      "INSERT INTO versions (uuid, pipeline, name, display_name, description, code_source_url, package_url, created, "
      "spec_digest, tags) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"};
  SqliteStatement put_version_{db_, "UPDATE versions SET display_name = ?2, description = ?3, tags = ?4 WHERE id = ?1"};
  SqliteStatement delete_version_{db_, "DELETE FROM versions WHERE pipeline = ?1 AND uuid = ?2"};
  SqliteStatement delete_versions_{db_, "DELETE FROM versions WHERE pipeline = ?1"};
};

}  // namespace sluice
