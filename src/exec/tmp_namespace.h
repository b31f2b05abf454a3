// A mount namespace with a /tmp of its own, and with what an attempt asked to be mounted.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "exec/mount_plan.h"

namespace sluice {

enum class TmpKind {
  kOverlay,  // the host's files show through, what is written goes elsewhere
  kBind,     // an empty directory
  kHost,     // the host's own
};

struct TmpNamespace {
  int user = -1;  // -1: joined without one (we may mount)
  int mount = -1;
  // Our root directory in it: to join a mount namespace leads to its own root, out of the chroot that we may be in.
  int root = -1;
};

// Folder `root` holds `upper` (what is written to /tmp) and, for an overlay, `work`. `shown`: existing paths below /tmp that stay
// the host's own, sorted. `steps` are those of `mounts`, and come last. The namespace lives as long as its descriptors.
// kUnavailable if the kernel does not let us.
struct TmpNamespaceRequest {
  TmpKind kind = TmpKind::kOverlay;
  std::string root;
  std::vector<std::string> shown;
  std::vector<AttemptMount> mounts;
  std::vector<MountStep> steps;
};
Result<TmpNamespace> make_tmp_namespace(const TmpNamespaceRequest& request);

}  // namespace sluice
