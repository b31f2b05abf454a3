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
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

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

class EnvironmentStore {
 public:
  // root: normally default_environment_root(), absolute. uv, which installs five to ten times faster than pip: "auto" (the one on
  // PATH, else ROOT/../tools/bin/uv, which is installed once; else pip), "none" (pip), or the path of one.
  explicit EnvironmentStore(std::string root, std::string uv = "auto") : root_(std::move(root)), uv_(std::move(uv)) {}

  // The environment, built if it is not there. Blocks, seconds to minutes; call it from a work thread. kInvalid with the
  // installer's own last words if a package cannot be installed, kCancelled when `cancelled` becomes true, kUnavailable if the
  // disk is full, the package index does not answer, or the interpreter cannot make environments. Nothing is left behind.
  Result<Environment> ensure(const EnvironmentSpec& spec, const ProgressFn& progress, const std::atomic<bool>& cancelled);

  bool has(const std::string& key) const;

  // The digest of what is installed in the environment, as its build noted it: the same key built again later may hold other
  // versions. Empty if it is not there. Costs one look at a file that has not changed since it was last asked; thread-safe.
  std::string lock(const std::string& key);
  // "name==version" of what that digest stands for, sorted. Kept beside the environments (ROOT/../locks), which come and go;
  // empty if it is not known any more.
  std::vector<std::string> installed(const std::string& lock) const;

 private:
  struct Lock {
    std::int64_t mtime_ns = 0;  // of the marker
    std::string digest;
  };
  std::string root_;
  std::string uv_;
  std::mutex mutex_;
  std::map<std::string, Lock> locks_;  // by key, guarded by mutex_
};

std::string default_environment_root();

// 64 hex digits over what, besides an EnvironmentSpec, decides which packages get installed on this machine: the index urls
// (without credentials), find-links and the contents of constraint files that pip's configuration and the PIP_* and UV_*
// variables name. To be mixed into the key. Empty if nothing of it is set. Reads a few small files.
std::string environment_variables_fingerprint();

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
Result<FoundInterpreter> find_interpreter(const std::string& wanted_version);

// A folder to put before PATH in which `python` and `python3` both are this interpreter, as in a Python image: on many machines
// there is no `python`, and python3 is another version. Made once per interpreter in the cache directory. kUnavailable if it
// cannot be made.
Result<std::string> interpreter_folder(const Interpreter& interpreter);

}  // namespace sluice
