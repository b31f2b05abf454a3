// Persistent volumes: directories DATA/volumes/NAME, and the two tasks that make and remove them.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "engine/data_dir.h"
#include "model/artifact.h"
#include "model/ids.h"
#include "plan/plan.h"

namespace sluice {

struct VolumePlace {
  std::string path;
  bool is_new = false;  // the volume was not there before
};
// The directory of a volume, or one in it, made if it is not there. kInvalid for a name or path that leads out of it.
Result<VolumePlace> volume_place(const DataDir& dir, const std::string& name, const std::string& sub_path);

// Is this the image of such a task? It has no process: a cluster's back end does it itself, too.
bool is_volume_image(const std::string& image);

struct VolumeTask {
  bool removes = false;
  std::string name;
};
// Nothing: it is another kind of task. A new volume whose pipeline gives no name but a suffix has the run and the task in its
// name: the same again for another attempt.
Result<std::optional<VolumeTask>> volume_task(const PlanComponent& component, const TaskData& inputs, const std::string& run_uuid,
                                              TaskId task);
// Its outputs. One that is to be made may be there. `again`: it may have been done before, so one that is to be removed may be
// gone.
Result<TaskData> carry_out_volume_task(const VolumeTask& task, const DataDir& dir, bool again);

}  // namespace sluice
