// What a server says about itself while it runs: one line an event on stderr, for people or as JSON.
#pragma once

#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"

namespace sluice {

enum class LogLevel { kInfo, kWarning, kError };

class ServerLog {
 public:
  using Field = std::pair<std::string_view, std::string>;

  ServerLog(int fd, bool json) : fd_(fd), json_(json) {}
  // Thread-safe. A line is one write, so that lines of several processes do not mix; one that cannot be written is dropped.
  //   2026-11-24T09:00:00.123456Z info  run ended  run=3f2a… state=SUCCEEDED
  //   {"at": ..., "level": "info", "message": "run ended", "run": ..., "state": ...}
  void write(LogLevel level, std::string_view message, std::initializer_list<Field> fields = {}) const;

 private:
  std::string text_line(LogLevel level, std::string_view message, std::initializer_list<Field> fields, Instant now) const;
  std::string json_line(LogLevel level, std::string_view message, std::initializer_list<Field> fields, Instant now) const;

  const int fd_;
  const bool json_;
  mutable std::mutex mutex_;  // a long line may take several writes
};

}  // namespace sluice
