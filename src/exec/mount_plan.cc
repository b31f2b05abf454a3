#include "exec/mount_plan.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>

namespace sluice {
namespace {

// A mount for each: so many are made in about 40 ms, and a namespace holds 100,000.
constexpr std::size_t kCoveredEntriesMax = 4096;

bool is_at_or_below(std::string_view path, std::string_view folder) {
  if (folder == "/") return true;
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

std::string joined(const std::string& folder, std::string_view name) {
  return (folder == "/" ? std::string() : folder) + "/" + std::string(name);
}

class Planner {
 public:
  Planner(const std::vector<AttemptMount>& mounts, const HostView& host, const OwnPlaces& own)
      : mounts_(mounts), host_(host), own_(own) {}

  Result<std::vector<MountStep>> plan() {
    std::vector<std::size_t> order(mounts_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    // What lies in another comes after it.
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return mounts_[a].target < mounts_[b].target; });
    for (const std::size_t index : order)
      if (Status done = add(index); !done)
        return fail(std::move(done).error().with_context("cannot mount at " + mounts_[index].target + ": "));
    // Last, so that places could be made for what lies within.
    for (const std::size_t index : order)
      if (mounts_[index].read_only) steps_.push_back({.kind = MountStep::Kind::kReadOnly, .path = mounts_[index].target});
    return std::move(steps_);
  }

 private:
  Status add(std::size_t index) {
    const AttemptMount& mount = mounts_[index];
    const PlaceKind source = host_.kind(mount.source);
    if (source == PlaceKind::kNone) return fail(Code::kInvalid, "there is no " + mount.source);
    if (mount.target == "/") return fail(Code::kInvalid, "a root directory cannot be chosen");
    if (!mount.target.starts_with('/')) return fail(Code::kInvalid, "the path is not absolute");
    if (mounted_.contains(mount.target)) return fail(Code::kInvalid, "two mounts are there");
    for (std::size_t end = mount.target.find('/', 1);; end = mount.target.find('/', end + 1)) {
      const bool is_last = end == std::string::npos;
      SLUICE_TRY_STATUS(make(mount.target.substr(0, end), is_last ? source : PlaceKind::kDirectory));
      if (is_last) break;
    }
    steps_.push_back({.kind = MountStep::Kind::kMount, .path = mount.target, .mount = index});
    mounted_.emplace(mount.target, index);
    return {};
  }

  // Sees to it that there is a directory, or a file, at `path`.
  Status make(const std::string& path, PlaceKind wanted) {
    const std::string parent = path.rfind('/') == 0 ? "/" : path.substr(0, path.rfind('/'));
    const bool in_tmp = is_in_own_tmp(path);
    const PlaceKind there = in_tmp && !made_.contains(path) ? PlaceKind::kNone : kind(path);
    if (there != PlaceKind::kNone) {
      if ((there == PlaceKind::kDirectory) == (wanted == PlaceKind::kDirectory)) return {};
      return fail(Code::kInvalid, path + (there == PlaceKind::kDirectory ? " is a directory here" : " is no directory here"));
    }
    if (!in_tmp && !is_own(parent)) SLUICE_TRY_STATUS(cover(parent));
    steps_.push_back(
        {.kind = wanted == PlaceKind::kDirectory ? MountStep::Kind::kDirectory : MountStep::Kind::kFile, .path = path});
    made_.emplace(path, wanted);
    return {};
  }

  bool is_in_own_tmp(const std::string& path) const {
    if (!own_.tmp || !is_at_or_below(path, "/tmp") || path == "/tmp" || below_mount(path)) return false;
    return std::none_of(own_.shown.begin(), own_.shown.end(),
                        [&](const std::string& shown) { return is_at_or_below(path, shown) || is_at_or_below(shown, path); });
  }

  // The nearest mount that `path` lies at or below.
  std::optional<std::size_t> below_mount(const std::string& path) const {
    for (std::string at = path; at.size() > 1; at.resize(std::max<std::size_t>(at.rfind('/'), 1)))
      if (const auto found = mounted_.find(at); found != mounted_.end()) return found->second;
    return std::nullopt;
  }

  PlaceKind kind(const std::string& path) const {
    if (const auto made = made_.find(path); made != made_.end()) return made->second;
    if (const auto mount = below_mount(path))
      return host_.kind(mounts_[*mount].source + path.substr(mounts_[*mount].target.size()));
    return host_.kind(path);
  }

  // May something be made in this directory?
  bool is_own(const std::string& path) const { return covered_.contains(path) || made_.contains(path) || below_mount(path); }

  Status cover(const std::string& path) {
    SLUICE_TRY(const std::vector<HostEntry> entries, host_.entries(path));
    if (entries.size() > kCoveredEntriesMax)
      return fail(Code::kInvalid,
                  "it is not there, and " + path + " has more than " + std::to_string(kCoveredEntriesMax) + " entries",
                  "make it, as an empty directory or file");
    const std::string place = path == "/" ? own_.stage : path;
    steps_.push_back({.kind = MountStep::Kind::kCover, .path = place, .source = path});
    for (const HostEntry& entry : entries) {
      const std::string at = joined(place, entry.name);
      if (entry.kind == PlaceKind::kLink) {
        steps_.push_back({.kind = MountStep::Kind::kLink, .path = at, .source = entry.link});
        continue;
      }
      const bool is_directory = entry.kind == PlaceKind::kDirectory;
      steps_.push_back({.kind = is_directory ? MountStep::Kind::kDirectory : MountStep::Kind::kFile, .path = at});
      steps_.push_back({.kind = MountStep::Kind::kBack, .path = at, .source = entry.name});
    }
    if (path == "/") steps_.push_back({.kind = MountStep::Kind::kRoot, .path = place});
    covered_.insert(path);
    return {};
  }

  const std::vector<AttemptMount>& mounts_;
  const HostView& host_;
  const OwnPlaces& own_;
  std::vector<MountStep> steps_;
  std::map<std::string, std::size_t> mounted_;  // index by target
  std::map<std::string, PlaceKind> made_;
  std::set<std::string> covered_;
};

}  // namespace

Result<std::vector<MountStep>> plan_mounts(const std::vector<AttemptMount>& mounts, const HostView& host, const OwnPlaces& own) {
  return Planner(mounts, host, own).plan();
}

}  // namespace sluice
