#include "app/owner.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <future>

#include "base/check.h"
#include "exec/machine.h"
#include "exec/supervisor_pool.h"

namespace sluice {
namespace {

// What is under way when an owner ends is answered within this, or cut.
constexpr Duration kServerDrains = std::chrono::seconds(5);
constexpr Duration kRunDrains = std::chrono::seconds(1);
// Proxies close streams that say nothing for a minute, some for half of one.
constexpr Duration kStreamPause = std::chrono::seconds(15);
// An engine in the middle of a long turn is not waited for: the figures before it will do.
constexpr auto kFiguresWait = std::chrono::milliseconds(200);
// A server that is restarted every day collects garbage too, but not while it starts.
constexpr Duration kFirstCollection = std::chrono::minutes(10);
constexpr Duration kNotifierPause = std::chrono::milliseconds(20);
// Parsing pipelines, and looking for what they need.
constexpr int kBackgroundThreads = 2;

}  // namespace

Uuid new_uuid() {
  std::array<std::uint8_t, 16> random{};
  SLUICE_CHECK(getrandom(random.data(), random.size(), 0) == static_cast<ssize_t>(random.size()));
  return Uuid::from_random(random);
}

std::string own_program() {
  std::array<char, 4096> path{};
  const auto size = readlink("/proc/self/exe", path.data(), path.size() - 1);
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : "sluice";
}

Service::Owner service_owner(OwnerKind kind) {
  switch (kind) {
    case OwnerKind::kNone: return Service::Owner::kNone;
    case OwnerKind::kRun: return Service::Owner::kRun;
    case OwnerKind::kServer: return Service::Owner::kServer;
  }
  return Service::Owner::kNone;
}

Owner::Owner(DataDir dir, Ownership ownership, const Config& config, const OwnerOptions& options)
    : dir_(std::move(dir)),
      sites_(config.sites()),
      ownership_(std::move(ownership)),
      is_server_(options.is_server),
      events_(sluice::new_uuid().hex().substr(0, 12)),
      objects_(dir_.objects(), /*sync=*/true),
      readers_(dir_.database()),
      environments_(config.environment_root(), config.environments),
      background_("background", options.is_server ? kBackgroundThreads : 1) {
  ApiOptions api{.guard = options.guard, .answered = options.answered};
  api.slots = config.slots;
  api.url = [this] {
    const std::lock_guard lock(mutex_);
    return url_;
  };
  api.after = [this](Duration delay, std::function<void()> call) {
    if (HttpServer* timer = timer_.load(); timer != nullptr) return timer->after(delay, std::move(call));
    background_.submit(std::move(call));
  };
  api_ = std::make_unique<Api>(*this, events_, std::move(api));
}

Owner::~Owner() {
  is_closing_ = true;
  if (drainer_.joinable()) drainer_.join();
  http_.reset();
  // Their threads give up what needs the loop, which runs no more.
  notifier_.reset();
  garbage_.reset();
  engine_.reset();
  hands_.reset();
}

Result<std::unique_ptr<Owner>> Owner::open(const DataDir& dir, const Config& config, OwnerOptions options) {
  SLUICE_TRY_STATUS(dir.create());
  SLUICE_TRY(auto ownership, Ownership::acquire(dir));
  if (!ownership) return std::unique_ptr<Owner>();
  if (options.is_server) ownership->say(OwnerKind::kServer);
  options.http.unix_path = dir.socket();
  std::unique_ptr<Owner> owner(new Owner(dir, std::move(*ownership), config, options));
  SLUICE_TRY_STATUS(owner->start(config, options));
  return owner;
}

Status Owner::start(const Config& config, const OwnerOptions& options) {
  // The port first: whoever has it is told before anything is touched.
  SLUICE_TRY(http_, HttpServer::start(options.http, *api_));
  timer_ = http_.get();
  SLUICE_TRY(store_, open_sqlite_store({.path = dir_.database()}));
  SLUICE_TRY_STATUS(objects_.open());
  LocalHandsOptions hands{.slots = config.slots, .ahead = std::min(config.slots, 16), .stop_grace = config.stop_grace};
  const MachineFacts machine = this_machine();
  hands.machine = {.cpu_milli = machine.cpus * 1000,
                   .memory_bytes = machine.memory_bytes,
                   .gpus = config.gpus >= 0 ? config.gpus : machine.gpus,
                   .pools = config.pools};
  hands.warm = config.warm.enabled;
  const SupervisorOptions supervisor{.program = own_program(),
                                     .data_dir = dir_.root(),
                                     .slots = config.slots,
                                     .private_tmp = config.private_tmp,
                                     .warm = config.warm.options};
  hands.launch_supervisor = [this, supervisor]() -> Result<std::unique_ptr<Supervisor>> {
    if (!is_server_) return launch_supervisor(supervisor);
    return SupervisorPool::attach(supervisor);
  };
  hands_ = std::make_unique<LocalHands>(loop_, dir_, objects_, environments_, std::move(hands));
  EngineOptions engine{.durability = config.durability, .sites = sites_, .values = config.values, .is_server = is_server_};
  engine.budgets = config.budgets;
  engine.machine_memory = machine.memory_bytes;
  engine.keep_checkpoints = config.keep_checkpoints;
  engine.lock_of = [this](const std::string& key) { return environments_.lock(key); };
  if (is_server_) engine.store_patience = std::nullopt;
  engine.notify_own = config.notify.on;
  if (config.notify.tells_all()) engine.notify_all = config.notify.on;
  engine_ = std::make_unique<Engine>(loop_, dir_, *store_, *hands_, clock_, std::move(engine));
  engine_->observe({.task = [this](const TaskNotice& notice) { tell(notice); },
                    .run = [this](const RunNotice& notice) { tell(notice); },
                    .building = [this](const BuildNotice& notice) { tell(notice); },
                    .trouble = [this](const Error& error) { take_trouble(error); }});
  if (is_server_) {
    SLUICE_TRY_STATUS(hands_->attach());
  }
  SLUICE_TRY_STATUS(is_server_ ? engine_->recover() : engine_->adopt_orphans());
  start_notifier(config);
  garbage_every_ = config.garbage_every;
  garbage_ = std::make_unique<GarbageJob>(*this, environments_, config.garbage, [this](const GarbageState& state) {
    if (garbage_call_) garbage_call_(state);
  });
  if (is_server_ && garbage_every_) collect_now_and_then(std::min(*garbage_every_, kFirstCollection));
  is_ready_ = true;
  return {};
}

Status Owner::serve() {
  keep_streams_alive();
  loop_.run();
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  if (drainer_.joinable())
    drainer_.join();
  else
    http_->drain(kRunDrains);
  const Status finished = is_server_ ? finish() : Status();
  if (hopeless_) return fail(*hopeless_);
  return finished;
}

Status Owner::finish() {
  SLUICE_TRY_STATUS(engine_->settle());
  if (!stop_tasks_) return {};
  return hands_->end_tasks();
}

void Owner::say_url(const std::string& url) {
  ownership_.say(OwnerKind::kServer, url);
  const std::lock_guard lock(mutex_);
  url_ = url;
}

void Owner::keep_streams_alive() {
  loop_.after(kStreamPause, [this] {
    events_.keep_alive();
    keep_streams_alive();
  });
}

void Owner::end_when_idle() {
  {
    const std::lock_guard lock(mutex_);
    if (is_closing_ || !engine_->idle()) return;
    // Somebody is still to be told of a run's end: that takes seconds where they do not answer, not longer.
    if (notifier_->is_busy()) return loop_.after(kNotifierPause, [this] { end_when_idle(); });
    is_closing_ = true;
  }
  loop_.post([this] {
    if (engine_->idle()) return loop_.stop();
    const std::lock_guard lock(mutex_);
    is_closing_ = false;
  });
}

void Owner::drain(bool stop_tasks) {
  stop_tasks_ = stop_tasks_ || stop_tasks;
  if (drainer_.joinable()) return;
  // On a thread of its own: what is under way may need the engine to be answered.
  drainer_ = std::thread([this] {
    http_->drain(kServerDrains);
    loop_.post([this] { loop_.stop(); });
  });
}

void Owner::tell(const Notice& notice) {
  if (const auto* run = std::get_if<RunNotice>(&notice); run != nullptr && run->notify) notifier_->look();
  if (notice_) notice_(notice);
  events_.tell(notice);
}

void Owner::take_trouble(const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    trouble_ = error.message.empty() ? std::nullopt : std::optional(error);
  }
  if (trouble_call_) trouble_call_(error);
  if (is_server_ || error.code != Code::kInternal || error.message.empty()) return;
  hopeless_ = Error{Code::kUnavailable, "the store cannot be written: " + error.message, error.hint};
  loop_.stop();
}

Result<Service::Reader> Owner::reader() {
  if (!is_ready_) return fail(Code::kUnavailable, "the server is starting", "try again in a moment");
  return readers_.lend();
}

Status Owner::on_owner(std::function<void(Writer)> call) {
  const std::lock_guard lock(mutex_);
  if (is_closing_) return fail(Code::kUnavailable, "the owner of " + dir_.root() + " is about to end", "try again in a moment");
  loop_.post([this, call = std::move(call)] { call({*engine_, *store_}); });
  return {};
}

Uuid Owner::new_uuid() { return sluice::new_uuid(); }

std::optional<Error> Owner::trouble() const {
  if (!is_ready_) return Error{Code::kUnavailable, "the server is starting", ""};
  const std::lock_guard lock(mutex_);
  return trouble_;
}

EngineFigures Owner::figures() const {
  if (is_ready_ && !is_closing_) {
    const auto promised = std::make_shared<std::promise<EngineFigures>>();
    auto figures = promised->get_future();
    loop_.post([this, promised] { promised->set_value(engine_->figures()); });
    if (figures.wait_for(kFiguresWait) == std::future_status::ready) {
      const std::lock_guard lock(mutex_);
      return figures_ = figures.get();
    }
  }
  const std::lock_guard lock(mutex_);
  return figures_;
}

void Owner::shut_down(bool stop_tasks) {
  loop_.post([this, stop_tasks] {
    if (shut_down_) shut_down_(stop_tasks);
  });
}

}  // namespace sluice
