#include "app/garbage_job.h"

#include <condition_variable>
#include <memory>

namespace sluice {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(100);

// A call that is made on another thread, if it is not given up before.
struct Errand {
  std::mutex mutex;
  std::condition_variable done;
  std::optional<Status> result;  // guarded by mutex, as all that follows
  bool is_given_up = false;
};

}  // namespace

GarbageJob::~GarbageJob() {
  cancelled_ = true;
  if (thread_.joinable()) thread_.join();
}

Status GarbageJob::begin(bool dry_run) {
  if (state_.is_running)
    return fail(Code::kConflict, "garbage is being collected already, since " + format_rfc3339(state_.began),
                "GET /api/v1/gc tells how far it is");
  state_ = {.is_running = true, .dry_run = dry_run, .began = service_.now()};
  return {};
}

Status GarbageJob::start(bool dry_run, std::optional<Duration> grace) {
  const std::lock_guard lock(mutex_);
  SLUICE_TRY_STATUS(begin(dry_run));
  if (thread_.joinable()) thread_.join();  // it has ended, or is about to
  thread_ = std::thread([this, dry_run, grace] { collect(dry_run, grace); });
  return {};
}

void GarbageJob::run(bool dry_run, std::optional<Duration> grace) {
  {
    const std::lock_guard lock(mutex_);
    if (!begin(dry_run)) return;
  }
  collect(dry_run, grace);
}

void GarbageJob::collect(bool dry_run, std::optional<Duration> grace) {
  GarbageRules rules = rules_;
  rules.grace = grace.value_or(rules.grace);
  GarbageCollector collector(service_.dir(), service_.objects(), environments_, host(), rules, dry_run, service_.now(),
                             cancelled_);
  auto report = collector.collect();
  GarbageState ended;
  {
    const std::lock_guard lock(mutex_);
    if (report)
      state_.report = std::move(*report);
    else
      state_.error = report.error();
    state_.ended = service_.now();
    ended = state_;
  }
  if (ended_ && !cancelled_) ended_(ended);
  const std::lock_guard lock(mutex_);
  state_.is_running = false;
}

GarbageState GarbageJob::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

GarbageHost GarbageJob::host() {
  return {.reader = [this] { return service_.reader(); },
          .on_owner = [this](const std::function<Status(Engine&, RunStore&)>& call) { return on_owner(call); },
          .is_busy = [this] { return service_.figures().runs > 0; },
          .progress =
              [this](const GarbageReport& so_far) {
                const std::lock_guard lock(mutex_);
                state_.report = so_far;
              }};
}

Status GarbageJob::on_owner(const std::function<Status(Engine&, RunStore&)>& call) {
  const auto errand = std::make_shared<Errand>();
  SLUICE_TRY_STATUS(service_.on_owner([errand, call](Service::Writer writer) {
    const std::lock_guard lock(errand->mutex);
    if (errand->is_given_up) return;
    errand->result = call(writer.engine, writer.store);
    errand->done.notify_all();
  }));
  std::unique_lock lock(errand->mutex);
  // The owner may end before it comes to it.
  while (!errand->done.wait_for(lock, kLookEvery, [&] { return errand->result.has_value(); }))
    if (cancelled_) {
      errand->is_given_up = true;
      return fail(Code::kCancelled, "the owner of the data directory ends");
    }
  return std::move(*errand->result);
}

}  // namespace sluice
