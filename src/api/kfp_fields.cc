// What the rows of each list can be sorted by and filtered on, and where the store has it.
#include <array>

#include "api/kfp_list.h"

namespace sluice {
namespace {

using Kind = KfpFieldKind;

constexpr std::array<KfpChoice, 2> kStorageStates{{{"AVAILABLE", "AVAILABLE"}, {"ARCHIVED", "ARCHIVED"}}};

// As run details show them: a cancelled run has FAILED, one that was cut short and will go on is RUNNING.
constexpr std::array<KfpChoice, 8> kRunStates{{{"PENDING", "PENDING"},
                                               {"RUNNING", "RUNNING"},
                                               {"RUNNING", "INTERRUPTED"},
                                               {"PAUSED", "PAUSED"},
                                               {"CANCELING", "CANCELING"},
                                               {"SUCCEEDED", "SUCCEEDED"},
                                               {"FAILED", "FAILED"},
                                               {"FAILED", "CANCELED"}}};
// `status` is what the API before this one called the state.
constexpr std::array<KfpChoice, 8> kRunStatuses{{{"Pending", "PENDING"},
                                                 {"Running", "RUNNING"},
                                                 {"Running", "INTERRUPTED"},
                                                 {"Paused", "PAUSED"},
                                                 {"Terminating", "CANCELING"},
                                                 {"Succeeded", "SUCCEEDED"},
                                                 {"Failed", "FAILED"},
                                                 {"Failed", "CANCELED"}}};

constexpr std::array<KfpField, 9> kExperimentFields{{{"experiment_id", "id", Kind::kNumberId},
                                                     {"id", "id", Kind::kNumberId},
                                                     {"display_name", "name"},
                                                     {"name", "name"},
                                                     {"created_at", "created", Kind::kTime},
                                                     {"last_run_created_at", "last_run", Kind::kTime},
                                                     {"description", "description"},
                                                     {"namespace", "id", Kind::kNothing},
                                                     {"storage_state", "storage", Kind::kChoice, kStorageStates}}};

constexpr std::array<KfpField, 7> kPipelineFields{{{"pipeline_id", "uuid", Kind::kUuid},
                                                   {"id", "uuid", Kind::kUuid},
                                                   {"name", "name"},
                                                   {"display_name", "display_name"},
                                                   {"created_at", "created", Kind::kTime},
                                                   {"description", "description"},
                                                   {"namespace", "id", Kind::kNothing}}};

// There is no status of a version here, and nobody looks for one by the whole of its text.
constexpr std::array<KfpField, 8> kVersionFields{{{"pipeline_version_id", "uuid", Kind::kUuid},
                                                  {"id", "uuid", Kind::kUuid},
                                                  {"name", "name"},
                                                  {"display_name", "display_name"},
                                                  {"created_at", "created", Kind::kTime},
                                                  {"description", "description"},
                                                  {"status", "id", Kind::kNothing},
                                                  {"pipeline_spec", "id", Kind::kNothing, {}, false}}};

constexpr std::array<KfpField, 14> kRunFields{{{"run_id", "uuid", Kind::kUuid},
                                               {"id", "uuid", Kind::kUuid},
                                               {"display_name", "name"},
                                               {"name", "name"},
                                               {"created_at", "created", Kind::kTime},
                                               {"finished_at", "ended", Kind::kTime},
                                               {"scheduled_at", "created", Kind::kTime},
                                               {"description", "description"},
                                               {"storage_state", "storage", Kind::kChoice, kStorageStates},
                                               {"state", "state", Kind::kChoice, kRunStates},
                                               {"status", "state", Kind::kChoice, kRunStatuses},
                                               {"namespace", "id", Kind::kNothing},
                                               {"experiment_id", "experiment", Kind::kNumberId},
                                               {"recurring_run_id", "id", Kind::kNothing}}};

}  // namespace

const KfpFields& kfp_experiment_fields() {
  static constexpr KfpFields kFields{kExperimentFields};
  return kFields;
}
const KfpFields& kfp_pipeline_fields() {
  static constexpr KfpFields kFields{kPipelineFields, true};
  return kFields;
}
const KfpFields& kfp_version_fields() {
  static constexpr KfpFields kFields{kVersionFields, true};
  return kFields;
}
const KfpFields& kfp_run_fields() {
  static constexpr KfpFields kFields{kRunFields};
  return kFields;
}

}  // namespace sluice
