#include "store/sqlite_catalog.h"

#include <array>
#include <optional>
#include <utility>

#include "store/catalog_rules.h"
#include "store/run_rules.h"

namespace sluice {
namespace {

Result<ExperimentRow> experiment_of_row(const SqliteStatement& row) {
  const auto storage = storage_state_from(row.text(3));
  if (!storage)
    return fail(Code::kCorrupt, "experiment " + std::to_string(row.integer(0)) + ": stored storage state '" +
                                    std::string(row.text(3)) + "' is none");
  return ExperimentRow{.id = row.integer(0),
                       .name = std::string(row.text(1)),
                       .description = std::string(row.text(2)),
                       .storage = *storage,
                       .created = row.instant(4),
                       .last_run = row.instant(5),
                       .runs = row.integer(6)};
}

Result<std::optional<ExperimentRow>> one_experiment(SqliteStatement& query) {
  std::optional<ExperimentRow> found;
  SLUICE_TRY_STATUS(query.each([&]() -> Status {
    SLUICE_TRY(found, experiment_of_row(query));
    return {};
  }));
  return found;
}

constexpr std::array<SqlColumn, 6> kColumns{{{"id", "id"},
                                             {"name", "name"},
                                             {"description", "description"},
                                             {"created", "created"},
                                             {"last_run", "last_run"},
                                             {"storage", "storage"}}};
constexpr std::array<SqlCount, 1> kCounts{{{kColumns, "SELECT count(*) FROM experiments WHERE deleted = 0"}}};

}  // namespace

std::string SqliteCatalog::select_experiments(std::string_view where) {
  std::string sql = "SELECT id, name, description, storage, created, last_run, runs FROM experiments WHERE deleted = 0";
  if (!where.empty()) sql.append(" AND ").append(where);
  return sql;
}

Result<SqliteCatalog::Named> SqliteCatalog::named(std::string_view name) {
  Named answer = Named::kNone;
  SLUICE_TRY_STATUS(experiment_named_.bind(name).each([&] {
    answer = experiment_named_.integer(0) != 0 ? Named::kDeleted : Named::kLive;
    return Status{};
  }));
  return answer;
}

Result<ExperimentRow> SqliteCatalog::create_experiment(const std::string& name, const std::string& description, Instant now) {
  return db_.transaction(true, [&]() -> Result<ExperimentRow> {
    SLUICE_TRY(const Named known, named(name));
    if (known != Named::kNone) return known == Named::kDeleted ? experiment_was_deleted(name) : experiment_exists(name);
    SLUICE_TRY_STATUS(insert_experiment_.bind(name, description, now).run());
    return ExperimentRow{.id = db_.last_row_id(), .name = name, .description = description, .created = now};
  });
}

Result<ExperimentRow> SqliteCatalog::experiment(std::int64_t id) {
  SLUICE_TRY(auto found, one_experiment(experiment_.bind(id)));
  if (!found) return no_experiment(std::to_string(id));
  return *std::move(found);
}

Result<ExperimentRow> SqliteCatalog::experiment_by_name(std::string_view name) {
  SLUICE_TRY(auto found, one_experiment(experiment_by_name_.bind(name)));
  if (!found) return no_experiment(name);
  return *std::move(found);
}

Result<Listed<ExperimentRow>> SqliteCatalog::list_experiments(const ListQuery& query) {
  const SqlSource source{experiment_fields(), kColumns, select_experiments(""), kCounts};
  return list_rows<ExperimentRow>(db_, lists_, source, query, {}, experiment_of_row);
}

Status SqliteCatalog::set_experiment_storage(std::int64_t id, StorageState storage) {
  return db_.transaction(true, [&]() -> Status {
    SLUICE_TRY_STATUS(experiment(id));
    SLUICE_TRY_STATUS(store_experiment_.bind(id, storage_state_name(storage)).run());
    if (storage == StorageState::kAvailable) return {};
    SLUICE_TRY_STATUS(archive_runs_.bind(id).run());
    return all_are_archived_.bind(id).run();
  });
}

Status SqliteCatalog::delete_experiment(std::int64_t id) {
  return db_.transaction(true, [&]() -> Status {
    SLUICE_TRY(const ExperimentRow row, experiment(id));
    if (id == kDefaultExperimentId) return default_experiment_stays();
    // Somebody may have called a live one so.
    std::string name = deleted_name(row.name, id);
    for (;; name = deleted_name(name, id)) {
      SLUICE_TRY(const Named taken, named(name));
      if (taken == Named::kNone) break;
    }
    return delete_experiment_.bind(id, name).run();
  });
}

Result<std::vector<PipelineUse>> SqliteCatalog::pipelines_in_use() {
  std::vector<PipelineUse> uses;
  SLUICE_TRY_STATUS(uses_.each([&]() -> Status {
    uses.push_back({.name = std::string(uses_.text(0)), .runs = uses_.integer(1), .last_run = uses_.instant(2)});
    return {};
  }));
  return uses;
}

}  // namespace sluice
