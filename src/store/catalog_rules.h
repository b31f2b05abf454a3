// What every Catalog does in the same way, whatever it keeps its rows in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/uuid.h"
#include "store/catalog.h"

namespace sluice {

// Experiment 0, of the runs that name none. It cannot be deleted.
constexpr std::int64_t kDefaultExperimentId = 0;
constexpr std::string_view kDefaultExperiment = "Default";

std::optional<StorageState> storage_state_from(std::string_view name);

// "NAME (deleted ID)": what an experiment is called once it is deleted.
std::string deleted_name(std::string_view name, std::int64_t id);

tl::unexpected<Error> no_experiment(std::string_view which);
tl::unexpected<Error> experiment_exists(std::string_view name);
// Somebody gives the name that a deleted one has been left with.
tl::unexpected<Error> experiment_was_deleted(std::string_view name);
tl::unexpected<Error> default_experiment_stays();
tl::unexpected<Error> no_pipeline(std::string_view which);
tl::unexpected<Error> pipeline_exists(std::string_view which);
tl::unexpected<Error> pipeline_has_versions(const PipelineRow& pipeline, std::int64_t versions);
tl::unexpected<Error> no_version(const Uuid& pipeline, std::string_view which);
tl::unexpected<Error> version_exists(std::string_view which);

}  // namespace sluice
