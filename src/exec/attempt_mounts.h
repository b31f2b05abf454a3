// From what an attempt asks to have mounted to the steps that do it on this host, as it is at this moment.
#pragma once

#include <string>
#include <vector>

#include "exec/mount_plan.h"

namespace sluice {

struct AttemptMounts {
  std::vector<AttemptMount> mounts;  // their targets without links on the way
  std::vector<MountStep> steps;
};
Result<AttemptMounts> plan_attempt_mounts(const std::vector<AttemptMount>& mounts, const OwnPlaces& own);

}  // namespace sluice
