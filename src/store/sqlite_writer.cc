#include "store/sqlite_writer.h"

#include <string>

#include "base/json.h"
#include "store/run_rules.h"

namespace sluice {

Result<RunId> SqliteWriter::create(const NewRun& run, Sync sync) {
  SLUICE_TRY_STATUS(db_.transaction(sync == Sync::kFull, [&] { return insert(run); }));
  return RunId{db_.last_row_id()};  // the run is what insert() inserts last
}

Status SqliteWriter::insert(const NewRun& run) {
  bool known = false;
  find_run_.bind(run.uuid.bytes);
  SLUICE_TRY_STATUS(find_run_.each([&]() -> Status {
    known = true;
    return {};
  }));
  if (known) return run_exists(run.uuid);

  const std::string_view experiment = experiment_of(run);
  const std::string digest = spec_digest(run.spec);
  const std::string parameters = to_json(run.parameters);
  const std::string context = to_json(run.context);
  const std::string options = to_json(run.options);
  SLUICE_TRY_STATUS(insert_experiment_.bind(experiment, run.created).run());
  SLUICE_TRY_STATUS(insert_spec_.bind(digest, run.spec).run());
  return insert_run_
      .bind(run.uuid.bytes, experiment, state_name(RunState::kPending), run.created, run.name, run.pipeline_name, digest,
            run.spec_file, parameters, context, options)
      .run();
}

Status SqliteWriter::commit(std::span<const Write> writes, Sync sync) {
  return db_.transaction(sync == Sync::kFull, [&]() -> Status {
    for (const Write& write : writes) SLUICE_TRY_STATUS(apply(write));
    return {};
  });
}

Status SqliteWriter::apply(const Write& write) {
  SLUICE_TRY_STATUS(check_entries(write));
  SLUICE_TRY_STATUS(advance(write));
  const std::int64_t run = write.run.value;
  for (const JournalEntry& entry : write.entries)
    SLUICE_TRY_STATUS(insert_entry_.bind(run, entry.seq, entry.at, entry.kind, entry.payload).run());
  for (const TaskRow& task : write.tasks)
    SLUICE_TRY_STATUS(put_task_
                          .bind(run, task.id.value, task.path, state_name(task.state), task.attempts, task.exit_code, task.began,
                                task.ended, task.error, task.outputs, task.notes)
                          .run());
  for (const ArtifactRow& artifact : write.artifacts)
    SLUICE_TRY_STATUS(put_artifact_
                          .bind(run, artifact.task.value, artifact.key, artifact.index, artifact.name, artifact.type,
                                artifact.uri, artifact.digest, artifact.size_bytes, artifact.metadata)
                          .run());
  return {};
}

// Looks whether the run is where the writer thinks and moves it on, in one statement.
Status SqliteWriter::advance(const Write& write) {
  const std::uint64_t seq = write.expected_seq + write.entries.size();
  if (write.change) {
    const RunChange& to = *write.change;
    change_.bind(write.run.value, write.expected_seq, seq, state_name(to.state), to.error, to.began, to.ended, to.outputs);
    SLUICE_TRY_STATUS(change_.run());
  } else {
    SLUICE_TRY_STATUS(advance_.bind(write.run.value, write.expected_seq, seq).run());
  }
  return db_.changes() == 1 ? Status{} : why_not_advanced(write);
}

Status SqliteWriter::why_not_advanced(const Write& write) {
  std::optional<std::uint64_t> seq;
  head_.bind(write.run.value);
  SLUICE_TRY_STATUS(head_.each([&]() -> Status {
    seq = static_cast<std::uint64_t>(head_.integer(0));
    return {};
  }));
  if (!seq) return no_run(std::to_string(write.run.value));
  return run_moved_on(write.run, write.expected_seq, *seq);
}

Status SqliteWriter::forget_journal(RunId run) {
  return db_.transaction(false, [&] { return forget_.bind(run.value).run(); });
}

}  // namespace sluice
