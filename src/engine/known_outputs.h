// Outputs that another task has made, at the places of this one.
#pragma once

#include <string>
#include <vector>

#include "engine/attempt.h"
#include "model/artifact.h"

namespace sluice {

struct Replaced {
  TaskData outputs;
  struct Link {
    std::string digest, path;
  };
  std::vector<Link> links;  // content that is to be at these places
};
// Content that we hold goes below `artifacts_dir`, named as its maker named it; so does what has a name below `runs`, the folder
// of all runs, and no content. Other URIs are somebody else's storage and stay.
Replaced replace_outputs(const TaskData& made, const std::string& artifacts_dir, const std::string& runs);

// Makes the links: order.cached as this attempt's own outputs. kNotFound if some of the content is gone.
Result<TaskData> link_outputs(const Attempt& attempt, ObjectStore& objects);

}  // namespace sluice
