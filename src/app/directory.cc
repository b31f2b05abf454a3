#include "app/directory.h"

#include "app/load.h"
#include "app/owner.h"

namespace sluice {

Directory::Directory(DataDir dir, const Config& config)
    : dir_(std::move(dir)), images_(config.images), objects_(dir_.objects(), /*sync=*/false), readers_(dir_.database()) {}

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

Instant Directory::now() const { return SystemClock().now(); }
Uuid Directory::new_uuid() { return sluice::new_uuid(); }
Service::Owner Directory::owner() const { return service_owner(owner_of(dir_).kind); }
void Directory::shut_down(bool stop_tasks) { (void)stop_tasks; }

}  // namespace sluice
