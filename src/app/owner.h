// An engine on a data directory: the one process that owns it, and the socket through which every other process is its client.
//
// Wire of engine.sock: one JSON object per line. Requests {"do": "run"|"retry"|"cancel", ...} are answered by {"run": ID} or
// {"ok": true}, or by {"error": {...}}; after run and retry the notices of that run follow, the last one says how it ended.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "app/config.h"
#include "app/notices.h"
#include "engine/engine.h"
#include "engine/local_hands.h"
#include "store/object_store.h"
#include "store/run_store.h"

namespace sluice {

class ControlServer;

class Owner {
 public:
  // Nothing if another process owns the directory. Makes it if it is not there.
  static Result<std::unique_ptr<Owner>> open(const DataDir& dir, const Config& config);
  ~Owner();

  Engine& engine() { return *engine_; }
  Loop& loop() { return loop_; }
  RunStore& store() { return *store_; }

  // Notices of every run.
  void observe(std::function<void(const Notice&)> observer) { observer_ = std::move(observer); }
  // Serves until stop(), or until the store has been out of reach for too long: then its error.
  Status serve();
  void stop() { loop_.stop(); }

  // What a client, or this process itself, may ask for.
  Result<Uuid> run(const Submission& submission, Prepared prepared) { return engine_->submit(submission, std::move(prepared)); }
  Result<Uuid> run(const Submission& submission);
  Status retry(const Uuid& run) { return engine_->retry(run); }
  Status cancel(const Uuid& run, const std::string& reason) { return engine_->cancel(run, reason); }

 private:
  Owner(DataDir dir, Ownership ownership, const Config& config);
  Status start(const Config& config);
  void tell(const Notice& notice);

  DataDir dir_;
  ImageRules images_;
  Ownership ownership_;
  SystemClock clock_;
  Loop loop_;
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<ObjectStore> objects_;
  EnvironmentStore environments_;
  std::unique_ptr<LocalHands> hands_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<ControlServer> control_;
  std::function<void(const Notice&)> observer_;
  std::optional<Error> trouble_;
};

// 122 random bits.
Uuid new_uuid();
// Path of the program that runs.
std::string own_program();

}  // namespace sluice
