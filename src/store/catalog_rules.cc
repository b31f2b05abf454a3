#include "store/catalog_rules.h"

namespace sluice {
namespace {

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

}  // namespace

std::string_view storage_state_name(StorageState state) { return state == StorageState::kArchived ? "ARCHIVED" : "AVAILABLE"; }

std::optional<StorageState> storage_state_from(std::string_view name) {
  for (const StorageState state : {StorageState::kAvailable, StorageState::kArchived})
    if (name == storage_state_name(state)) return state;
  return std::nullopt;
}

std::string deleted_name(std::string_view name, std::int64_t id) {
  return std::string(name) + " (deleted " + std::to_string(id) + ")";
}

tl::unexpected<Error> no_experiment(std::string_view which) {
  return fail(Code::kNotFound, "there is no experiment " + quoted(which), "`sluice list experiments` shows them");
}

tl::unexpected<Error> experiment_exists(std::string_view name) {
  return fail(Code::kConflict, "there is an experiment " + quoted(name) + " already");
}

tl::unexpected<Error> experiment_was_deleted(std::string_view name) {
  return fail(Code::kConflict, "experiment " + quoted(name) + " was deleted", "use another name");
}

tl::unexpected<Error> default_experiment_stays() {
  return fail(Code::kConflict, "experiment " + quoted(kDefaultExperiment) + " cannot be deleted",
              "runs that name no experiment belong to it");
}

tl::unexpected<Error> no_pipeline(std::string_view which) {
  return fail(Code::kNotFound, "there is no pipeline " + quoted(which));
}

tl::unexpected<Error> pipeline_exists(std::string_view which) {
  return fail(Code::kConflict, "there is a pipeline " + quoted(which) + " already");
}

tl::unexpected<Error> pipeline_has_versions(const PipelineRow& pipeline, std::int64_t versions) {
  return fail(
      Code::kConflict,
      "pipeline " + quoted(pipeline.name) + " has " + std::to_string(versions) + (versions == 1 ? " version" : " versions"),
      "delete them first, or all together");
}

tl::unexpected<Error> no_version(const Uuid& pipeline, std::string_view which) {
  return fail(Code::kNotFound, "pipeline " + quoted(pipeline.text()) + " has no version " + quoted(which));
}

tl::unexpected<Error> version_exists(std::string_view which) {
  return fail(Code::kConflict, "there is a version " + quoted(which) + " of this pipeline already");
}

}  // namespace sluice
