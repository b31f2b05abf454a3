// Directories that outlive the attempts of a task: DATA/checkpoints/RUN/TASK. They are there after a crash, a retry and a resume,
// and go when the task has succeeded, unless somebody wants to keep them, or with the run.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/data_dir.h"
#include "model/artifact.h"
#include "plan/plan.h"

namespace sluice {

// A pod annotation of the task's.
constexpr std::string_view kKeepCheckpointAnnotation = "sluice.dev/keep-checkpoint";

struct Checkpoint {
  std::string path;  // empty: the task has none
  bool make = false;  // it must be there when an attempt starts
  bool keep = false;  // also when the task has succeeded
};

// "root/loop-1[0]/train" as the name of a folder: "loop-1[0]+train". Two paths never have the same name; long ones end in a
// digest.
std::string checkpoint_name(std::string_view task_path);

// `keep`: all those of the run are kept.
Checkpoint checkpoint_of(const DataDir& dir, const std::string& run_uuid, const std::string& task_path, const PlanComponent& leaf,
                         const TaskData& inputs, bool keep);

Status make_checkpoint(const Checkpoint& checkpoint);

// Whatever is at the path goes, without following links out of it. What cannot be removed stays: it goes with the run, or by
// hand.
void remove_checkpoint(const std::string& path);

}  // namespace sluice
