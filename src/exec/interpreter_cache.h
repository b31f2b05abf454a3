// Answers of interpreters, kept in a file, so that the next process need not start them.
#pragma once

#include <optional>
#include <string>

#include "exec/environment.h"

namespace sluice {

// One JSON file. An answer counts only while the candidate (and the real interpreter behind it) has the size and mtime that it
// had, and, for a shim of pyenv, while everything that pyenv chooses by is as it was. Other shims are asked each time: we do not
// know what they look at. Written whole and renamed; what cannot be read or written is only a cache that does not help.
class InterpreterCache {
 public:
  explicit InterpreterCache(std::string path) : path_(std::move(path)) {}
  // An interpreter with an empty path: this shim has none for us.
  std::optional<Interpreter> find(const std::string& candidate) const;
  // That it refused is remembered of a shim only: an interpreter that is broken may be repaired behind its back.
  void remember(const std::string& candidate, const Interpreter& interpreter);

 private:
  std::string path_;
};

}  // namespace sluice
