// One thing wrong with a file that somebody wrote, at its place.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace sluice {

// Where something stands in a file; 1-based. Line 0: nowhere in particular.
struct Place {
  int line = 0;
  int column = 0;
  friend bool operator==(const Place&, const Place&) = default;
};

struct Diagnostic {
  std::string file;
  Place place;
  std::string path;  // where in the document: root.dag.tasks.train.inputs
  Code code = Code::kInvalid;
  std::string message;
  std::string hint;  // may be empty

  // "pipeline.yaml:14:9: message", without the hint.
  std::string text() const;
};
using Diagnostics = std::vector<Diagnostic>;

class JsonWriter;
// {"file","line","column","path","code","message","hint"}; line and column are null without a place.
void write_diagnostic(JsonWriter& json, const Diagnostic& diagnostic);
// {"errors": [...]}, indented, with a final newline: what --json prints and /api/v1 answers.
std::string diagnostics_json(const Diagnostics& errors);

}  // namespace sluice
