// The one process that owns a data directory: an engine on it, and the API through which every other process is its client, over
// DATA/engine.sock and for a server over TCP too.
//
// The engine lives on the thread that calls serve(); requests arrive on threads of the HTTP server, which read from stores of
// their own and reach the engine by on_owner().
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "api/api.h"
#include "app/config.h"
#include "app/garbage_job.h"
#include "app/notifier.h"
#include "app/reader_pool.h"
#include "engine/local_hands.h"
#include "engine/work_pool.h"
#include "net/http_server.h"

namespace sluice {

struct OwnerOptions {
  bool is_server = false;  // its tasks outlive it, and runs of an owner before it go on
  HttpServerOptions http{.host = "", .threads = 1};
  GuardOptions guard;
  // Hears of each answer, on any thread.
  std::function<void(const HttpRequest& request, int status, Duration took)> answered;
};

class Owner final : public Service {
 public:
  // Nothing if another process owns the directory. Makes it if it is not there. Requests are answered from here on; those that
  // change something wait for serve().
  static Result<std::unique_ptr<Owner>> open(const DataDir& dir, const Config& config, OwnerOptions options = {});
  ~Owner() override;

  Engine& engine() { return *engine_; }
  Loop& loop() { return loop_; }
  Api& api() { return *api_; }
  RunStore& store() { return *store_; }
  int port() const { return http_->port(); }
  // Writes into the lock where a server is reached.
  void say_url(const std::string& url);

  // Each is called on the loop's thread: notices of every run; POST /api/v1/shutdown; that the engine cannot go on (or, with an
  // empty message, that it can again).
  void on_notice(std::function<void(const Notice&)> call) { notice_ = std::move(call); }
  void on_shut_down(std::function<void(bool stop_tasks)> call) { shut_down_ = std::move(call); }
  // On any thread: a collection of garbage has ended; somebody could not be told of a run's end.
  void on_garbage(std::function<void(const GarbageState&)> call) { garbage_call_ = std::move(call); }
  void on_unnotified(std::function<void(const std::string& target, const Error&)> call) { unnotified_ = std::move(call); }
  void on_trouble(std::function<void(const Error&)> call) { trouble_call_ = std::move(call); }

  // Serves until an end has been asked for, or until the store has been out of reach for longer than the engine is patient: then
  // its error.
  Status serve();
  // Ends serve() if the engine is idle, once what has been asked for meanwhile is done and leaves it idle.
  void end_when_idle();
  // Ends serve() after requests under way are answered. Runs stay as they are, for the next owner; their tasks go on unless
  // `stop_tasks`.
  void drain(bool stop_tasks);

  // The routes' view of it; thread-safe.
  Result<Reader> reader() override;
  Status on_owner(std::function<void(Writer)> call) override;
  void in_background(std::function<void()> work) override { background_.submit(std::move(work)); }
  const DataDir& dir() const override { return dir_; }
  const SiteRules& sites() const override { return sites_; }
  ObjectStore& objects() override { return objects_; }
  Instant now() const override { return clock_.now(); }
  Uuid new_uuid() override;
  Service::Owner owner() const override { return is_server_ ? Service::Owner::kServer : Service::Owner::kRun; }
  std::optional<Error> trouble() const override;
  EngineFigures figures() const override;
  Status collect_garbage(bool dry_run, std::optional<Duration> grace) override;
  GarbageState garbage() const override;
  void shut_down(bool stop_tasks) override;

 private:
  Owner(DataDir dir, Ownership ownership, const Config& config, const OwnerOptions& options);
  Status start(const Config& config, const OwnerOptions& options);
  void tell(const Notice& notice);
  void take_trouble(const Error& error);
  void keep_streams_alive();
  void start_notifier(const Config& config);
  void note_told(const PendingNotice& notice);
  void collect_now_and_then(Duration first);
  Status finish();

  const DataDir dir_;
  const SiteRules sites_;
  const Ownership ownership_;
  const bool is_server_;
  SystemClock clock_;
  // These two outlive whatever may still answer a request: what waits in the loop, the background.
  EventHub events_;
  std::unique_ptr<Api> api_;
  mutable Loop loop_;
  ObjectStore objects_;
  ReaderPool readers_;
  EnvironmentStore environments_;
  std::unique_ptr<RunStore> store_;
  std::unique_ptr<LocalHands> hands_;
  std::unique_ptr<Engine> engine_;
  std::function<void(const Notice&)> notice_;
  std::function<void(bool)> shut_down_;
  std::function<void(const Error&)> trouble_call_;
  std::function<void(const GarbageState&)> garbage_call_;
  std::function<void(const std::string&, const Error&)> unnotified_;
  std::optional<Duration> garbage_every_;
  std::optional<Error> hopeless_;  // why serve() ends
  bool stop_tasks_ = false;

  mutable std::mutex mutex_;
  std::string url_;  // guarded by mutex_
  std::optional<Error> trouble_;  // likewise
  mutable EngineFigures figures_;  // likewise, as they were last seen
  std::atomic<bool> is_ready_{false};  // the store can be read
  std::atomic<bool> is_closing_{false};  // nothing reaches the engine any more

  std::unique_ptr<HttpServer> http_;
  std::atomic<HttpServer*> timer_{nullptr};  // http_, as soon as it is there
  std::thread drainer_;
  std::unique_ptr<Notifier> notifier_;
  std::unique_ptr<GarbageJob> garbage_;
  WorkPool background_;  // last: its threads end first
};

Service::Owner service_owner(OwnerKind kind);
// 122 random bits.
Uuid new_uuid();
// Path of the program that runs.
std::string own_program();

}  // namespace sluice
