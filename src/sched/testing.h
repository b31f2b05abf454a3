// Pipelines and happenings in few words, for tests. The notation, one task a line, children of a DAG indented by two spaces:
//
//   param rows[list] = [1,2]                   an input of the root with its default; `param n? = null` is optional
//   pipeline deadline:60s -> best=train.y      options and outputs of the root
//   load -> rows[list] @data                   a leaf with an output parameter and an output artifact
//   train x=load.rows after:a,b retry:1 backoff:2s factor:2 backoff_max:60s deadline:30s
//   loop each:i=[1,2,3] parallel:2 -> y=fit.y  a loop over constants; each:i=rows over its input `rows`, each:@i=files over
//   artifacts
//     fit x=^i -> y                            ^i is an input of the enclosing DAG
//   cleanup always s=status(loop)              trigger strategy "all completed"
//   model import:s3://bucket/m -> @artifact
//   check x=load.y -> y=a.y|b.y if $x > 5      a condition is the rest of the line, $x an input; y=a.y|b.y is OneOf (of a DAG)
//
// Inputs: KEY[TYPE]=SOURCE, @KEY=SOURCE for artifacts, KEY?=SOURCE optional, KEY=SOURCE|DEFAULT; a SOURCE may be empty (not
// given), JSON, TASK.KEY, ^NAME or status(TASK). TYPE is num (if left out), int, str, bool, list, struct; @KEY[] is a list of
// artifacts.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sched/sched.h"

namespace sluice::testing {

// What is wrong with the text stops the program: it is the test that is wrong.
Pipeline pipeline_from(std::string_view notation);
std::shared_ptr<const Plan> plan_from(std::string_view notation);

// When transcripts begin.
const Instant kTranscriptStart = from_micros(1'000'000'000'000'000);
// "run", "cancel because", "pause", "resume", "retry", "retry train" (from there), "train#1 started", "train#1 started 3s" (when,
// since the start), "train#1 ok y=2 @model=/m", "train#1 failed exit 3", "train#1 failed lost", "train#1 backoff", "train#1
// deadline", "run#1 deadline". Tasks by their path below root.
Event event_from_text(const Plan& plan, const State& state, std::string_view text);

// The whole state as text, so that two can be compared and a difference read. What only AttemptStarted tells is left out.
std::string dump(const Plan& plan, const State& state);
// "y=2 @model=/m"
std::string data_text(const TaskData& data);
// The path without "root/"; "run" for the root.
std::string short_path(const Plan& plan, const State& state, TaskId id);

}  // namespace sluice::testing
