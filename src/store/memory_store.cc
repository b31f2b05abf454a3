#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

#include "store/memory_catalog.h"
#include "store/memory_results.h"
#include "store/memory_rows.h"
#include "store/run_rules.h"
#include "store/run_store.h"

namespace sluice {
namespace {

// For tests and for runs that nobody wants to keep. Says what the database says, in the plainest way. One mutex, so that threads
// may share one.
class MemoryStore final : public RunStore {
 public:
  MemoryStore() {
    rows_.experiments.push_back(
        {.row = {.id = kDefaultExperimentId, .name = std::string(kDefaultExperiment), .created = SystemClock().now()}});
  }

  Result<RunId> create(const NewRun& run, Sync) override {
    const std::lock_guard lock(rows_.mutex);
    if (find(run.uuid) != nullptr) return run_exists(run.uuid);
    if (const MemoryRun* other = find_key(run.key)) return key_is_taken(run.key, other->row.uuid);
    SLUICE_TRY(const std::int64_t experiment, experiment_for(run));
    const std::string digest = spec_digest(run.spec);
    rows_.specs.emplace(digest, run.spec);
    const RunId id{++rows_.last_run};
    rows_.runs[id] = {.row = {.id = id,
                              .uuid = run.uuid,
                              .name = run.name,
                              .description = run.description,
                              .pipeline_name = run.pipeline_name,
                              .experiment = std::string(experiment_of(run)),
                              .experiment_id = experiment,
                              .pipeline = run.pipeline,
                              .version = run.version,
                              .spec_digest = digest,
                              .spec_file = run.spec_file,
                              .parameters = run.parameters,
                              .context = run.context,
                              .options = run.options,
                              .created = run.created},
                      .key = run.key,
                      .history = {{.at = run.created, .state = RunState::kPending}}};
    return id;
  }

  Status commit(std::span<const Write> writes, Sync) override {
    const std::lock_guard lock(rows_.mutex);
    std::map<RunId, std::uint64_t> heads;  // as they will be; one run may be written to several times
    for (const Write& write : writes) {
      const auto run = rows_.runs.find(write.run);
      if (run == rows_.runs.end()) return no_run(std::to_string(write.run.value));
      auto& head = heads.emplace(write.run, run->second.row.seq).first->second;
      SLUICE_TRY_STATUS(check_entries(write));
      if (head != write.expected_seq) return run_moved_on(write.run, write.expected_seq, head);
      head += write.entries.size();
    }
    for (const Write& write : writes) apply(write, rows_.runs.at(write.run));
    return {};
  }

  Result<RunRow> run(const Uuid& uuid) override {
    const std::lock_guard lock(rows_.mutex);
    if (const MemoryRun* found = find(uuid)) return found->row;
    return no_run(uuid.text());
  }

  Result<RunRow> run_by_prefix(std::string_view prefix) override {
    SLUICE_TRY(const UuidRange range, uuids_with_prefix(prefix));
    const std::lock_guard lock(rows_.mutex);
    std::map<Uuid, const RunRow*> found;
    for (const auto& [id, run] : rows_.runs)
      if (range.first <= run.row.uuid && run.row.uuid <= range.last) found.emplace(run.row.uuid, &run.row);
    if (found.empty()) return no_run(prefix);
    if (found.size() > 1) return prefix_is_ambiguous(prefix, found.begin()->first, std::next(found.begin())->first);
    return *found.begin()->second;
  }

  Result<std::vector<RunRow>> list(const RunFilter& filter, const Page& page) override {
    const std::lock_guard lock(rows_.mutex);
    const auto& runs = rows_.runs;
    std::vector<RunRow> rows;
    for (auto it = page.after > 0 ? runs.lower_bound(RunId{page.after}) : runs.end(); it != runs.begin();) {
      const RunRow& row = (--it)->second.row;
      if (std::cmp_greater_equal(rows.size(), std::max(page.limit, 0))) break;
      if (filter.state && row.state != *filter.state) continue;
      if (!filter.experiment.empty() && row.experiment != filter.experiment) continue;
      if (!filter.pipeline_name.empty() && row.pipeline_name != filter.pipeline_name) continue;
      if (row.name.find(filter.name_contains) == std::string::npos) continue;
      rows.push_back(row);
    }
    return rows;
  }

  Result<Listed<RunRow>> list_runs(const ListQuery& query) override {
    const std::lock_guard lock(rows_.mutex);
    std::vector<RunRow> all;
    for (const auto& [id, run] : rows_.runs) all.push_back(run.row);
    return list_rows(std::move(all), query, run_fields());
  }

  Result<std::optional<Uuid>> run_of_key(std::string_view key) override {
    const std::lock_guard lock(rows_.mutex);
    const MemoryRun* found = find_key(key);
    return found == nullptr ? std::nullopt : std::optional(found->row.uuid);
  }

  Result<std::vector<StateChange>> state_history(RunId run) override {
    const std::lock_guard lock(rows_.mutex);
    const MemoryRun* found = find(run);
    return found == nullptr ? std::vector<StateChange>{} : found->history;
  }

  Status set_run_storage(const Uuid& run, StorageState storage) override {
    const std::lock_guard lock(rows_.mutex);
    MemoryRun* found = find(run);
    if (found == nullptr) return no_run(run.text());
    found->row.storage = storage;
    return {};
  }

  Status remove(const Uuid& run) override {
    const std::lock_guard lock(rows_.mutex);
    const MemoryRun* found = find(run);
    if (found == nullptr) return no_run(run.text());
    rows_.runs.erase(found->row.id);
    return {};
  }

  Result<std::vector<TaskRow>> tasks(RunId run) override {
    const std::lock_guard lock(rows_.mutex);
    std::vector<TaskRow> rows;
    if (const MemoryRun* found = find(run))
      for (const auto& [id, row] : found->tasks) rows.push_back(row);
    return rows;
  }

  Result<std::vector<ArtifactRow>> artifacts(RunId run) override {
    const std::lock_guard lock(rows_.mutex);
    std::vector<ArtifactRow> rows;
    if (const MemoryRun* found = find(run))
      for (const auto& [place, row] : found->artifacts) rows.push_back(row);
    return rows;
  }

  Result<std::string> spec(const std::string& digest) override {
    const std::lock_guard lock(rows_.mutex);
    if (const auto it = rows_.specs.find(digest); it != rows_.specs.end()) return it->second;
    return fail(Code::kNotFound, "there is no pipeline text '" + digest + "'");
  }

  Result<std::vector<JournalEntry>> journal(RunId run) override { return journal_after(run, 0); }

  Result<std::vector<JournalEntry>> journal_after(RunId run, std::uint64_t after) override {
    const std::lock_guard lock(rows_.mutex);
    std::vector<JournalEntry> entries;
    if (const MemoryRun* found = find(run))
      std::copy_if(found->journal.begin(), found->journal.end(), std::back_inserter(entries),
                   [&](const JournalEntry& entry) { return entry.seq > after; });
    return entries;
  }

  Result<std::optional<Snapshot>> snapshot(RunId run) override {
    const std::lock_guard lock(rows_.mutex);
    const MemoryRun* found = find(run);
    return found == nullptr ? std::nullopt : found->snapshot;
  }

  Status compact(RunId run) override {
    const std::lock_guard lock(rows_.mutex);
    MemoryRun* found = find(run);
    if (found == nullptr) return no_run(std::to_string(run.value));
    if (found->row.state != RunState::kSucceeded) return not_succeeded(found->row);
    found->journal.clear();
    found->kept.clear();
    if (found->snapshot && found->snapshot->seq != found->row.seq) found->snapshot.reset();
    return {};
  }

  Result<std::vector<PendingNotice>> notices() override {
    const std::lock_guard lock(rows_.mutex);
    std::vector<PendingNotice> found;
    for (const auto& [id, run] : rows_.runs)
      if (run.notice != 0 && found.size() < 100) found.push_back({.run = run.row.uuid, .seq = run.notice});
    return found;
  }
  Status note_told(const PendingNotice& notice) override {
    const std::lock_guard lock(rows_.mutex);
    for (auto& [id, run] : rows_.runs)
      if (run.row.uuid == notice.run && run.notice == notice.seq) run.notice = 0;
    return {};
  }

  Status restart(const Restart& restart, Sync) override {
    const std::lock_guard lock(rows_.mutex);
    MemoryRun* found = find(restart.run);
    if (found == nullptr) return no_run(std::to_string(restart.run.value));
    RunRow& row = found->row;
    if (row.seq != restart.expected_seq) return run_moved_on(restart.run, restart.expected_seq, row.seq);
    if (row.state != RunState::kPending) found->history.push_back({.at = restart.at, .state = RunState::kPending});
    row.state = RunState::kPending;
    row.error.clear();
    row.outputs.clear();
    row.began = row.ended = {};
    row.seq = 0;
    row.spec_digest = spec_digest(restart.spec);
    row.spec_file = restart.spec_file;
    row.pipeline_name = restart.pipeline_name;
    row.parameters = restart.parameters;
    row.pipeline = row.version = std::nullopt;
    rows_.specs.emplace(row.spec_digest, restart.spec);
    found->tasks.clear();
    found->artifacts.clear();
    found->journal.clear();
    found->snapshot.reset();
    found->kept = restart.kept;
    return {};
  }

  Result<std::vector<KeptResult>> kept_results(RunId run) override {
    const std::lock_guard lock(rows_.mutex);
    const MemoryRun* found = find(run);
    if (found == nullptr) return std::vector<KeptResult>{};
    std::vector<KeptResult> kept = found->kept;
    std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return kept;
  }

  Status each_data(const std::function<void(std::string_view)>& use, const DataFilter& filter) override {
    const std::lock_guard lock(rows_.mutex);
    const auto give = [&](const std::string& json) {
      if (!json.empty()) use(json);
    };
    for (const auto& [id, run] : rows_.runs) {
      if (filter.without.contains(id)) continue;
      give(run.row.outputs);
      for (const auto& [place, artifact] : run.artifacts) give(artifact.digest);
      for (const auto& [task, row] : run.tasks) {
        give(row.outputs);
        give(row.inputs);
      }
      for (const KeptResult& kept : run.kept) give(kept.outputs);
    }
    for (const auto& [key, row] : rows_.results)
      if (row.created >= filter.results_since) give(row.outputs);
    return {};
  }
  ResultStore& results() override { return results_; }
  Catalog& catalog() override { return catalog_; }

  Status copy_to(const std::string& path) override {
    return fail(Code::kInvalid, "runs that are kept in memory only cannot be copied to '" + path + "'");
  }

 private:
  void apply(const Write& write, MemoryRun& run) {
    for (const CacheRow& row : write.cached) rows_.results.insert_or_assign(row.key, row);
    for (const LearnedRow& row : write.learned) rows_.learned.insert_or_assign(row.component, row);
    run.row.seq += write.entries.size();
    run.journal.insert(run.journal.end(), write.entries.begin(), write.entries.end());
    for (const TaskRow& task : write.tasks) run.tasks.insert_or_assign(task.id, task);
    for (const TaskId task : write.unmade)
      std::erase_if(run.artifacts, [&](const auto& entry) { return std::get<0>(entry.first) == task; });
    for (const ArtifactRow& artifact : write.artifacts)
      run.artifacts.insert_or_assign({artifact.task, artifact.key, artifact.index}, artifact);
    if (write.snapshot) run.snapshot = write.snapshot;
    if (!write.change) return;
    const RunChange& to = *write.change;
    if (run.row.state != to.state) run.history.push_back({.at = to.at, .state = to.state, .error = to.error});
    run.row.state = to.state;
    run.row.error = to.error;
    run.row.began = to.began;
    run.row.ended = to.ended;
    run.row.outputs = to.outputs;
    if (to.notify) run.notice = run.row.seq;
  }

  MemoryRun* find(RunId id) {
    const auto it = rows_.runs.find(id);
    return it == rows_.runs.end() ? nullptr : &it->second;
  }

  MemoryRun* find(const Uuid& uuid) {
    for (auto& [id, run] : rows_.runs)
      if (run.row.uuid == uuid) return &run;
    return nullptr;
  }

  MemoryRun* find_key(std::string_view key) {
    if (key.empty()) return nullptr;
    for (auto& [id, run] : rows_.runs)
      if (run.key == key) return &run;
    return nullptr;
  }

  // The experiment that the run names, made if it is not there.
  Result<std::int64_t> experiment_for(const NewRun& run) {
    const std::string name(experiment_of(run));
    if (const MemoryExperiment* known = rows_.experiment_named(name)) {
      if (known->deleted) return experiment_was_deleted(name);
      return known->row.id;
    }
    const auto id = static_cast<std::int64_t>(rows_.experiments.size());
    rows_.experiments.push_back({.row = {.id = id, .name = name, .created = run.created}});
    return id;
  }

  MemoryRows rows_;
  MemoryResults results_{rows_};
  MemoryCatalog catalog_{rows_};
};

}  // namespace

std::unique_ptr<RunStore> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace sluice
