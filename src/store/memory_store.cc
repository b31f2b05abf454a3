#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

#include "store/run_rules.h"
#include "store/run_store.h"

namespace sluice {
namespace {

// For tests and for runs that nobody wants to keep. Says what the database says, in the plainest way.
class MemoryStore final : public RunStore {
 public:
  MemoryStore() { experiments_.push_back({.id = 0, .name = std::string(kDefaultExperiment), .created = SystemClock().now()}); }

  Result<RunId> create(const NewRun& run, Sync) override {
    if (find(run.uuid) != nullptr) return run_exists(run.uuid);
    const std::string_view name = experiment_of(run);
    const auto known = std::find_if(experiments_.begin(), experiments_.end(), [&](const auto& row) { return row.name == name; });
    if (known == experiments_.end())
      experiments_.push_back(
          {.id = static_cast<std::int64_t>(experiments_.size()), .name = std::string(name), .created = run.created});
    const std::string digest = spec_digest(run.spec);
    specs_.emplace(digest, run.spec);
    const RunId id{static_cast<std::int64_t>(runs_.size()) + 1};
    runs_[id].row = {.id = id,
                     .uuid = run.uuid,
                     .name = run.name,
                     .pipeline_name = run.pipeline_name,
                     .experiment = std::string(name),
                     .spec_digest = digest,
                     .spec_file = run.spec_file,
                     .parameters = run.parameters,
                     .context = run.context,
                     .options = run.options,
                     .created = run.created};
    return id;
  }

  Status commit(std::span<const Write> writes, Sync) override {
    std::map<RunId, std::uint64_t> heads;  // as they will be; one run may be written to several times
    for (const Write& write : writes) {
      const auto run = runs_.find(write.run);
      if (run == runs_.end()) return no_run(std::to_string(write.run.value));
      auto& head = heads.emplace(write.run, run->second.row.seq).first->second;
      SLUICE_TRY_STATUS(check_entries(write));
      if (head != write.expected_seq) return run_moved_on(write.run, write.expected_seq, head);
      head += write.entries.size();
    }
    for (const Write& write : writes) apply(write, runs_.at(write.run));
    return {};
  }

  Result<RunRow> run(const Uuid& uuid) override {
    if (const Run* found = find(uuid); found != nullptr) return found->row;
    return no_run(uuid.text());
  }

  Result<RunRow> run_by_prefix(std::string_view prefix) override {
    SLUICE_TRY(const UuidRange range, uuids_with_prefix(prefix));
    std::map<Uuid, const RunRow*> found;
    for (const auto& [id, run] : runs_)
      if (range.first <= run.row.uuid && run.row.uuid <= range.last) found.emplace(run.row.uuid, &run.row);
    if (found.empty()) return no_run(prefix);
    if (found.size() > 1) return prefix_is_ambiguous(prefix, found.begin()->first, std::next(found.begin())->first);
    return *found.begin()->second;
  }

  Result<std::vector<RunRow>> list(const RunFilter& filter, const Page& page) override {
    std::vector<RunRow> rows;
    for (auto it = page.after > 0 ? runs_.lower_bound(RunId{page.after}) : runs_.end(); it != runs_.begin();) {
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

  Result<std::vector<TaskRow>> tasks(RunId run) override {
    std::vector<TaskRow> rows;
    if (const auto it = runs_.find(run); it != runs_.end())
      for (const auto& [id, row] : it->second.tasks) rows.push_back(row);
    return rows;
  }

  Result<std::vector<ArtifactRow>> artifacts(RunId run) override {
    std::vector<ArtifactRow> rows;
    if (const auto it = runs_.find(run); it != runs_.end())
      for (const auto& [place, row] : it->second.artifacts) rows.push_back(row);
    return rows;
  }

  Result<std::string> spec(const std::string& digest) override {
    if (const auto it = specs_.find(digest); it != specs_.end()) return it->second;
    return fail(Code::kNotFound, "there is no pipeline text '" + digest + "'");
  }

  Result<std::vector<JournalEntry>> journal(RunId run) override {
    const auto it = runs_.find(run);
    return it == runs_.end() ? std::vector<JournalEntry>{} : it->second.journal;
  }

  Status compact(RunId run) override {
    const auto it = runs_.find(run);
    if (it == runs_.end()) return no_run(std::to_string(run.value));
    if (it->second.row.state != RunState::kSucceeded) return not_succeeded(it->second.row);
    it->second.journal.clear();
    return {};
  }

  Result<std::vector<ExperimentRow>> experiments() override {
    auto rows = experiments_;
    for (ExperimentRow& row : rows)
      row.runs =
          std::count_if(runs_.begin(), runs_.end(), [&](const auto& run) { return run.second.row.experiment == row.name; });
    return rows;
  }

  Result<std::vector<PipelineRow>> pipelines() override {
    std::map<std::string, PipelineRow> rows;
    for (const auto& [id, run] : runs_) {
      PipelineRow& row = rows[run.row.pipeline_name];
      row = {.name = run.row.pipeline_name, .runs = row.runs + 1, .last_run = run.row.created};
    }
    std::vector<PipelineRow> out;
    out.reserve(rows.size());
    for (auto& [name, row] : rows) out.push_back(std::move(row));
    return out;
  }

 private:
  struct Run {
    RunRow row;
    std::map<TaskId, TaskRow> tasks;
    std::map<std::tuple<TaskId, std::string, int>, ArtifactRow> artifacts;
    std::vector<JournalEntry> journal;
  };

  static void apply(const Write& write, Run& run) {
    run.row.seq += write.entries.size();
    run.journal.insert(run.journal.end(), write.entries.begin(), write.entries.end());
    for (const TaskRow& task : write.tasks) run.tasks.insert_or_assign(task.id, task);
    for (const ArtifactRow& artifact : write.artifacts)
      run.artifacts.insert_or_assign({artifact.task, artifact.key, artifact.index}, artifact);
    if (!write.change) return;
    run.row.state = write.change->state;
    run.row.error = write.change->error;
    run.row.began = write.change->began;
    run.row.ended = write.change->ended;
    run.row.outputs = write.change->outputs;
  }

  const Run* find(const Uuid& uuid) const {
    const auto it = std::find_if(runs_.begin(), runs_.end(), [&](const auto& run) { return run.second.row.uuid == uuid; });
    return it == runs_.end() ? nullptr : &it->second;
  }

  std::map<RunId, Run> runs_;
  std::map<std::string, std::string> specs_;
  std::vector<ExperimentRow> experiments_;  // by id
};

}  // namespace

std::unique_ptr<RunStore> make_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace sluice
