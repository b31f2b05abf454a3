// Pipelines as fields of KFP's messages: `pipeline_spec` is the bare IR, or {"pipeline_spec", "platform_spec"} where there is a
// platform document.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/value.h"
#include "model/pipeline.h"
#include "store/run_store.h"

namespace sluice {

// The field's value as a text that parse_pipeline reads: it knows both forms.
std::string spec_text(const Value& spec);
// The field's value for a text, of one document or two.
Result<Value> spec_value(std::string_view text);

// What is wrong with a pipeline whatever the machine and the arguments; kInvalid with all of it. The pipeline if all is well.
Result<Pipeline> checked_pipeline(const std::string& text, const std::string& file);

// The values of stored texts. A text never changes under its digest, and a client that waits for a run asks for it every second.
// Thread-safe.
class SpecCache {
 public:
  explicit SpecCache(std::size_t bytes_max = std::size_t{8} << 20U) : bytes_max_(bytes_max) {}
  // Null if the text is gone or does not read back: the rest of a message is not hidden for that.
  Value get(RunStore& store, const std::string& digest);

 private:
  struct Entry {
    std::string digest;
    Value value;
    std::size_t bytes;  // of the text
  };
  std::mutex mutex_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;  // guarded by mutex_, as what follows
  std::list<Entry> entries_;  // the last used first
  std::map<std::string, std::list<Entry>::iterator, std::less<>> by_digest_;
};

}  // namespace sluice
