// sluice backup: a copy of a data directory that is as good as the directory was at one moment, also while it is in use.
//
// What makes it consistent is the order: the database first, as of one moment; then the objects. What the database names was
// there before the commit that names it, and objects are never changed, nor removed as garbage meanwhile. The copy becomes a data
// directory only with its last step, when sluice.db gets its name.
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>

#include "app/copying.h"
#include "app/load.h"
#include "app/verbs.h"
#include "base/json.h"
#include "base/text.h"
#include "exec/file_lock.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using SteadyClock = std::chrono::steady_clock;

// Of a run's folder what people and reports read: logs and outputs. Attempts' working directories, private inputs and temporary
// files are of use only to processes that run in them.
bool is_kept(const std::string& name) {
  return name.ends_with(".log") || name.ends_with(".log.tail0") || name.ends_with(".log.tail1") || name.ends_with(".out") ||
         name == "workspace";
}

// A bar on the terminal for what takes longer than a second.
class Progress {
 public:
  explicit Progress(const Console& console) : console_(console), began_(SteadyClock::now()), drawn_(began_) {}
  ~Progress() {
    if (is_drawn_) console_.err("\r\x1b[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void set_total(std::int64_t files) { total_ = files; }
  void show(const CopiedFiles& copied) {
    const auto now = SteadyClock::now();
    if (!console_.live() || now - began_ < std::chrono::seconds(1) || now - drawn_ < std::chrono::milliseconds(100)) return;
    drawn_ = now;
    is_drawn_ = true;
    constexpr std::int64_t kWidth = 30;
    const std::int64_t filled = total_ > 0 ? std::min(kWidth, kWidth * copied.files / total_) : 0;
    std::string bar;
    for (std::int64_t i = 0; i < kWidth; ++i) bar += i < filled ? "█" : "░";
    console_.err("\r" + bar + " " + std::to_string(copied.files) + " files, " + format_bytes(static_cast<double>(copied.bytes)) +
                 "\x1b[K");
  }

 private:
  const Console& console_;
  const SteadyClock::time_point began_;
  SteadyClock::time_point drawn_;
  std::int64_t total_ = 0;
  bool is_drawn_ = false;
};

std::int64_t count_files(const std::string& folder) {
  std::int64_t files = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error); !error && entry != fs::recursive_directory_iterator();
       entry.increment(error))
    ++files;
  return files;
}

Status check_destination(const DataDir& source, const DataDir& destination) {
  std::error_code error;
  if (fs::exists(destination.root(), error) && !fs::is_empty(destination.root(), error))
    return fail(Code::kConflict, destination.root() + " is not empty", "name a directory that is not there yet");
  if ((destination.root() + "/").starts_with(source.root() + "/"))
    return fail(Code::kInvalid, destination.root() + " lies in the data directory that is to be copied", "name another place");
  return {};
}

Status copy_all(const Console& console, const DataDir& from, const DataDir& to, bool with_secrets, FileCopier& copier,
                Progress& progress) {
  // A directory that cannot be written to, not even this lock, has nobody who removes anything either.
  static const std::atomic<bool> kNever{false};
  const auto nothing_goes = FileLock::acquire(
      from.garbage_lock(), [&] { console.err("waiting until garbage is collected\n"); }, kNever, FileLock::Kind::kShared);
  const std::string unfinished = to.database() + ".unfinished";
  {
    SLUICE_TRY(const auto store, open_for_reading(from));
    SLUICE_TRY_STATUS(to.create());
    SLUICE_TRY_STATUS(store->copy_to(unfinished));
  }
  progress.set_total(count_files(from.objects()));
  SLUICE_TRY_STATUS(
      copier.copy_folder_to(from.objects(), to.objects(), [](const std::string& name) { return name == "sha256"; }));
  std::error_code error;
  for (fs::directory_iterator run(from.root() + "/runs", error); !error && run != fs::directory_iterator();
       run.increment(error)) {
    const std::string name = run->path().filename().string();
    SLUICE_TRY_STATUS(copier.copy_folder_to(from.run(name), to.run(name), is_kept));
  }
  SLUICE_TRY_STATUS(copier.copy_folder_to(from.volumes(), to.volumes()));
  SLUICE_TRY_STATUS(copier.copy_folder_to(from.config_maps(), to.config_maps()));
  if (with_secrets) SLUICE_TRY_STATUS(copier.copy_folder_to(from.secrets(), to.secrets()));
  SLUICE_TRY_STATUS(copier.copy_file_to(from.root() + "/sluice.toml", to.root() + "/sluice.toml"));
  if (std::rename(unfinished.c_str(), to.database().c_str()) != 0) return fail_errno("finish " + to.database(), errno);
  return {};
}

}  // namespace

int backup_verb(const Context& context) {
  const Console& console = context.console;
  const auto from = DataDir::at(context.config.data_dir);
  if (!from) return console.fail(from.error());
  const auto to = DataDir::at(context.words.destination);
  if (!to) return console.fail(to.error());
  if (const Status there = check_for_data(*from); !there) return console.fail(there.error());
  if (const Status free = check_destination(*from, *to); !free) return console.fail(free.error());
  CopiedFiles copied;
  {
    Progress progress(console);
    FileCopier copier([&](const CopiedFiles& so_far) { progress.show(so_far); });
    if (Status done = copy_all(console, *from, *to, context.words.with_secrets, copier, progress); !done) {
      Error error = std::move(done).error();
      error.hint += (error.hint.empty() ? "" : "; ") + std::string("what is in ") + to->root() + " is unfinished and no backup";
      return console.fail(error);
    }
    copied = copier.copied();
  }
  if (console.json())
    console.out(to_json(Value::of({{"data_dir", from->root()},
                                   {"destination", to->root()},
                                   {"files", static_cast<double>(copied.files)},
                                   {"linked", static_cast<double>(copied.linked)},
                                   {"size_bytes", static_cast<double>(copied.bytes)}})) +
                "\n");
  else
    console.out("backed up " + from->root() + " to " + to->root() + ": " + std::to_string(copied.files) + " files, " +
                format_bytes(static_cast<double>(copied.bytes)) + " (" + std::to_string(copied.linked) +
                " of them shared)\nto use it, put it back to where it was: the uris of artifacts are paths in " + from->root() +
                "\n");
  return 0;
}

}  // namespace sluice
