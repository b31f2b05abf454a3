// Folders below a data directory that nobody needs: of runs that are gone, and what ended runs have left for nobody.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/text.h"
#include "engine/garbage.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

bool is_folder(const std::string& path) {
  struct stat facts{};
  return ::lstat(path.c_str(), &facts) == 0 && S_ISDIR(facts.st_mode);
}

// "17-train.1.in": private inputs of an attempt; "17-train.1.tmp": what one that failed has left in its /tmp.
bool is_of_attempt(std::string_view name, std::string_view suffix) {
  if (!name.ends_with(suffix)) return false;
  name.remove_suffix(suffix.size());
  const auto dash = name.find('-'), dot = name.rfind('.');
  return dash != std::string_view::npos && dot != std::string_view::npos && dash < dot &&
         parse_integer(name.substr(0, dash)).has_value() && parse_integer(name.substr(dot + 1)).has_value();
}

}  // namespace

// What an earlier collection has taken away and could not finish.
Status GarbageCollector::empty_trash() {
  if (dry_run_) return {};
  for (const auto& entry : folder_entries(dir_.trash())) {
    if (Status removed = remover_.remove(entry); !removed) note_problem(removed.error());
    note(figure("folders"), remover_);
  }
  return {};
}

// Of runs that the store does not know. A run's folder is made on the engine's thread just before its row is.
Status GarbageCollector::remove_folders(const std::string& parent, const std::set<std::string>& live) {
  for (const auto& entry : folder_entries(parent)) {
    if (cancelled_) return {};
    const std::string name = entry.filename();
    const auto uuid = Uuid::parse(name);
    if (!uuid || uuid->text() != name || live.contains(name) || !is_folder(entry)) continue;
    const auto row = reader_->run(*uuid);
    if (!row && row.error().code != Code::kNotFound) return fail(row.error());
    const bool would_be_gone = dry_run_ && expired_ids_.contains(*uuid);
    if (row && !would_be_gone) continue;
    SLUICE_TRY_STATUS(take_away(*uuid, false, {entry.string()}, "folders"));
  }
  return {};
}

Status GarbageCollector::remove_leftovers(const std::set<std::string>& live) {
  for (const auto& entry : folder_entries(dir_.root() + "/runs")) {
    if (cancelled_) return {};
    const auto uuid = Uuid::parse(entry.filename().native());
    if (!uuid || live.contains(uuid->text()) || expired_ids_.contains(*uuid) || !is_folder(entry)) continue;
    const auto row = reader_->run(*uuid);
    if (!row || !has_ended(*row)) continue;
    SLUICE_TRY_STATUS(remove_leftovers_of(*row));
  }
  return {};
}

Status GarbageCollector::remove_leftovers_of(const RunRow& run) {
  SLUICE_TRY(const auto names, leftovers_of(run));
  return names.empty() ? Status() : take_away(run.uuid, true, names, "leftovers");
}

Result<std::vector<std::string>> GarbageCollector::leftovers_of(const RunRow& run) {
  const Instant ended = end_of(run);
  const bool may_be_looked_at = ended >= now_ - std::max(rules_.keep_failed, rules_.grace);
  const bool is_success = run.state == RunState::kSucceeded;
  if (ended >= now_ - rules_.grace || (may_be_looked_at && !is_success)) return std::vector<std::string>{};
  std::vector<std::string> inputs, found;
  for (const auto& entry : folder_entries(dir_.run(run.uuid.text()))) {
    const std::string name = entry.filename();
    if (!is_folder(entry)) continue;
    if (is_of_attempt(name, ".in")) inputs.push_back(entry);
    if (is_of_attempt(name, ".tmp") && !may_be_looked_at) found.push_back(entry);
  }
  if (inputs.empty()) return found;
  // An input that a task has handed on as its output is where it was: people are shown its path.
  std::string outputs = run.outputs;
  SLUICE_TRY(const auto tasks, reader_->tasks(run.id));
  for (const TaskRow& task : tasks) outputs += task.outputs;
  for (std::string& input : inputs)
    if (outputs.find(input.substr(input.rfind('/')) + "/") == std::string::npos) found.push_back(std::move(input));
  return found;
}

// On the engine's thread nobody goes on with a run, or makes one, while it is looked at.
Status GarbageCollector::take_away(const Uuid& run, bool is_ended, const std::vector<std::string>& names,
                                   const std::string& kind) {
  std::vector<std::string> taken;
  if (dry_run_) taken = names;
  if (!dry_run_) {
    SLUICE_TRY_STATUS(make_directory(dir_.trash()));
    SLUICE_TRY_STATUS(host_.on_owner([&](Engine& engine, RunStore& store) -> Status {
      const auto row = store.run(run);
      if (!row && row.error().code != Code::kNotFound) return fail(row.error());
      if (engine.knows(run) || row.has_value() != is_ended) return {};
      if (row && !has_ended(*row)) return {};
      for (const std::string& name : names) {
        const std::string trash = dir_.trash() + "/" + run.text() + "-" + std::to_string(++taken_away_);
        if (std::rename(name.c_str(), trash.c_str()) == 0)
          taken.push_back(trash);
        else if (errno != ENOENT)
          note_problem(fail_errno("remove " + name, errno).value());
      }
      return {};
    }));
  }
  for (const std::string& path : taken) {
    if (Status removed = remover_.remove(path); !removed) note_problem(removed.error());
    ++figure(kind).number;
    note(figure(kind), remover_);
  }
  return {};
}

}  // namespace sluice
