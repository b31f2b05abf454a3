// The layout of a data directory, and who owns it.
//
//   engine.lock  engine.sock  gc.lock  sluice.db  objects/sha256/ab/…  secrets/NAME/KEY  config_maps/NAME/KEY
//   volumes/NAME  trash/…  checkpoints/RUN/TASK
//   runs/RUN/17-train.1   working directory of attempt 1 of task 17; beside it, where needed, 17-train.1.log, .in/, .out/,
//   .params/, .tmp/, .mounts/
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/ids.h"

namespace sluice {

class DataDir {
 public:
  // `path` is made absolute; nothing is touched.
  static Result<DataDir> at(const std::string& path);
  // Makes the folders, and .gitignore with `*`. Errors name the path and what to do.
  Status create() const;
  bool exists() const;

  const std::string& root() const { return root_; }
  std::string database() const { return root_ + "/sluice.db"; }
  std::string objects() const { return root_ + "/objects"; }
  std::string socket() const { return root_ + "/engine.sock"; }
  std::string lock() const { return root_ + "/engine.lock"; }
  std::string run(std::string_view run_uuid) const { return root_ + "/runs/" + std::string(run_uuid); }
  std::string checkpoints(std::string_view run_uuid) const { return root_ + "/checkpoints/" + std::string(run_uuid); }
  // ".../runs/RUN/17-train.1": the id keeps it unique and short however deep the task lies. One directory per attempt, not one
  // for the task and two below it: making a directory is what costs most of a short attempt (ADR 0005).
  std::string trash() const { return root_ + "/trash"; }
  // Held by whoever removes what nobody needs, or (shared) needs that nothing goes for a while.
  std::string garbage_lock() const { return root_ + "/gc.lock"; }
  std::string attempt(std::string_view run_uuid, TaskId id, std::string_view name, int attempt) const;
  std::string secret(std::string_view name, std::string_view key) const;
  std::string secrets() const { return root_ + "/secrets"; }
  std::string config_maps() const { return root_ + "/config_maps"; }
  std::string volumes() const { return root_ + "/volumes"; }

 private:
  explicit DataDir(std::string root) : root_(std::move(root)) {}
  std::string root_;
};

// Who has a data directory, as its lock says.
enum class OwnerKind { kNone, kRun, kServer };
struct OwnerInfo {
  OwnerKind kind = OwnerKind::kNone;
  int pid = 0;       // 0: nobody; -1: somebody who has not said yet
  std::string url;   // of a server that listens for others
};

// The right to write to a data directory: flock on engine.lock, for as long as the object lives.
class Ownership {
 public:
  // Nothing if another process has it.
  static Result<std::optional<Ownership>> acquire(const DataDir& dir);
  ~Ownership();
  Ownership(Ownership&& other) noexcept;
  Ownership& operator=(Ownership&&) = delete;

  // Writes into the lock who has it: "PID\n" from the beginning, for a server "PID server URL\n".
  void say(OwnerKind kind, const std::string& url = {}) const;

 private:
  explicit Ownership(int fd) : fd_(fd) {}
  int fd_;
};
OwnerInfo owner_of(const DataDir& dir);
// Its pid alone.
int owner_pid(const DataDir& dir);

// mkdir that accepts a directory which is already there.
Status make_directory(const std::string& path);

}  // namespace sluice
