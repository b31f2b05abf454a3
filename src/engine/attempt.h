// One attempt on disk: its directory, its private copies of inputs, its command line, and what it left behind.
//
// These functions touch files and take as long as the bytes they copy and hash: call them in a work thread where there are
// artifacts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/uuid.h"
#include "engine/checkpoint.h"
#include "engine/data_dir.h"
#include "engine/platform.h"
#include "engine/site.h"
#include "engine/volumes.h"
#include "exec/supervisor.h"
#include "model/ids.h"
#include "model/state.h"
#include "plan/launch.h"
#include "plan/plan.h"
#include "plan/resources.h"
#include "store/object_store.h"

namespace sluice {

// What the engine orders: run this task, as this attempt, with these inputs.
struct AttemptOrder {
  Uuid run;
  std::string run_uuid;
  std::shared_ptr<const Plan> plan;
  const PlanComponent* component = nullptr;  // in *plan
  TaskId task;
  int attempt = 1;
  std::string task_name;
  TaskData inputs;
  const Site* site = nullptr;  // of the run, which outlives its attempts; null if there is no process: an importer,
  std::optional<VolumeTask> volume;  // or this
  std::vector<std::pair<std::string, std::string>> env;  // from secrets, pod fields and the like
  Checkpoint checkpoint;
  std::vector<AttemptMount> mounts;
  std::vector<OwnFolder> folders;  // made and mounted for this attempt alone
  std::vector<std::string> redact;  // values of secrets
  Need need;  // what it asks of the machine; memory as learned and grown by retries
  std::optional<TaskData> cached;  // what it would make: links to that are made, and there is no process; where the
                                   // content is gone it runs after all
  bool again = false;  // an owner that has ended may have started it
};

// An input that was given as a hard link to the stored object, as it was before the attempt.
struct LinkedInput {
  std::string path, digest;
  std::int64_t size = 0, mtime_ns = 0, ctime_ns = 0;  // size -1: not known, the object is hashed afterwards
};

struct Attempt {
  AttemptOrder order;
  std::string id;  // "RUN/TASK/ATTEMPT": SLUICE_ATTEMPT of its processes
  std::string directory;
  OutputPaths outputs;
  TaskData inputs;  // order.inputs with the URIs of this attempt's own copies
  std::vector<LinkedInput> linked;

  Attempt(AttemptOrder order, const DataDir& dir);
  std::string log() const { return directory + ".log"; }
  LaunchContext context() const;
  bool has_input_artifacts() const;
  bool has_outputs() const;  // declares any
};

// Makes the directory; what is there of an earlier time is removed.
Status make_place(const Attempt& attempt);

// Makes the directory and copies the inputs in.
Status lay_out(Attempt& attempt, const ObjectStore& objects);

// Of an attempt that an owner before us has laid out: where its inputs are, and which of them are links.
void find_inputs(Attempt& attempt, const ObjectStore& objects);

// The command to start. `environment_bin` is the bin/ of the component's environment, or empty. Not `warm`: a process of its own
// for every step.
Result<AttemptSpec> make_spec(const Attempt& attempt, const std::string& environment_bin, bool warm = true);

struct Collected {
  FailureKind failure = FailureKind::kOutput;  // meaningful when outputs is an error
  Result<TaskData> outputs;
};
// kCorrupt if an input that was given as a link is not what it was; the object is then taken out of the store. For every attempt
// that has run, however it ended.
Status check_inputs(const Attempt& attempt, const ObjectStore& objects);

// After exit code 0: reads the outputs, takes artifacts into the store, checks that linked inputs are as they were. May be
// repeated, after an error or by another process: what has been taken in stays where it is and has the same digest.
Collected collect(const Attempt& attempt, ObjectStore& objects);

// An importer has no process: its artifact, copied to the workspace if it asks for that.
Result<TaskData> import_artifact(const Attempt& attempt, ObjectStore& objects);

}  // namespace sluice
