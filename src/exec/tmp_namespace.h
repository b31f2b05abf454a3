// A mount namespace whose /tmp is not the host's.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace sluice {

enum class TmpKind {
  kOverlay,  // the host's files show through, what is written goes elsewhere
  kBind,     // an empty directory
};

struct TmpNamespace {
  int user = -1;  // -1: joined without one (we may mount)
  int mount = -1;
  // Our root directory in it: to join a mount namespace leads to its own root, out of the chroot that we may be in.
  int root = -1;
};

// Folder `root` holds `upper` (what is written to /tmp) and, for an overlay, `work`. `shown`: existing paths below /tmp that stay
// the host's own, sorted. The namespace lives as long as its descriptors. kUnavailable if the kernel does not let us.
Result<TmpNamespace> make_tmp_namespace(TmpKind kind, const std::string& root, const std::vector<std::string>& shown);

}  // namespace sluice
