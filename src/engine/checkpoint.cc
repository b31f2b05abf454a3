#include "engine/checkpoint.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/sha256.h"
#include "plan/checkpoint.h"

namespace sluice {
namespace {

// A name has at most 255 bytes on all file systems that we know of. Names that are cut are longer than this, those that are not
// are not, so that the two kinds never meet.
constexpr std::size_t kNameMax = 180;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' ||
         c == '[' || c == ']';
}

void escape(std::string& name, char c) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  name += '%';
  name += kDigits[byte >> 4U];
  name += kDigits[byte & 15U];
}

bool wants_to_keep(const PlanComponent& leaf) {
  const auto& annotations = leaf.executor->kubernetes.annotations;
  const auto found = annotations.find(kKeepCheckpointAnnotation);
  return found != annotations.end() && found->second == "true";
}

}  // namespace

std::string checkpoint_name(std::string_view task_path) {
  if (task_path.starts_with("root/")) task_path.remove_prefix(5);
  std::string name;
  for (const char c : task_path) {
    if (c == '/')
      name += '+';
    else if (is_plain(c) && !(c == '.' && name.empty()))
      name += c;
    else
      escape(name, c);
  }
  if (name.size() > kNameMax) name = name.substr(0, kNameMax - 64) + "+" + sha256_hex(task_path);
  return name;
}

Checkpoint checkpoint_of(const DataDir& dir, const std::string& run_uuid, const std::string& task_path, const PlanComponent& leaf,
                         const TaskData& inputs, bool keep) {
  if (!std::holds_alternative<ContainerSpec>(leaf.executor->what)) return {};
  return {.path = dir.checkpoints(run_uuid) + "/" + checkpoint_name(task_path),
          .make = wants_checkpoint(leaf, inputs),
          .keep = keep || wants_to_keep(leaf)};
}

Status make_checkpoint(const Checkpoint& checkpoint) {
  if (mkdir(checkpoint.path.c_str(), 0755) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return fail_errno("make directory " + checkpoint.path, errno);
  const std::string run = std::filesystem::path(checkpoint.path).parent_path();
  SLUICE_TRY_STATUS(make_directory(std::filesystem::path(run).parent_path()));
  SLUICE_TRY_STATUS(make_directory(run));
  return make_directory(checkpoint.path);
}

void remove_checkpoint(const std::string& path) {
  // Mostly there is nothing, or nothing in it: one system call.
  if (rmdir(path.c_str()) == 0 || errno == ENOENT) return;
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

}  // namespace sluice
