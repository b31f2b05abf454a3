#include "engine/garbage.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/text.h"
#include "store/object_sweep.h"

namespace sluice {
namespace {

// On ext4 a file that is made soon after many were deleted costs ten times as much (350-1,750 µs instead of 50-77: it walks the
// inodes that were freed last). While runs are active a batch is followed by a pause of four times as long.
constexpr int kBatchNames = 64;
constexpr Duration kPauseMin = std::chrono::milliseconds(5), kPauseMax = std::chrono::milliseconds(500);
constexpr std::size_t kProblemsMax = 10;
constexpr int kPageRows = 500;

}  // namespace

std::int64_t GarbageReport::bytes() const {
  std::int64_t sum = 0;
  for (const GarbageFigure& figure : kinds) sum += figure.bytes;
  return sum;
}

GarbageCollector::GarbageCollector(const DataDir& dir, ObjectStore& objects, EnvironmentStore& environments, GarbageHost host,
                                   GarbageRules rules, bool dry_run, Instant now, const std::atomic<bool>& cancelled)
    : dir_(dir),
      objects_(objects),
      environments_(environments),
      host_(std::move(host)),
      rules_(rules),
      dry_run_(dry_run),
      now_(now),
      cancelled_(cancelled),
      remover_(dry_run, [this] { return go_on(); }) {
  for (const char* kind : {"runs", "results", "objects", "folders", "leftovers", "environments"}) report_.kinds.push_back({kind});
}

Result<GarbageReport> GarbageCollector::collect() {
  std::optional<FileLock> lock;
  if (!dry_run_) {
    SLUICE_TRY(lock, FileLock::try_acquire(dir_.garbage_lock(), FileLock::Kind::kExclusive));
    if (!lock) return fail(Code::kUnavailable, "a backup of " + dir_.root() + " is being made", "try again when it is done");
  }
  SLUICE_TRY(reader_, host_.reader());
  batch_began_ = SystemClock().now();
  // Objects before folders: a name in a folder that goes makes the object young.
  SLUICE_TRY_STATUS(empty_trash());
  SLUICE_TRY_STATUS(find_expired());
  SLUICE_TRY_STATUS(remove_runs());
  SLUICE_TRY_STATUS(forget_results());
  SLUICE_TRY_STATUS(sweep_objects());
  std::set<std::string> live;  // runs of which a process is alive, whoever has ordered it
  for (const std::string& attempt : live_attempts()) live.insert(attempt.substr(0, attempt.find('/')));
  SLUICE_TRY_STATUS(remove_folders(dir_.root() + "/runs", live));
  SLUICE_TRY_STATUS(remove_folders(dir_.root() + "/checkpoints", live));
  SLUICE_TRY_STATUS(remove_leftovers(live));
  SLUICE_TRY_STATUS(remove_environments());
  if (cancelled_) return fail(Code::kCancelled, "the collection of garbage was cut short");
  return report_;
}

Status GarbageCollector::each_run(const ListQuery& asked, const std::function<bool(const RunRow&)>& use) {
  ListQuery query = asked;
  query.limit = kPageRows;
  do {
    SLUICE_TRY(const Listed<RunRow> page, reader_->list_runs(query));
    for (const RunRow& row : page.rows)
      if (cancelled_ || !use(row)) return {};
    query.from = page.next;
  } while (query.from);
  return {};
}

bool GarbageCollector::has_ended(const RunRow& run) { return is_final(run.state) || run.state == RunState::kInterrupted; }

// Of a run that was cut short nobody has written down when.
Instant GarbageCollector::end_of(const RunRow& run) { return std::max({run.ended, run.began, run.created}); }

Status GarbageCollector::find_expired() {
  if (!rules_.runs) return {};
  const Instant before = limit(rules_.runs);
  return each_run({.where = {{"created", Compare::kLess, {to_micros(before)}}}, .sort = "created"}, [&](const RunRow& row) {
    if (has_ended(row) && end_of(row) < before) {
      expired_.push_back(row);
      expired_ids_.insert(row.uuid);
    }
    return true;
  });
}

// Results that others may use stay: they have what they need of their own, in the store of objects.
Status GarbageCollector::remove_runs() {
  for (const RunRow& run : expired_) {
    if (!go_on()) return {};
    bool is_removed = dry_run_;
    if (!dry_run_)
      SLUICE_TRY_STATUS(host_.on_owner([&](Engine& engine, RunStore& store) -> Status {
        const auto row = store.run(run.uuid);
        // Gone on with, or removed, since it was listed.
        if (engine.knows(run.uuid) || !row || !has_ended(*row) || end_of(*row) != end_of(run)) return {};
        is_removed = true;
        return engine.remove(run.uuid);
      }));
    if (is_removed) ++figure("runs").number;
  }
  return {};
}

Status GarbageCollector::forget_results() {
  if (!rules_.cache) return {};
  const Instant before = limit(rules_.cache);
  std::int64_t& number = figure("results").number;
  if (dry_run_) {
    SLUICE_TRY(number, reader_->results().count_cached(before));
    return {};
  }
  return host_.on_owner([&](Engine&, RunStore& store) -> Status {
    SLUICE_TRY(number, store.results().forget_cached(before));
    return {};
  });
}

Status GarbageCollector::sweep_objects() {
  // The limit first, then the database: see object_sweep.h.
  ObjectSweep sweep(objects_, ObjectSweep::limit(objects_, now_, rules_.grace));
  DataFilter filter;
  if (dry_run_) {
    for (const RunRow& run : expired_) filter.without.insert(run.id);
    filter.results_since = limit(rules_.cache);
  }
  SLUICE_TRY_STATUS(reader_->each_data([&](std::string_view text) { sweep.name_all(text); }, filter));
  SLUICE_TRY(const auto condemned, sweep.condemned());
  for (const auto& object : condemned) {
    if (!go_on()) return {};
    bool is_gone = dry_run_;
    if (!dry_run_) {
      auto removed = sweep.remove(object);
      if (!removed) note_problem(removed.error());
      is_gone = removed.value_or(false);
    }
    if (!is_gone) continue;
    remover_.note(object.device, object.inode, object.links, object.size_bytes);
    ++figure("objects").number;
    note(figure("objects"), remover_);
  }
  return {};
}

Status GarbageCollector::remove_environments() {
  if (!rules_.environments) return {};
  const Instant before = now_ - std::max(*rules_.environments, rules_.grace);
  const std::set<std::string> used = environments_.used_by_processes();
  std::vector<EnvironmentInfo> unused = environments_.list();
  std::erase_if(unused, [&](const EnvironmentInfo& info) { return info.last_used >= before; });
  for (std::string& key : environments_.leftovers()) unused.push_back({.key = std::move(key)});
  for (const EnvironmentInfo& environment : unused) {
    if (!go_on()) return {};
    if (used.contains(environment.key)) continue;
    if (Status removed = remove_environment(environment); !removed) note_problem(removed.error());
  }
  return {};
}

Status GarbageCollector::remove_environment(const EnvironmentInfo& environment) {
  const bool is_leftover = environment.path.empty();
  std::string path = environment.path;
  std::optional<RetiredEnvironment> retired;  // its locks are held until nothing is left of it
  if (!dry_run_) {
    const Instant before = is_leftover ? Instant::max() : now_ - std::max(*rules_.environments, rules_.grace);
    SLUICE_TRY(retired, environments_.retire(environment.key, before));
    if (!retired) return {};
    path = retired->path;
  }
  Status done = path.empty() ? Status() : remover_.remove(path);
  ++figure("environments").number;
  note(figure("environments"), remover_);
  return done;
}

GarbageFigure& GarbageCollector::figure(const std::string& kind) {
  return *std::find_if(report_.kinds.begin(), report_.kinds.end(), [&](const auto& figure) { return figure.kind == kind; });
}

// What the remover has freed and nobody has been credited with yet is this kind's.
void GarbageCollector::note(GarbageFigure& figure, const TreeRemover& remover) {
  figure.bytes += remover.bytes() - report_.bytes();
  if (host_.progress) host_.progress(report_);
}

void GarbageCollector::note_problem(const Error& error) {
  if (report_.problems.size() < kProblemsMax) report_.problems.push_back(error.message);
}

bool GarbageCollector::go_on() {
  if (cancelled_) return false;
  if (dry_run_ || ++removed_ < kBatchNames) return true;
  const Instant now = SystemClock().now();
  if (host_.is_busy && host_.is_busy()) std::this_thread::sleep_for(std::clamp(4 * (now - batch_began_), kPauseMin, kPauseMax));
  removed_ = 0;
  batch_began_ = SystemClock().now();
  return true;
}

}  // namespace sluice
