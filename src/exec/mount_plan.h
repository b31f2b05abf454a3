// How places of the host come to be seen at paths of an attempt's choosing, in a mount namespace of its own, with nothing made or
// left on the host. A pure plan: what there is on the host is asked of a HostView; mount_steps.h carries it out.
//
// A path that is there is mounted over. Where it is not, the nearest directory above it is covered: an empty file system in
// memory takes its place, its entries are bound back into it, and what is missing is made there. An attempt that writes to an
// entry of a covered directory writes to the host as ever; what it adds beside them is its own and goes with it. Of the root
// directory a copy of that kind is made elsewhere and becomes the attempt's root.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "exec/supervisor.h"

namespace sluice {

enum class PlaceKind { kNone, kDirectory, kFile, kLink };  // kFile: whatever is neither of the others

struct HostEntry {
  std::string name;
  PlaceKind kind = PlaceKind::kFile;
  std::string link;  // what a link says
};

class HostView {
 public:
  virtual ~HostView() = default;
  // Links are followed: never kLink.
  virtual PlaceKind kind(const std::string& path) const = 0;
  // Links are not followed.
  virtual Result<std::vector<HostEntry>> entries(const std::string& directory) const = 0;
};

struct MountStep {
  enum class Kind {
    kCover,  // a file system in memory at `path`, which covers the directory `source`; the next kBack take from that
    kDirectory,  // is made at `path` unless it is there; so are kFile (empty) and kLink, which says `source`
    kFile,
    kLink,
    kBack,  // `source`, an entry of the directory covered last, with what is mounted there, at `path`
    kRoot,  // `path` is the root directory from now on
    kMount,  // the source of mount number `mount`, at `path`
    kReadOnly,  // what is mounted at `path`
  };
  Kind kind = Kind::kMount;
  std::string path;
  std::string source;
  std::size_t mount = 0;
  friend bool operator==(const MountStep&, const MountStep&) = default;
};

// What in the namespace is the attempt's own before anything is mounted.
struct OwnPlaces {
  std::string stage;  // an empty directory, for a root directory that has to be made
  bool tmp = false;  // /tmp is private: what is made there stays there,
  std::vector<std::string> shown;  // except at and below these
};

// Targets are plain absolute paths without links on the way. Where one lies in another it is made in the other's source if it is
// not there, as Kubernetes does. kInvalid names the mount that cannot be.
Result<std::vector<MountStep>> plan_mounts(const std::vector<AttemptMount>& mounts, const HostView& host, const OwnPlaces& own);

}  // namespace sluice
