#include "engine/volumes.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "base/text.h"
#include "engine/secrets.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kCreates = "argostub/createpvc";
constexpr std::string_view kRemoves = "argostub/deletepvc";

// Hidden names are ours: a volume that is being removed has one.
Status check_name(const std::string& name) {
  if (is_plain_name(name) && name.front() != '.' && name.size() <= 253) return {};
  return fail(Code::kInvalid, "'" + name + "' cannot be the name of a volume",
              "at most 253 characters, without '/', not beginning with '.'");
}

std::string text_input(const PlanComponent& component, const TaskData& inputs, std::string_view name) {
  const auto given = inputs.parameters.find(name);
  if (given != inputs.parameters.end() && given->second.is_string()) return given->second.as_string();
  const auto declared = component.spec->input_parameters.find(name);
  if (given != inputs.parameters.end() || declared == component.spec->input_parameters.end()) return {};
  const auto& otherwise = declared->second.default_value;
  return otherwise && otherwise->is_string() ? otherwise->as_string() : std::string();
}

bool names(const std::string& image, std::string_view wanted) {
  const auto at = image.find(wanted);
  if (at == std::string::npos || (at > 0 && image[at - 1] != '/')) return false;
  const auto end = at + wanted.size();
  return end == image.size() || image[end] == ':' || image[end] == '@';
}

}  // namespace

Result<VolumePlace> volume_place(const DataDir& dir, const std::string& name, const std::string& sub_path) {
  SLUICE_TRY_STATUS(check_name(name));
  VolumePlace place{.path = dir.volumes() + "/" + name};
  SLUICE_TRY_STATUS(make_directory(dir.volumes()));
  place.is_new = mkdir(place.path.c_str(), 0755) == 0;
  if (!place.is_new && errno != EEXIST) return fail_errno("make the volume " + place.path, errno);
  for (const std::string_view part : split(sub_path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." || part.find('\0') != std::string_view::npos)
      return fail(Code::kInvalid, "subPath '" + sub_path + "' leads out of the volume '" + name + "'");
    place.path.append("/").append(part);
    SLUICE_TRY_STATUS(make_directory(place.path));
  }
  return place;
}

bool is_volume_image(const std::string& image) { return names(image, kCreates) || names(image, kRemoves); }

Result<std::optional<VolumeTask>> volume_task(const PlanComponent& component, const TaskData& inputs, const std::string& run_uuid,
                                              TaskId task) {
  const auto* container = std::get_if<ContainerSpec>(&component.executor->what);
  if (container == nullptr || !is_volume_image(container->image)) return std::optional<VolumeTask>();
  VolumeTask asked{.removes = names(container->image, kRemoves), .name = text_input(component, inputs, "pvc_name")};
  const std::string suffix = text_input(component, inputs, "pvc_name_suffix");
  if (asked.removes && asked.name.empty()) return fail(Code::kInvalid, "no volume is named: give pvc_name");
  if (!asked.removes && asked.name.empty() == suffix.empty())
    return fail(Code::kInvalid, "a volume needs one of pvc_name and pvc_name_suffix");
  if (asked.name.empty()) asked.name = run_uuid + "-" + std::to_string(task.value) + suffix;
  SLUICE_TRY_STATUS(check_name(asked.name));
  return std::optional<VolumeTask>(std::move(asked));
}

Result<TaskData> carry_out_volume_task(const VolumeTask& task, const DataDir& dir, bool again) {
  TaskData outputs;
  if (!task.removes) {
    SLUICE_TRY([[maybe_unused]] const VolumePlace place, volume_place(dir, task.name, ""));
    outputs.parameters.emplace("name", task.name);
    return outputs;
  }
  // Under another name first: what is half removed is no volume any more.
  const std::string path = dir.volumes() + "/" + task.name;
  const std::string old = dir.volumes() + "/.removed-" + task.name;
  std::error_code error;
  fs::remove_all(old, error);
  if (error) return fail_errno("remove " + old, error.value());
  fs::rename(path, old, error);
  if (error == std::errc::no_such_file_or_directory) {
    if (again) return outputs;
    return fail(Code::kNotFound, "there is no volume '" + task.name + "' to remove");
  }
  if (!error) fs::remove_all(old, error);
  if (error) return fail_errno("remove the volume " + path, error.value());
  return outputs;
}

}  // namespace sluice
