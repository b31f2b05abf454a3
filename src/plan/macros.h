// Private to plan: the macros that KFP replaces in the parameters of a run.
#pragma once

#include <string>

#include "plan/plan.h"

namespace sluice {

// [[RunUUID]], [[CurrentTime]], [[CurrentTime.LAYOUT]] with a Go layout (2006-01-02-15-04-05), {{$.currentTime.strftime('%Y')}},
// and the same with Scheduled. The current time is that of the run's creation. Macros that are unknown or cannot be answered stay
// as they are: those of the scheduled time where it is the time of creation, and [[Index]]. One pass: what a macro yields is not
// looked at again.
std::string expand_macros(const std::string& text, const RunContext& context);

}  // namespace sluice
