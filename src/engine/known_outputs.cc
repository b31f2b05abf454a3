#include "engine/known_outputs.h"

#include <filesystem>

#include "base/text.h"

namespace sluice {

Replaced replace_outputs(const TaskData& made, const std::string& artifacts_dir, const std::string& runs) {
  Replaced out{.outputs = made, .links = {}};
  for (auto& [key, list] : out.outputs.artifacts)
    for (std::size_t i = 0; i < list.size(); ++i) {
      Artifact& artifact = list[i];
      artifact.custom_path.clear();  // its content has come home already
      if (artifact.digest.empty() && !artifact.uri.starts_with(runs + "/")) continue;
      // Most are named by their key. Below it nobody else has a place, so others are told apart there.
      const std::string name(base_name(artifact.uri));
      std::string path = artifacts_dir + "/" + key;
      if (list.size() > 1) path += "/" + std::to_string(i);
      if (list.size() > 1 || name != key) path += "/" + name;
      artifact.uri = path;
      if (!artifact.digest.empty()) out.links.push_back({artifact.digest, std::move(path)});
    }
  return out;
}

Result<TaskData> link_outputs(const Attempt& attempt, ObjectStore& objects) {
  const std::string runs = std::filesystem::path(attempt.directory).parent_path().parent_path();
  Replaced replaced = replace_outputs(*attempt.order.cached, attempt.outputs.artifacts_dir, runs);
  if (replaced.links.empty()) return std::move(replaced.outputs);
  SLUICE_TRY_STATUS(make_place(attempt));
  for (const auto& [digest, path] : replaced.links) {
    if (!objects.keep(digest)) return fail(Code::kNotFound, "the content " + digest + " is gone");
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
    if (error) return fail_errno("make the folder of " + path, error.value());
    SLUICE_TRY_STATUS(objects.link(digest, path));
  }
  return std::move(replaced.outputs);
}

}  // namespace sluice
