// From what a turn decided to the rows that say so, and what happens when they cannot be written.
#include <algorithm>

#include "base/json.h"
#include "base/match.h"
#include "engine/engine.h"

namespace sluice {
namespace {

// A snapshot takes about 170 bytes a node (10,000 `true`: 1.7 MB). Larger runs are not run again in part.
constexpr std::size_t kEndNodesMax = 50'000;

}  // namespace

bool Engine::commit() {
  if (const Status saved = save(); !saved) {
    on_store_trouble(saved.error());
    return false;
  }
  if (store_trouble_) {
    store_trouble_.reset();
    tell_trouble();
  }
  return true;
}

Status Engine::save() {
  std::vector<Write> writes;
  bool run_ended = false;
  for (const RunPtr& run : touched_) {
    fill_write(*run);
    const Write& write = run->write;
    if (write.change && is_final(write.change->state)) run_ended = true;
    if (!write.entries.empty() || !write.tasks.empty() || write.change || write.snapshot) writes.push_back(write);
  }
  if (!writes.empty()) {
    SLUICE_TRY_STATUS(store_.commit(writes, run_ended ? Sync::kFull : options_.durability));
    ++figures_.commits;
  }
  for (const RunPtr& run : touched_) {
    if (run->write.snapshot) run->snapshot_seq = run->seq;
    run->write = {.run = run->id, .expected_seq = run->seq};
    forget_documents(*run);
    run->changed.clear();
  }
  return {};
}

// The documents of keys are as long as programs are: once a task has ended, its row has it.
void Engine::forget_documents(LiveRun& run) {
  for (const TaskId id : run.changed)
    if (const auto facts = run.facts.find(id); facts != run.facts.end() && is_final(run.state.at(id).state))
      facts->second.cache.document = {};
}

// Memory is ahead of the disk now: nothing is carried out until the same writes go through. Finished attempts wait,
// unacknowledged.
void Engine::on_store_trouble(const Error& error) {
  const Instant now = clock_.now();
  if (!store_trouble_) trouble_since_ = now;
  holding_ = true;
  const bool out_of_patience = options_.store_patience && now - trouble_since_ > *options_.store_patience;
  const bool hopeless = error.code != Code::kUnavailable || out_of_patience;
  store_trouble_ = hopeless ? Error{Code::kInternal, error.message, error.hint} : error;
  tell_trouble();
  if (hopeless) return;
  loop_.after(options_.store_pause, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired() || settled_) return;
    holding_ = false;
    if (!commit()) return;
    for (const RunPtr& run : std::exchange(touched_, {})) carry_out(run);
  });
}

void Engine::tell_trouble() {
  if (observer_.trouble) observer_.trouble(trouble().value_or(Error{}));
}

void Engine::fill_write(LiveRun& run) {
  run.write.run = run.id;
  run.write.expected_seq = run.seq - run.write.entries.size();
  run.write.tasks.clear();  // of an earlier try that failed
  for (const TaskId id : run.changed)
    if (id.value != 0) run.write.tasks.push_back(row_of(run, id));
  if (run.write.snapshot && run.write.snapshot->seq == run.seq) return;
  run.write.snapshot.reset();
  if (wants_snapshot(run)) run.write.snapshot = Snapshot{run.seq, kSnapshotVersion, snapshot_text(run.state)};
}

// As many events as the run has nodes: so a snapshot costs each of them a constant.
bool Engine::wants_snapshot(const LiveRun& run) const {
  if (run.seq == run.snapshot_seq) return false;
  // Of the end of a success there is one instead of a journal, for a retry of a part of it. Others keep their journal.
  if (is_final(run.state.run)) return run.state.run == RunState::kSucceeded && run.state.nodes.size() <= kEndNodesMax;
  const std::uint64_t events =
      std::max<std::uint64_t>(static_cast<std::uint64_t>(options_.snapshot_events), run.state.nodes.size());
  return settled_ || run.seq - run.snapshot_seq >= events;
}

Status Engine::settle() {
  take_events();
  for (const auto& [uuid, run] : runs_) {
    run->changed.merge(run->begun);
    touched_.insert(run);
  }
  holding_ = settled_ = true;
  return save();
}

// That a task runs is written a moment later: most short ones have ended by then, and one row says it all.
void Engine::note_begun(LiveRun& run, const std::vector<TaskId>& tasks) {
  if (options_.begun_waits == Duration{0}) return run.changed.insert(tasks.begin(), tasks.end());
  run.begun.insert(tasks.begin(), tasks.end());
  if (run.begun.empty() || std::exchange(flushes_begun_, true)) return;
  loop_.after(options_.begun_waits, [this, alive = std::weak_ptr(alive_)] {
    if (!alive.expired()) flush_begun();
  });
}

void Engine::flush_begun() {
  flushes_begun_ = false;
  for (const auto& [uuid, run] : runs_) {
    if (run->begun.empty()) continue;
    run->changed.merge(run->begun);
    run->begun.clear();
    touched_.insert(run);
  }
}

void Engine::note_on_task(const Uuid& run, const Event& event, Aside aside) {
  const auto found = runs_.find(run);
  if (found == runs_.end()) return;
  const auto keep = [&](TaskId task) {
    if (!aside.note.empty()) found->second->notes[task] = std::move(aside.note);
    if (!aside.process.empty()) found->second->facts[task].process = std::move(aside.process);
    if (!aside.gpus.empty()) found->second->facts[task].gpus = std::move(aside.gpus);
    found->second->waits.erase(task);
  };
  std::visit(Match{[&](const AttemptStarted& e) { keep(e.task); }, [&](const AttemptSucceeded& e) { keep(e.task); },
                   [&](const AttemptFailed& e) { keep(e.task); }, [](const auto&) {}},
             event);
}

TaskRow Engine::row_of(const LiveRun& run, TaskId id) const {
  const Node& node = run.state.at(id);
  TaskRow row{.id = id,
              .path = task_path(*run.plan, run.state, id),
              .state = node.state,
              .attempts = node.attempt,
              .exit_code = node.exit_code,
              .began = node.began,
              .ended = node.ended,
              .error = node.error};
  if (!node.outputs.empty()) row.outputs = to_json(to_value(node.outputs));
  List notes;
  if (const PlanComponent& component = run.plan->components.at(node.component); component.executor != nullptr && node.attempt > 0)
    if (const auto site = run.sites.by_executor.find(component.executor->label); site != run.sites.by_executor.end())
      notes.assign(site->second.notes.begin(), site->second.notes.end());
  if (const auto note = run.notes.find(id); note != run.notes.end()) notes.emplace_back(note->second);
  if (const auto wait = run.waits.find(id); wait != run.waits.end() && node.state == TaskState::kQueued)
    notes.emplace_back("waits for " + wait->second);
  if (!notes.empty()) row.notes = to_json(notes);
  if (node.kind == NodeKind::kLeaf && node.attempt > 0 && !node.inputs.empty()) row.inputs = to_json(to_value(node.inputs));
  TaskFacts facts;
  if (const auto known = run.facts.find(id); known != run.facts.end()) facts = known->second;
  facts.usage = node.usage;
  row.facts = task_facts_text(facts);
  return row;
}

void Engine::note_artifacts(LiveRun& run, TaskId task, int attempt) {
  const Node& node = run.state.at(task);
  if (node.attempt != attempt || !is_success(node.state)) return;
  for (const auto& [key, list] : node.outputs.artifacts)
    for (std::size_t i = 0; i < list.size(); ++i)
      run.write.artifacts.push_back({.task = task,
                                     .key = key,
                                     .index = static_cast<int>(i),
                                     .name = list[i].name,
                                     .type = list[i].type.schema_title,
                                     .uri = list[i].uri,
                                     .digest = list[i].digest,
                                     .size_bytes = list[i].size_bytes,
                                     .metadata = to_json(list[i].metadata)});
}

}  // namespace sluice
