// The few things that the object store does with files, each with its errors said in full.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/owned_fd.h"
#include "base/result.h"

namespace sluice {

// Never follows a symbolic link at the end of `path`, never waits for the other end of a pipe. `flags` as of open(2).
Result<OwnedFd> open_file(const std::string& path, int flags, unsigned mode = 0);
Result<struct stat> stat_of(const OwnedFd& file, const std::string& path);

// Hands on the bytes from where the file stands to its end, 1 MiB at a time: large enough that the calls cost nothing beside the
// hashing, small enough for the cache.
Status read_through(const OwnedFd& file, const std::string& path, const std::function<Status(std::string_view)>& sink);
Result<std::string> read_all(const std::string& path);
Status write_all(const OwnedFd& file, const std::string& path, std::string_view bytes);

// Whether `file` is open for writing anywhere (descriptors and shared mappings of all processes). True also where the kernel
// cannot say.
bool has_writers(const OwnedFd& file);

// Makes `target`, which must not exist (kConflict), a copy of the file: shares the blocks where the file system can.
enum class CopyHow { kCloneOnly, kCloneOrCopy };
// kUnavailable with kCloneOnly: the blocks cannot be shared here. Nothing is left at `target` if it fails.
Status copy_file(const OwnedFd& source, const std::string& target, unsigned mode, CopyHow how);

// When the inode last changed: content, mode, number of names.
Instant change_time(const struct stat& facts);

// Makes the names in the folder survive a power cut.
Status sync_folder(const std::string& path);
// True: made; false: it was there.
Result<bool> make_folder(const std::string& path);
// Removes the files in the folder whose inode was last touched before `before`.
Status remove_older(const std::string& folder, Instant before);

}  // namespace sluice
