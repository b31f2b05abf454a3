// A data directory that somebody else owns, or nobody: it can be read, and that is all.
#pragma once

#include "api/api.h"
#include "app/config.h"
#include "app/garbage_job.h"
#include "app/reader_pool.h"

namespace sluice {

class Directory final : public Service {
 public:
  Directory(DataDir dir, const Config& config);

  // kNotFound if there is no data there yet.
  Result<Reader> reader() override;
  Status on_owner(std::function<void(Writer)> call) override;
  // At once, on this thread: nobody else waits for it.
  void in_background(std::function<void()> work) override { work(); }

  const DataDir& dir() const override { return dir_; }
  const SiteRules& sites() const override { return sites_; }
  ObjectStore& objects() override { return objects_; }
  Instant now() const override;
  Uuid new_uuid() override;
  Owner owner() const override;
  std::optional<Error> trouble() const override { return std::nullopt; }
  EngineFigures figures() const override { return {}; }
  // Only a dry run, at once.
  Status collect_garbage(bool dry_run, std::optional<Duration> grace) override;
  GarbageState garbage() const override { return garbage_.state(); }
  void shut_down(bool stop_tasks) override;

 private:
  const DataDir dir_;
  const SiteRules sites_;
  ObjectStore objects_;
  ReaderPool readers_;
  EnvironmentStore environments_;
  GarbageJob garbage_;
};

}  // namespace sluice
