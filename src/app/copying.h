// Copies of the files of a data directory.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"

namespace sluice {

struct CopiedFiles {
  std::int64_t files = 0, bytes = 0;
  std::int64_t linked = 0;  // of those files: no byte was copied
};

class FileCopier {
 public:
  // `progress` is called after each file.
  explicit FileCopier(std::function<void(const CopiedFiles&)> progress) : progress_(std::move(progress)) {}

  // A regular file that nobody may write (mode 0444: an object, or an output that is a link to one) is linked where that can be;
  // everything else is copied with its mode. A file that is gone meanwhile is passed over; symbolic links are copied as they are.
  Status copy_file_to(const std::string& source, const std::string& target);
  // What is in the folder and `wanted` by its name, with everything below. The target folder is made; mode as of the source.
  Status copy_folder_to(const std::string& source, const std::string& target,
                        const std::function<bool(const std::string& name)>& wanted = nullptr);

  const CopiedFiles& copied() const { return copied_; }

 private:
  std::function<void(const CopiedFiles&)> progress_;
  CopiedFiles copied_;
};

}  // namespace sluice
