// Private to plan: the arguments of a run against the inputs of the root.
#pragma once

#include "base/diagnostic.h"
#include "model/pipeline.h"
#include "plan/plan.h"

namespace sluice {

struct CheckedArguments {
  Struct parameters;  // every input of the root: given, default or null
  Diagnostics errors;
};
// Macros in given strings are replaced first, so what is checked is what tasks will see.
CheckedArguments check_arguments(const Component& root, const Struct& given, const RunContext& context);

}  // namespace sluice
