// Reads what uv and pip print while they work, and says in our words what went wrong.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "exec/environment.h"

namespace sluice {

// Turns the lines of one or several installer calls (uv and pip, without a terminal) into progress that only goes forward.
class InstallProgress {
 public:
  explicit InstallProgress(const ProgressFn& tell) : tell_(tell) {}
  void phase(std::string_view name);
  void line(std::string_view text);
  // What the calls so far have installed is done; the next call counts from there.
  void end_call();

 private:
  bool uv_line(std::string_view text);
  bool pip_line(std::string_view text);
  void settle_download();
  void report();

  const ProgressFn& tell_;
  BuildProgress now_;
  int packages_before_ = 0;                        // of earlier calls
  std::map<std::string, std::int64_t, std::less<>> sizes_;  // uv: downloads that have begun
  std::set<std::string, std::less<>> collected_;   // pip: names, which are collected again when it backtracks
  std::int64_t open_bytes_ = 0;                    // pip: of the download that its last line announced
};

// "11.8MiB", "12.4 MB", "92 kB", "512 bytes"; 0 if it is none of these.
std::int64_t parse_size(std::string_view text);

// The last lines that say something, 15 at most, without credentials.
std::string meaningful_words(std::span<const std::string> lines);

// Why `what` ("uv pip install") failed: its own words, and a hint where the cause is known. Disk full, no network and a missing
// venv module are kUnavailable, everything else kInvalid.
Error explain_failure(std::string_view what, int exit_code, std::span<const std::string> lines);

}  // namespace sluice
