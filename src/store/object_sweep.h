// Which objects nobody names any more, and their end.
//
// Nothing that is needed goes, whoever puts objects meanwhile: the limit of age is taken before the database is read. What was
// put or kept under a lease that was alive then is younger than the limit; what was put under one that had ended by then was
// committed by then, so the database names it; what is put later is younger too. An object that is about to be used again is made
// young by put() or keep() in one step with finding it, as it is looked at and removed in one step here.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "store/object_store.h"

namespace sluice {

class ObjectSweep {
 public:
  // Everything that was put or kept since `before` stays. A second is taken off for the kernel, whose clock for files is late.
  ObjectSweep(ObjectStore& objects, Instant before) : objects_(objects), before_(before - std::chrono::seconds(1)) {}
  // The limit for a sweep that begins now.
  static Instant limit(const ObjectStore& objects, Instant now, Duration grace);

  // Each "sha256:<64 hex digits>" that stands anywhere in the text is needed, and of a directory all that is in it.
  void name_all(std::string_view text);

  // An object that nobody names, and that is old enough.
  struct Condemned {
    std::string hex;
    std::int64_t size_bytes = 0;
    std::uint64_t links = 1, inode = 0, device = 0;
  };
  // Looks at all objects, once everything was named. Directories come before what is in them, so that whatever comes between
  // never leaves one of which a part is missing. 30 s for a million objects.
  Result<std::vector<Condemned>> condemned();

  // True: it is gone. False: it has been put again meanwhile, or somebody else was first.
  Result<bool> remove(const Condemned& object) { return objects_.remove_unless_young(object.hex, before_); }

 private:
  using Digest = std::array<unsigned char, 32>;
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const {
      std::size_t hash = 0;
      std::memcpy(&hash, digest.data(), sizeof(hash));
      return hash;
    }
  };
  struct Found {
    Condemned object;
    bool is_needed = false;
    bool is_directory = false;
  };
  static bool read_hex(std::string_view hex, Digest& digest);
  bool is_named(std::string_view hex) const;
  Status scan(std::vector<Found>& found) const;
  void name_members(std::string_view manifest);

  ObjectStore& objects_;
  const Instant before_;
  std::unordered_set<Digest, DigestHash> named_;
};

}  // namespace sluice
