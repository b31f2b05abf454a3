#include "engine/notify_targets.h"

#include <algorithm>
#include <string>

namespace sluice {
namespace {

bool is_url(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.starts_with(scheme) && text.size() > scheme.size() && text[scheme.size()] != '/') return true;
  return false;
}

constexpr const char* kHint = "name a URL of http or https";

}  // namespace

List notify_targets(const Submission& submission, const Pipeline& pipeline) {
  List out;
  const auto add = [&](const std::string& url) {
    if (!url.empty() && std::find(out.begin(), out.end(), Value(url)) == out.end()) out.emplace_back(url);
  };
  add(submission.notify);
  for (const auto& [label, executor] : pipeline.executors)
    if (const auto found = executor.kubernetes.annotations.find(kNotifyAnnotation);
        found != executor.kubernetes.annotations.end())
      add(found->second);
  return out;
}

void check_notify(const Submission& submission, const Pipeline& pipeline, Diagnostics& errors) {
  if (!submission.notify.empty() && !is_url(submission.notify))
    errors.push_back({.code = Code::kInvalid, .message = "notify: '" + submission.notify + "' is no URL", .hint = kHint});
  for (const auto& [label, executor] : pipeline.executors) {
    const auto found = executor.kubernetes.annotations.find(kNotifyAnnotation);
    if (found == executor.kubernetes.annotations.end() || is_url(found->second)) continue;
    errors.push_back({.file = submission.spec_file,
                      .place = executor.kubernetes.place,
                      .path = "deploymentSpec.executors." + label,
                      .code = Code::kInvalid,
                      .message = "annotation " + std::string(kNotifyAnnotation) + ": '" + found->second + "' is no URL",
                      .hint = kHint});
  }
}

}  // namespace sluice
