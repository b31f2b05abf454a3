// Who is to be told of a run's end, as its pipeline and whoever asked for it say.
#pragma once

#include <string_view>

#include "base/diagnostic.h"
#include "base/value.h"
#include "engine/engine.h"
#include "model/pipeline.h"

namespace sluice {

// A pod annotation of any task of a pipeline: a URL that is told of the end of each run of it.
constexpr std::string_view kNotifyAnnotation = "sluice.dev/notify";

// The URLs, each once.
List notify_targets(const Submission& submission, const Pipeline& pipeline);
// Adds an error for each that is no URL of http or https.
void check_notify(const Submission& submission, const Pipeline& pipeline, Diagnostics& errors);

}  // namespace sluice
