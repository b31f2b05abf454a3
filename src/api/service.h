// What the routes work on: the engine of a data directory, and stores to read from. Routes run on many threads; the engine on
// one.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "engine/data_dir.h"
#include "engine/engine.h"
#include "engine/garbage.h"
#include "engine/site.h"
#include "store/object_store.h"
#include "store/run_store.h"

namespace sluice {

class Service {
 public:
  virtual ~Service() = default;

  // A store of this thread's own to read from, for as long as the lease lives: stores are pooled.
  using Reader = std::shared_ptr<RunStore>;
  virtual Result<Reader> reader() = 0;

  // What only the owner's thread may do: the engine, and the store that is written to.
  struct Writer {
    Engine& engine;
    RunStore& store;
  };
  // Calls `call` soon, on the owner's thread. kUnavailable, and no call: the owner is ending. kConflict: this process owns no
  // directory, it only reads one.
  virtual Status on_owner(std::function<void(Writer)> call) = 0;
  // Calls `work` on a thread where it may take its time (parsing a pipeline, compiling, copying).
  virtual void in_background(std::function<void()> work) = 0;

  virtual const DataDir& dir() const = 0;
  virtual const SiteRules& sites() const = 0;
  virtual ObjectStore& objects() = 0;
  virtual Instant now() const = 0;
  virtual Uuid new_uuid() = 0;

  // Begins to remove what nobody needs (or only counts it), and how far that is. kConflict: it is under way already, or this
  // process only reads the directory.
  virtual Status collect_garbage(bool dry_run, std::optional<Duration> grace) = 0;
  virtual GarbageState garbage() const = 0;

  enum class Owner { kNone, kRun, kServer };  // who has the directory
  virtual Owner owner() const = 0;
  // Why nothing goes on at the moment (Engine::trouble), from any thread.
  virtual std::optional<Error> trouble() const = 0;
  virtual EngineFigures figures() const = 0;
  // POST /api/v1/shutdown: the process drains and ends; with `stop_tasks` it ends what runs first.
  virtual void shut_down(bool stop_tasks) = 0;
};

}  // namespace sluice
