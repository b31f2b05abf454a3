// Python environments: built once per key, shared by all data directories, in $XDG_CACHE_HOME/sluice/envs/KEY.
//
// A finished environment has the file `sluice-env.json`; a folder without it is what a crash left and is built again. One lock
// file per key: two processes (or threads) that need the same new environment build it once. Bytecode is compiled at build.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "exec/environment_settings.h"
#include "exec/file_lock.h"

namespace sluice {

struct EnvironmentSpec {
  std::string key;                        // 64 hex digits
  std::string interpreter;                // path
  std::vector<std::string> requirements;  // as pip reads them
  std::vector<std::string> no_deps;       // subset: installed without their dependencies
  std::vector<std::string> index_options;
};

struct BuildProgress {
  // "waiting for another build", "installing uv" (once per machine), "creating", "resolving", "downloading", "building" (a
  // package without a wheel), "installing", "compiling"
  std::string phase;
  int packages_done = 0;
  int packages_total = 0;           // 0: not known yet
  std::int64_t bytes_done = 0;
};
using ProgressFn = std::function<void(const BuildProgress&)>;

struct Environment {
  std::string path;                 // .../envs/KEY
  std::string python;               // .../envs/KEY/bin/python3
  bool built = false;               // by this call
  double build_seconds = 0;
};

// One that is there.
struct EnvironmentInfo {
  std::string key, path;
  std::string interpreter_version, tool;
  std::vector<std::string> requirements;
  std::vector<std::string> installed;  // "name==version", sorted
  Instant built, last_used;
};

// One that has been taken out of its place: whoever wants it now builds it anew, once this is gone.
struct RetiredEnvironment {
  std::string path;  // what is left to be removed
  FileLock use, build;
};

class EnvironmentStore {
 public:
  // root: normally default_environment_root(), absolute. uv, which installs five to ten times faster than pip: "auto" (the one on
  // PATH, else ROOT/../tools/bin/uv, which is installed once; else pip), "none" (pip), or the path of one.
  explicit EnvironmentStore(std::string root, std::string uv = "auto")
      : EnvironmentStore(std::move(root), EnvironmentSettings{.uv = std::move(uv)}) {}
  EnvironmentStore(std::string root, EnvironmentSettings settings) : root_(std::move(root)), settings_(std::move(settings)) {}

  // The environment, built if it is not there. Blocks, seconds to minutes; call it from a work thread. kInvalid with the
  // installer's own last words if a package cannot be installed, kCancelled when `cancelled` becomes true, kUnavailable if the
  // disk is full, the package index does not answer, or the interpreter cannot make environments. Nothing is left behind.
  Result<Environment> ensure(const EnvironmentSpec& spec, const ProgressFn& progress, const std::atomic<bool>& cancelled);

  bool has(const std::string& key) const;
  // 64 hex digits over the sorted "name==version" of what is installed in it. Empty if it is not there.
  // Costs a look at a file; more where that has changed.
  std::string lock(const std::string& key) const;
  // What such a digest stands for: "name==version", sorted. Kept beside the environments (ROOT/../locks), which come and go;
  // empty if it is not known any more.
  std::vector<std::string> installed(const std::string& lock) const;

  // An attempt uses it. Remembered on the disk, once a day at most; costs a look into a map otherwise. From ensure() to the end
  // of this store the environment is in use: nobody retires it.
  void note_use(const std::string& key);

  // All that are finished, the one that was used last first.
  std::vector<EnvironmentInfo> list() const;
  // Leftovers of builds and removals that were cut short, which nobody works on.
  std::vector<std::string> leftovers() const;
  // Takes away one that has not been used since `before` and is in nobody's use, or a leftover. Nothing if it must stay.
  Result<std::optional<RetiredEnvironment>> retire(const std::string& key, Instant before);
  // The keys that command lines and variables of processes of this machine name, as far as this user may look at them.
  std::set<std::string> used_by_processes() const;

 private:
  struct Use {
    FileLock lock;
    Instant noted;
  };
  void begin_use(const std::string& key, const std::atomic<bool>& cancelled);

  std::string root_;
  EnvironmentSettings settings_;
  std::mutex mutex_;
  std::map<std::string, Use> uses_;  // guarded by mutex_
  struct Lock {
    std::int64_t mtime_ns = 0;  // of the marker
    std::string digest;
  };
  mutable std::mutex locks_mutex_;
  mutable std::map<std::string, Lock> locks_;  // by key, guarded by locks_mutex_
};

std::string default_environment_root();

struct Interpreter {
  std::string path;  // of the real interpreter, not of a shim
  std::string version;  // "3.11.7"
};
// The interpreter for "3.10" ("" = any): python3.10 if there is one that starts, else python3. `exact` says whether the version
// is the wanted one. Answers are remembered for the life of the process and, keyed by path and mtime, in the cache directory
// (starting an interpreter costs 20-50 ms). kUnavailable if there is no Python at all.
struct FoundInterpreter {
  Interpreter interpreter;
  bool exact = true;
};
// `preferred`: the one to take where no version is wanted, or the wanted one is not there; kInvalid if it does not start.
Result<FoundInterpreter> find_interpreter(const std::string& wanted_version, const std::string& preferred = {});

// A folder to put before PATH in which `python` and `python3` both are this interpreter, as in a Python image: on many machines
// there is no `python`, and python3 is another version. Made once per interpreter in the cache directory. kUnavailable if it
// cannot be made.
Result<std::string> interpreter_folder(const Interpreter& interpreter);

}  // namespace sluice
