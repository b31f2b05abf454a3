#include "store/sqlite_writer.h"

#include <string>

#include "base/json.h"
#include "store/run_rules.h"

namespace sluice {

Result<RunId> SqliteWriter::create(const NewRun& run, Sync sync) {
  return db_.transaction(sync == Sync::kFull, [&] { return insert(run); });
}

Status SqliteWriter::check_new(const NewRun& run) {
  SLUICE_TRY(const bool known, find_run_.bind(run.uuid.bytes).any());
  if (known) return run_exists(run.uuid);
  Uuid other;
  SLUICE_TRY(const bool taken, find_key_.bind(run.key).first([&]() -> Status {
    SLUICE_TRY(other, find_key_.uuid(0));
    return {};
  }));
  return taken ? key_is_taken(run.key, other) : Status{};
}

// The experiment that the run names, made if it is not there.
Result<std::int64_t> SqliteWriter::experiment_for(const NewRun& run) {
  const std::string_view name = experiment_of(run);
  std::int64_t id = 0;
  bool deleted = false;
  SLUICE_TRY(const bool known, find_experiment_.bind(name).first([&] {
    id = find_experiment_.integer(0);
    deleted = find_experiment_.integer(1) != 0;
    return Status{};
  }));
  if (deleted) return experiment_was_deleted(name);
  if (known) return id;
  SLUICE_TRY_STATUS(insert_experiment_.bind(name, run.created).run());
  return db_.last_row_id();
}

Result<RunId> SqliteWriter::insert(const NewRun& run) {
  SLUICE_TRY_STATUS(check_new(run));
  SLUICE_TRY(const std::int64_t experiment, experiment_for(run));
  const std::string digest = spec_digest(run.spec);
  const std::string parameters = to_json(run.parameters);
  const std::string context = to_json(run.context);
  const std::string options = to_json(run.options);
  SLUICE_TRY_STATUS(insert_spec_.bind(digest, run.spec).run());
  insert_run_.bind(run.uuid.bytes, experiment, state_name(RunState::kPending), run.created, run.name, run.pipeline_name, digest,
                   run.spec_file, parameters, context, options, run.description, run.key, run.pipeline, run.version);
  SLUICE_TRY_STATUS(insert_run_.run());
  const RunId id{db_.last_row_id()};
  SLUICE_TRY_STATUS(insert_state_.bind(id.value, run.created, state_name(RunState::kPending)).run());
  SLUICE_TRY_STATUS(count_in_.bind(experiment, run.created).run());
  return id;
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
                                task.ended, task.error, task.outputs, task.notes, task.inputs, task.facts)
                          .run());
  for (const TaskId task : write.unmade) SLUICE_TRY_STATUS(unmake_.bind(run, task.value).run());
  for (const ArtifactRow& artifact : write.artifacts)
    SLUICE_TRY_STATUS(put_artifact_
                          .bind(run, artifact.task.value, artifact.key, artifact.index, artifact.name, artifact.type,
                                artifact.uri, artifact.digest, artifact.size_bytes, artifact.metadata)
                          .run());
  for (const CacheRow& row : write.cached)
    SLUICE_TRY_STATUS(
        put_result_
            .bind(row.key, row.lane, row.run.bytes, row.task.value, row.path, row.created, row.lock, row.document, row.outputs)
            .run());
  for (const LearnedRow& row : write.learned) SLUICE_TRY_STATUS(put_learned_.bind(row.component, row.memory_bytes, row.at).run());
  if (!write.snapshot) return {};
  return put_snapshot_.bind(run, write.snapshot->seq, write.snapshot->version, write.snapshot->text).run();
}

// Looks whether the run is where the writer thinks and moves it on, in one statement.
Status SqliteWriter::advance(const Write& write) {
  const std::uint64_t seq = write.expected_seq + write.entries.size();
  if (write.change) {
    const RunChange& to = *write.change;
    SLUICE_TRY_STATUS(note_state_.bind(write.run.value, write.expected_seq, to.at, state_name(to.state), to.error).run());
    change_.bind(write.run.value, write.expected_seq, seq, state_name(to.state), to.error, to.began, to.ended, to.outputs,
                 std::int64_t{to.notify});
    SLUICE_TRY_STATUS(change_.run());
  } else {
    SLUICE_TRY_STATUS(advance_.bind(write.run.value, write.expected_seq, seq).run());
  }
  return db_.changes() == 1 ? Status{} : why_not_advanced(write);
}

Status SqliteWriter::note_told(const PendingNotice& notice) {
  return db_.transaction(false, [&] { return note_told_.bind(notice.run.bytes, notice.seq).run(); });
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
  return db_.transaction(false, [&]() -> Status {
    SLUICE_TRY_STATUS(forget_journal_.bind(run.value).run());
    SLUICE_TRY_STATUS(forget_kept_.bind(run.value).run());
    return forget_old_snapshot_.bind(run.value).run();
  });
}

Status SqliteWriter::restart(const Restart& restart, Sync sync) {
  return db_.transaction(sync == Sync::kFull, [&] { return begin_anew(restart); });
}

Status SqliteWriter::begin_anew(const Restart& restart) {
  const std::int64_t run = restart.run.value;
  const std::string digest = spec_digest(restart.spec);
  const std::string parameters = to_json(restart.parameters);
  const std::string_view pending = state_name(RunState::kPending);
  SLUICE_TRY_STATUS(insert_spec_.bind(digest, restart.spec).run());
  SLUICE_TRY_STATUS(note_state_.bind(run, restart.expected_seq, restart.at, pending, "").run());
  begin_anew_.bind(run, restart.expected_seq, pending, digest, restart.spec_file, restart.pipeline_name, parameters);
  SLUICE_TRY_STATUS(begin_anew_.run());
  if (db_.changes() != 1) return why_not_advanced({.run = restart.run, .expected_seq = restart.expected_seq});
  for (SqliteStatement* forget : {&forget_journal_, &forget_snapshot_, &forget_tasks_, &forget_artifacts_, &forget_kept_})
    SLUICE_TRY_STATUS(forget->bind(run).run());
  for (const KeptResult& kept : restart.kept)
    SLUICE_TRY_STATUS(keep_.bind(run, kept.path, kept.component, kept.inputs, kept.outputs).run());
  return {};
}

Status SqliteWriter::set_storage(const Uuid& run, StorageState storage) {
  return db_.transaction(true, [&]() -> Status {
    std::int64_t experiment = 0;
    SLUICE_TRY(const bool known, find_run_.bind(run.bytes).first([&] {
      experiment = find_run_.integer(1);
      return Status{};
    }));
    if (!known) return no_run(run.text());
    SLUICE_TRY_STATUS(set_storage_.bind(run.bytes, storage_state_name(storage)).run());
    if (db_.changes() == 0) return {};
    return count_archived_.bind(experiment, storage == StorageState::kArchived ? 1 : -1).run();
  });
}

Status SqliteWriter::remove(const Uuid& run) {
  return db_.transaction(true, [&] { return remove_rows(run); });
}

Status SqliteWriter::remove_rows(const Uuid& run) {
  std::int64_t id = 0;
  std::int64_t experiment = 0;
  bool archived = false;
  SLUICE_TRY(const bool known, find_run_.bind(run.bytes).first([&] {
    id = find_run_.integer(0);
    experiment = find_run_.integer(1);
    archived = find_run_.text(2) == storage_state_name(StorageState::kArchived);
    return Status{};
  }));
  if (!known) return no_run(run.text());
  for (SqliteStatement* forget : {&forget_journal_, &forget_snapshot_, &forget_history_, &forget_tasks_, &forget_artifacts_,
                                  &forget_kept_, &forget_run_, &note_removed_})
    SLUICE_TRY_STATUS(forget->bind(id).run());
  return count_out_.bind(experiment, archived ? 1 : 0).run();
}

}  // namespace sluice
