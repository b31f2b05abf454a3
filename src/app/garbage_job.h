// A collection of garbage beside an engine: its thread, and how far it is.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "api/service.h"
#include "engine/garbage.h"

namespace sluice {

class GarbageJob {
 public:
  // `ended` hears of each end, on the job's thread.
  GarbageJob(Service& service, EnvironmentStore& environments, GarbageRules rules,
             std::function<void(const GarbageState&)> ended = nullptr)
      : service_(service), environments_(environments), rules_(rules), ended_(std::move(ended)) {}
  // Cuts short what is under way.
  ~GarbageJob();
  GarbageJob(const GarbageJob&) = delete;
  GarbageJob& operator=(const GarbageJob&) = delete;

  // Thread-safe. kConflict: one is under way.
  Status start(bool dry_run, std::optional<Duration> grace);
  // On this thread, for one that nothing else happens to meanwhile.
  void run(bool dry_run, std::optional<Duration> grace);
  GarbageState state() const;

 private:
  Status begin(bool dry_run);
  void collect(bool dry_run, std::optional<Duration> grace);
  GarbageHost host();
  // Calls on the owner's thread and waits, unless this job is to end.
  Status on_owner(const std::function<Status(Engine&, RunStore&)>& call);

  Service& service_;
  EnvironmentStore& environments_;
  const GarbageRules rules_;
  const std::function<void(const GarbageState&)> ended_;
  std::atomic<bool> cancelled_{false};
  mutable std::mutex mutex_;
  GarbageState state_;  // guarded by mutex_
  std::thread thread_;  // likewise
};

}  // namespace sluice
