#include "app/directory.h"

#include "app/load.h"
#include "app/owner.h"

namespace sluice {

Directory::Directory(DataDir dir, const Config& config)
    : dir_(std::move(dir)),
      sites_(config.sites()),
      objects_(dir_.objects(), /*sync=*/false),
      readers_(dir_.database()),
      environments_(config.environment_root(), config.environments),
      garbage_(*this, environments_, config.garbage) {}

Result<Service::Reader> Directory::reader() {
  SLUICE_TRY_STATUS(check_for_data(dir_));
  auto reader = readers_.lend();
  if (reader || reader.error().code != Code::kUnavailable || !bring_up_to_date(dir_)) return reader;
  return readers_.lend();
}

Status Directory::on_owner(std::function<void(Writer)> call) {
  (void)call;
  return fail(Code::kConflict, "nobody carries out runs in " + dir_.root(),
              "sluice up --data-dir " + dir_.root() + " starts a server");
}

Status Directory::collect_garbage(bool dry_run, std::optional<Duration> grace) {
  if (!dry_run) return on_owner({});
  garbage_.run(true, grace);
  return {};
}

Instant Directory::now() const { return SystemClock().now(); }
Uuid Directory::new_uuid() { return sluice::new_uuid(); }
Service::Owner Directory::owner() const { return service_owner(owner_of(dir_).kind); }
void Directory::shut_down(bool stop_tasks) { (void)stop_tasks; }

}  // namespace sluice
