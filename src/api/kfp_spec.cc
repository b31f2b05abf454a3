#include "api/kfp_spec.h"

#include <memory>

#include "api/kfp_error.h"
#include "base/json.h"
#include "plan/plan.h"
#include "spec/documents.h"
#include "spec/parse.h"

namespace sluice {
namespace {

// In either spelling.
const Value* find_either(const Value& document, std::string_view snake, std::string_view camel) {
  const Value* value = document.find(snake);
  return value != nullptr ? value : document.find(camel);
}

}  // namespace

std::string spec_text(const Value& spec) { return to_json(spec); }

Result<Value> spec_value(std::string_view text) {
  SLUICE_TRY(const std::vector<Value> documents, read_documents(text, "pipeline"));
  Value spec;
  Value platform;
  for (const Value& document : documents) {
    const Value* inner_spec = find_either(document, "pipeline_spec", "pipelineSpec");
    const Value* inner_platform = find_either(document, "platform_spec", "platformSpec");
    if (inner_spec != nullptr || inner_platform != nullptr) {
      if (inner_spec != nullptr) spec = *inner_spec;
      if (inner_platform != nullptr) platform = *inner_platform;
    } else if (document.find("platforms") != nullptr) {
      platform = document;
    } else {
      spec = document;
    }
  }
  if (platform.is_null()) return spec;
  return Value::of({{"pipeline_spec", spec}, {"platform_spec", platform}});
}

Result<Pipeline> checked_pipeline(const std::string& text, const std::string& file) {
  ParsedPipeline parsed = parse_pipeline(text, file);
  Diagnostics errors = std::move(parsed.errors);
  if (errors.empty()) {
    // Conditions are compiled by plan; what is wrong with arguments is no matter of the file.
    const auto pipeline = std::make_shared<const Pipeline>(parsed.pipeline);
    for (Diagnostic& error : make_plan(pipeline, {}, {}).errors) {
      if (pipeline->root.input_parameters.contains(error.path)) continue;
      error.file = file;
      errors.push_back(std::move(error));
    }
  }
  if (errors.empty()) return std::move(parsed.pipeline);
  Error error = error_of(errors, "invalid pipeline");
  error.code = Code::kInvalid;
  return fail(std::move(error));
}

Value SpecCache::get(RunStore& store, const std::string& digest) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = by_digest_.find(digest); known != by_digest_.end()) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return known->second->value;
    }
  }
  const auto text = store.spec(digest);
  if (!text) return {};
  const auto value = spec_value(*text);
  if (!value) return {};
  const std::lock_guard lock(mutex_);
  if (text->size() > bytes_max_ || by_digest_.contains(digest)) return *value;
  entries_.push_front({digest, *value, text->size()});
  by_digest_.emplace(digest, entries_.begin());
  for (bytes_ += text->size(); bytes_ > bytes_max_; entries_.pop_back()) {
    bytes_ -= entries_.back().bytes;
    by_digest_.erase(entries_.back().digest);
  }
  return *value;
}

}  // namespace sluice
