#include "api/own_schemas.h"

#include <algorithm>
#include <array>

namespace sluice {
namespace {

using F = SchemaField;

constexpr std::array kDiagnostic{
    F{"file", "string", "empty if it is about no file"},
    F{"line", "integer?", "1 is the first"},
    F{"column", "integer?", "1 is the first"},
    F{"path", "string", "where in the document: root.dag.tasks.train"},
    F{"code", "string", "invalid, not_found, conflict, unavailable, cancelled, timeout, corrupt or internal"},
    F{"message", "string", "what failed, on which thing"},
    F{"hint", "string", "what to try"},
};
constexpr std::array kErrors{F{"errors", "[Diagnostic]", "all that is wrong, not only the first"}};
constexpr std::array kRun{
    F{"run_id", "string", "a UUID"},
    F{"name", "string", ""},
    F{"description", "string", ""},
    F{"state", "string", "PENDING, RUNNING, PAUSED, CANCELING, SUCCEEDED, FAILED, CANCELED or INTERRUPTED"},
    F{"error", "string?", "why it failed"},
    F{"pipeline", "string", "the pipeline's name in its text"},
    F{"experiment", "string", "name"},
    F{"experiment_id", "string", ""},
    F{"storage_state", "string", "AVAILABLE or ARCHIVED"},
    F{"created", "instant", ""},
    F{"began", "instant?", ""},
    F{"ended", "instant?", ""},
    F{"seconds", "number", "from its begin to its end, or to now"},
    F{"parameters", "object", "as they were given, without defaults"},
    F{"labels", "object", "as they were given"},
};
constexpr std::array kRunList{
    F{"runs", "[Run]", ""},
    F{"total", "integer", "on all pages"},
    F{"next_page_token", "string?", "missing on the last page"},
};
constexpr std::array kArtifact{
    F{"name", "string", ""},
    F{"type", "string", "system.Dataset, system.Model, ..."},
    F{"uri", "string", "a path, or a URI of somebody else's storage"},
    F{"digest", "string", "sha256:HEX; empty for content that is not held here"},
    F{"size_bytes", "integer", ""},
    F{"metadata", "object", ""},
};
constexpr std::array kTaskResult{
    F{"state", "string", "PENDING, QUEUED, RUNNING, BACKOFF, SUCCEEDED, FAILED, SKIPPED, OMITTED, CANCELED or CACHED"},
    F{"attempts", "integer", ""},
    F{"exit_code", "integer", ""},
    F{"seconds", "number", ""},
    F{"output_parameters", "object", ""},
    F{"output_artifacts", "{[Artifact]}", "by the output's name"},
    F{"error", "string?", ""},
    F{"notes", "[string]?", "warnings"},
    F{"cached", "boolean?", "its outputs are those of an earlier task"},
    F{"inputs", "object?", "parameters and artifacts that it was given, once it has begun"},
    F{"facts", "object?", "what else is known: process, environment, how the cache was asked"},
    F{"usage", "Usage?", "of its attempts that have ended; missing if it has none"},
};
constexpr std::array kUsage{
    F{"cpu_seconds", "number", "user and system, of all processes"},
    F{"wall_seconds", "number", "from the start of its processes to their end; waiting does not count"},
    F{"peak_memory_bytes", "integer", "resident: of the biggest process, or of all together where there is a cgroup"},
    F{"gpu_seconds", "number", "wall_seconds times the GPUs that it had"},
};
constexpr std::array kStateChange{
    F{"at", "instant", ""},
    F{"state", "string", "as of Run"},
    F{"error", "string?", ""},
};
constexpr std::array kRunDocument{
    F{"run_id", "string", "a UUID"},
    F{"name", "string", ""},
    F{"pipeline", "string", "the pipeline's name in its text"},
    F{"experiment", "string", "name"},
    F{"state", "string", "as of Run"},
    F{"error", "string?", "why it failed"},
    F{"seconds", "number", "from its begin to its end; 0 before"},
    F{"created_at", "instant", "in whole seconds"},
    F{"parameters", "object", "as they were given, without defaults"},
    F{"outputs", "object", "output parameters of the pipeline"},
    F{"output_artifacts", "{[Artifact]}", "of the pipeline, by the output's name"},
    F{"tasks", "{TaskResult}", "by path: root/train, root/for-loop-2[0]/double"},
    F{"usage", "Usage", "of all its tasks; of peaks the highest"},
    F{"description", "string", ""},
    F{"experiment_id", "string", ""},
    F{"created", "instant", ""},
    F{"began", "instant?", ""},
    F{"ended", "instant?", ""},
    F{"storage_state", "string", "AVAILABLE or ARCHIVED"},
    F{"spec_file", "string", "where its text came from"},
    F{"labels", "object", "as they were given"},
    F{"pipeline_id", "string?", "the uploaded pipeline that it is made of"},
    F{"pipeline_version_id", "string?", ""},
    F{"state_history", "[StateChange]", "oldest first"},
    F{"paused_reason", "string?", ""},
};
constexpr std::array kNewRun{
    F{"spec", "string?", "the text of a pipeline: KFP's IR as YAML or JSON"},
    F{"pipeline", "string?", "instead of spec: name or id of an uploaded pipeline"},
    F{"version", "string?", "name or id of its version; the newest if it is not given"},
    F{"spec_file", "string?", "where the text came from, for messages"},
    F{"parameters", "object?", ""},
    F{"name", "string?", "made of the pipeline's name and the time if it is not given"},
    F{"description", "string?", ""},
    F{"experiment", "string?", "its name; made if it is not there; Default if it is not given"},
    F{"cache", "boolean?", "true if it is not given"},
    F{"notify", "string?", "URL that is told of its end"},
    F{"keep_checkpoints", "boolean?", "also those of tasks that have succeeded; false if it is not given"},
    F{"labels", "object?", "kept with the run"},
    F{"key", "string?", "idempotency key; the header Idempotency-Key comes first"},
    F{"priority", "integer?", "its tasks go before those of runs with a lower one; 0 if it is not given"},
    F{"budget", "object?", "what its tasks may use in all: {cpu, wall, gpu} as durations (2h); on_budget: cancel or pause"},
};
constexpr std::array kCreatedRun{
    F{"run_id", "string", "a UUID"},
    F{"name", "string", ""},
    F{"state", "string", "as of Run"},
    F{"warnings", "[Diagnostic]", ""},
};
constexpr std::array kRunState{F{"run_id", "string", "a UUID"}, F{"state", "string", "as of Run"}};
constexpr std::array kCancel{F{"reason", "string?", "kept with the run"}};
constexpr std::array kCollectGarbage{
    F{"dry_run", "boolean?", "only count what would go"},
    F{"grace", "string?", "what was touched since stays: a duration, \"1h\" if it is missing"},
};
constexpr std::array kGarbageKind{
    F{"kind", "string", "runs, results, objects, folders, leftovers or environments"},
    F{"number", "integer", "of them"},
    F{"size_bytes", "integer", "that are free"},
};
constexpr std::array kGarbage{
    F{"running", "boolean", ""},
    F{"dry_run", "boolean", "nothing is removed"},
    F{"began", "instant?", ""},
    F{"ended", "instant?", ""},
    F{"kinds", "[GarbageKind]", "so far"},
    F{"size_bytes", "integer", "of all kinds"},
    F{"problems", "[string]", "what could not be removed, and why"},
    F{"error", "Diagnostic?", "why it was cut short"},
};
constexpr std::array kRetry{F{"from", "string?", "path of a task; also if the run has succeeded"}};
constexpr std::array kRestart{
    F{"spec", "string", "the text of the pipeline from now on"},
    F{"spec_file", "string?", "where the text came from, for messages"},
    F{"parameters", "object?", "on top of those that the run has, as far as the pipeline still takes them"},
};
constexpr std::array kDifference{
    F{"task", "string", "path; empty: of the run itself"},
    F{"what", "string", "parameter, image, code, requirements, environment, packages, input, task, state or output"},
    F{"name", "string", "of the parameter, input or output"},
    F{"a", "string", "in the one run; empty: it has none"},
    F{"b", "string", "in the other"},
    F{"follows", "boolean", "what the task runs, or was given, differs too"},
};
constexpr std::array kRunDiff{
    F{"runs", "[string]", "the ids of both"},
    F{"same", "boolean", ""},
    F{"first", "Difference?", "where they first went apart"},
    F{"differences", "[Difference]", "in the order in which tasks can start"},
};
constexpr std::array kShutdown{F{"stop_tasks", "boolean?", "tasks that run are ended first"}};
constexpr std::array kTask{
    F{"id", "integer", "stable over restarts"},
    F{"parent", "integer?", "id of the DAG or loop that it lies in"},
    F{"path", "string", "root/train"},
    F{"name", "string", "the last part of its path"},
    F{"state", "string", "as of TaskResult"},
    F{"attempts", "integer", ""},
    F{"exit_code", "integer", ""},
    F{"began", "instant?", ""},
    F{"ended", "instant?", ""},
    F{"seconds", "number", "from its begin to its end; 0 before"},
    F{"error", "string?", ""},
    F{"notes", "[string]", "warnings"},
    F{"usage", "Usage?", "as of TaskResult"},
    F{"output_parameters", "object", ""},
    F{"output_artifacts", "{[Artifact]}", "by the output's name"},
    F{"cached", "boolean?", "its outputs are those of an earlier task"},
    F{"inputs", "object?", "parameters and artifacts that it was given, once it has begun"},
    F{"facts", "object?", "what else is known: process, environment, how the cache was asked"},
};
constexpr std::array kWhy{
    F{"run_id", "string", "a UUID"},
    F{"task", "string", "path"},
    F{"state", "string", "as of TaskResult"},
    F{"attempts", "integer", ""},
    F{"cached", "boolean", ""},
    F{"cache", "string", "hit, miss or not asked"},
    F{"reason", "string", "for people"},
    F{"key", "string?", "of its result"},
    F{"result", "WhyResult?", "of a hit: whose it is; of a miss: what it is compared with"},
    F{"differences", "[WhyDifference]?", "of a miss, the first that counts first"},
    F{"process", "string?", "of a Python component: warm, or cold and why"},
    F{"environment", "string?", "key of its Python environment"},
    F{"lock", "string?", "digest of what was installed there"},
};
constexpr std::array kWhyResult{F{"run_id", "string", ""}, F{"task", "string", "path"}, F{"ended", "instant?", ""}};
constexpr std::array kWhyDifference{
    F{"what", "string", "code, command, image, requirement 'pandas', parameter 'x', artifact 'data', ..."},
    F{"before", "string?", "missing: there was none"},
    F{"now", "string?", "missing: there is none"},
    F{"producer", "string?", "of an artifact: the task of this run that made it"},
};
constexpr std::array kTaskList{F{"tasks", "[Task]", ""}};
constexpr std::array kRunArtifact{
    F{"task", "integer", "id"},
    F{"path", "string", "of the task"},
    F{"key", "string", "the output's name"},
    F{"index", "integer", "in the output's list; 0 of a plain one"},
    F{"name", "string", ""},
    F{"type", "string", "system.Dataset, system.Model, ..."},
    F{"uri", "string", "a path, or a URI of somebody else's storage"},
    F{"digest", "string", "sha256:HEX; empty for content that is not held here"},
    F{"size_bytes", "integer", ""},
    F{"metadata", "object", ""},
};
constexpr std::array kArtifactList{F{"artifacts", "[RunArtifact]", ""}};
constexpr std::array kFile{F{"path", "string", "inside the artifact"}, F{"size_bytes", "integer", ""}};
constexpr std::array kFileList{F{"files", "[File]", "by path"}};
constexpr std::array kLogChunk{
    F{"task", "string", "path"},
    F{"attempt", "integer", ""},
    F{"stream", "string", "stdout, stderr or note"},
    F{"at", "instant", ""},
    F{"text", "string", "not always whole lines"},
};
constexpr std::array kExperiment{
    F{"experiment_id", "string", ""}, F{"name", "string", ""},
    F{"description", "string", ""},   F{"storage_state", "string", "AVAILABLE or ARCHIVED"},
    F{"created", "instant?", ""},     F{"last_run", "instant?", "when its newest run was created"},
    F{"runs", "integer", "how many"},
};
constexpr std::array kExperimentList{
    F{"experiments", "[Experiment]", ""},
    F{"total", "integer", "on all pages"},
    F{"next_page_token", "string?", "missing on the last page"},
};
constexpr std::array kPipeline{
    F{"pipeline_id", "string?", "missing if it was not uploaded, but runs were made of it"},
    F{"name", "string", ""},
    F{"display_name", "string", ""},
    F{"description", "string", ""},
    F{"created", "instant?", ""},
    F{"tags", "object", ""},
    F{"runs", "integer", "how many runs have that name in their text"},
    F{"last_run", "instant?", "when the newest of them was created"},
};
constexpr std::array kPipelineList{
    F{"pipelines", "[Pipeline]", ""},
    F{"total", "integer", "on all pages"},
    F{"next_page_token", "string?", "missing on the last page"},
};
constexpr std::array kPipelineVersion{
    F{"pipeline_version_id", "string", "a UUID"},
    F{"pipeline_id", "string", "a UUID"},
    F{"name", "string", ""},
    F{"display_name", "string", ""},
    F{"description", "string", ""},
    F{"code_source_url", "string", ""},
    F{"created", "instant?", ""},
    F{"spec_digest", "string", ""},
    F{"tags", "object", ""},
};
constexpr std::array kPipelineDetails{
    F{"pipeline_id", "string?", "as of Pipeline"},
    F{"name", "string", ""},
    F{"display_name", "string", ""},
    F{"description", "string", ""},
    F{"created", "instant?", ""},
    F{"tags", "object", ""},
    F{"runs", "integer", ""},
    F{"last_run", "instant?", ""},
    F{"versions", "[PipelineVersion]", "newest first"},
};
constexpr std::array kTrouble{F{"code", "string", ""}, F{"message", "string", ""}, F{"hint", "string", ""}};
constexpr std::array kServer{
    F{"version", "string", ""},
    F{"pid", "integer", ""},
    F{"url", "string?", "null if it listens on its data directory's socket only"},
    F{"data_dir", "string", ""},
    F{"owner", "string", "server, run or none"},
    F{"started", "instant", ""},
    F{"trouble", "Trouble?", "why nothing goes on at the moment"},
    F{"slots", "integer", "so many tasks run at a time"},
    F{"runs", "integer", "that are not at their end"},
};

constexpr std::array kSchemas{
    Schema{"Diagnostic", "One thing that is wrong, at its place", kDiagnostic},
    Schema{"Errors", "Every answer of 400 and above", kErrors},
    Schema{"Run", "A run in a list", kRun},
    Schema{"RunList", "", kRunList},
    Schema{"Artifact", "An output", kArtifact},
    Schema{"TaskResult", "What became of a task", kTaskResult},
    Schema{"Usage", "What was used of the machine", kUsage},
    Schema{"StateChange", "", kStateChange},
    Schema{"RunDocument", "What `sluice run --json` prints, and more", kRunDocument},
    Schema{"NewRun", "Either spec or pipeline must be given", kNewRun},
    Schema{"CreatedRun", "", kCreatedRun},
    Schema{"RunState", "", kRunState},
    Schema{"Cancel", "", kCancel},
    Schema{"CollectGarbage", "", kCollectGarbage},
    Schema{"Garbage", "A collection of what nobody needs", kGarbage},
    Schema{"GarbageKind", "", kGarbageKind},
    Schema{"Retry", "", kRetry},
    Schema{"Restart", "", kRestart},
    Schema{"Difference", "", kDifference},
    Schema{"RunDiff", "", kRunDiff},
    Schema{"Shutdown", "", kShutdown},
    Schema{"Task", "", kTask},
    Schema{"TaskList", "", kTaskList},
    Schema{"Why", "Why a task ran, or was taken from the cache", kWhy},
    Schema{"WhyResult", "", kWhyResult},
    Schema{"WhyDifference", "One thing that a key is made of, and differs", kWhyDifference},
    Schema{"RunArtifact", "An output with its place", kRunArtifact},
    Schema{"ArtifactList", "", kArtifactList},
    Schema{"File", "", kFile},
    Schema{"FileList", "The files of an artifact that is a directory", kFileList},
    Schema{"LogChunk", "One line of a log as ndjson", kLogChunk},
    Schema{"Experiment", "", kExperiment},
    Schema{"ExperimentList", "", kExperimentList},
    Schema{"Pipeline", "", kPipeline},
    Schema{"PipelineList", "", kPipelineList},
    Schema{"PipelineVersion", "", kPipelineVersion},
    Schema{"PipelineDetails", "", kPipelineDetails},
    Schema{"Trouble", "", kTrouble},
    Schema{"Server", "", kServer},
    Schema{"Empty", "Nothing to say", {}},
};

}  // namespace

std::span<const Schema> own_schemas() { return kSchemas; }

const Schema* find_schema(std::string_view name) {
  const auto* found = std::find_if(kSchemas.begin(), kSchemas.end(), [&](const Schema& schema) { return schema.name == name; });
  return found == kSchemas.end() ? nullptr : &*found;
}

}  // namespace sluice
