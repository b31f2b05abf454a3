#include "exec/attempt_mounts.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace sluice {
namespace {

namespace fs = std::filesystem;

PlaceKind kind_of(const fs::file_status& status) {
  switch (status.type()) {
    case fs::file_type::none:
    case fs::file_type::not_found: return PlaceKind::kNone;
    case fs::file_type::directory: return PlaceKind::kDirectory;
    case fs::file_type::symlink: return PlaceKind::kLink;
    default: return PlaceKind::kFile;
  }
}

class ThisHost final : public HostView {
 public:
  PlaceKind kind(const std::string& path) const override {
    std::error_code ignored;
    return kind_of(fs::status(path, ignored));
  }
  Result<std::vector<HostEntry>> entries(const std::string& directory) const override {
    std::error_code error;
    std::vector<HostEntry> found;
    for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
      std::error_code gone;
      HostEntry entry{.name = at->path().filename(), .kind = kind_of(at->symlink_status(gone))};
      if (entry.kind == PlaceKind::kLink) entry.link = fs::read_symlink(at->path(), gone);
      if (!gone && entry.kind != PlaceKind::kNone) found.push_back(std::move(entry));
    }
    if (error) return fail_errno("read the directory " + directory, error.value());
    return found;
  }
};

}  // namespace

Result<AttemptMounts> plan_attempt_mounts(const std::vector<AttemptMount>& mounts, const OwnPlaces& own) {
  AttemptMounts planned{.mounts = mounts};
  for (AttemptMount& mount : planned.mounts) {
    std::error_code error;
    std::string target = fs::weakly_canonical(mount.target, error);
    while (target.size() > 1 && target.back() == '/') target.pop_back();
    if (error) return fail_errno("cannot mount at " + mount.target, error.value());
    mount.target = std::move(target);
  }
  SLUICE_TRY(planned.steps, plan_mounts(planned.mounts, ThisHost(), own));
  return planned;
}

}  // namespace sluice
