#include "app/owner.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "app/control.h"
#include "base/check.h"

namespace sluice {

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

Owner::Owner(DataDir dir, Ownership ownership, const Config& config)
    : dir_(std::move(dir)), images_(config.images), ownership_(std::move(ownership)), environments_(default_environment_root()) {
  objects_ = std::make_unique<ObjectStore>(dir_.objects(), /*sync=*/true);
}

Owner::~Owner() {
  control_.reset();
  engine_.reset();
  hands_.reset();
}

Result<std::unique_ptr<Owner>> Owner::open(const DataDir& dir, const Config& config) {
  SLUICE_TRY_STATUS(dir.create());
  SLUICE_TRY(auto ownership, Ownership::acquire(dir));
  if (!ownership) return std::unique_ptr<Owner>();
  std::unique_ptr<Owner> owner(new Owner(dir, std::move(*ownership), config));
  SLUICE_TRY_STATUS(owner->start(config));
  return owner;
}

Status Owner::start(const Config& config) {
  SLUICE_TRY(store_, open_sqlite_store({.path = dir_.database()}));
  SLUICE_TRY_STATUS(objects_->open());
  LocalHandsOptions hands{.slots = config.slots, .ahead = std::min(config.slots, 16), .stop_grace = config.stop_grace};
  hands.launch_supervisor = [this, config] {
    return launch_supervisor(
        {.program = own_program(), .data_dir = dir_.root(), .slots = config.slots, .private_tmp = config.private_tmp});
  };
  hands_ = std::make_unique<LocalHands>(loop_, dir_, *objects_, environments_, std::move(hands));
  engine_ = std::make_unique<Engine>(
      loop_, dir_, *store_, *hands_, clock_,
      EngineOptions{.durability = config.durability, .images = config.images, .secrets = config.secrets});
  engine_->observe({.task = [this](const TaskNotice& notice) { tell(notice); },
                    .run = [this](const RunNotice& notice) { tell(notice); },
                    .building = [this](const BuildNotice& notice) { tell(notice); },
                    .trouble =
                        [this](const Error& error) {
                          if (error.code != Code::kInternal || error.message.empty()) return;
                          trouble_ = Error{Code::kUnavailable, "the store cannot be written: " + error.message, error.hint};
                          loop_.stop();
                        }});
  SLUICE_TRY_STATUS(engine_->adopt_orphans());
  SLUICE_TRY(control_, ControlServer::listen(loop_, dir_, *this));
  return {};
}

Status Owner::serve() {
  loop_.run();
  if (trouble_) return fail(*trouble_);
  return {};
}

Result<Uuid> Owner::run(const Submission& submission) {
  Prepared prepared = prepare(submission, images_, new_run_context(dir_, new_uuid(), clock_.now()));
  if (!prepared.errors.empty()) return fail(Code::kInvalid, prepared.errors.front().text(), prepared.errors.front().hint);
  return engine_->submit(submission, std::move(prepared));
}

void Owner::tell(const Notice& notice) {
  if (observer_) observer_(notice);
  if (control_ != nullptr) control_->tell(notice);
}

}  // namespace sluice
