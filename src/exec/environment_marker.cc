#include "exec/environment_marker.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>

#include "base/clock.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "exec/index_settings.h"
#include "exec/small_files.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMarker = "/sluice-env.json";

void write_list(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).begin_array();
  for (const std::string& text : texts) json.value(without_credentials(text));
  json.end_array();
}

std::string marker_text(const EnvironmentSpec& spec, const BuiltWith& with, double seconds,
                        const std::vector<std::string>& installed) {
  JsonWriter json(2);
  json.begin_object()
      .field("key", spec.key)
      .field("interpreter", spec.interpreter)
      .field("interpreter_version", with.interpreter_version);
  write_list(json, "requirements", spec.requirements);
  write_list(json, "no_deps", spec.no_deps);
  write_list(json, "index_options", spec.index_options);
  json.field("tool", with.tool).field("tool_version", with.tool_version);
  json.field("built_at", format_rfc3339(SystemClock().now())).field("seconds", seconds);
  write_list(json, "installed", installed);
  json.end_object();
  return json.take() + "\n";
}

// "Name: pandas" and "Version: 3.1.1" of a METADATA file; its header ends with the first empty line.
std::string distribution_text(const fs::path& metadata) {
  std::ifstream file(metadata);
  std::string name, version;
  for (std::string line; std::getline(file, line) && !trim(line).empty() && (name.empty() || version.empty());) {
    if (line.starts_with("Name: ")) name = trim(std::string_view(line).substr(6));
    if (line.starts_with("Version: ")) version = trim(std::string_view(line).substr(9));
  }
  return name.empty() ? "" : name + "==" + version;
}

Status write_file(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return fail_errno("open " + path, errno);
  Status done;
  while (done && !text.empty()) {
    const ssize_t count = ::write(fd, text.data(), text.size());
    if (count >= 0)
      text.remove_prefix(static_cast<std::size_t>(count));
    else if (errno != EINTR)
      done = fail_errno("write " + path, errno);
  }
  // syncfs: one call for the four thousand small files that an installer has written.
  if (done && ::syncfs(fd) != 0) done = fail_errno("sync " + path, errno);
  ::close(fd);
  return done;
}

}  // namespace

bool is_finished_environment(const std::string& path) {
  // bin/python3 is a link to the interpreter, which may have been uninstalled since.
  return ::access((path + kMarker).c_str(), R_OK) == 0 && ::access((path + "/bin/python3").c_str(), X_OK) == 0;
}

std::vector<std::string> installed_distributions(const std::string& environment_path) {
  std::vector<std::string> out;
  for (const fs::path& version : folder_entries(environment_path + "/lib"))
    for (const fs::path& entry : folder_entries(version / "site-packages")) {
      if (entry.extension() != ".dist-info") continue;
      if (std::string text = distribution_text(entry / "METADATA"); !text.empty()) out.push_back(std::move(text));
    }
  std::sort(out.begin(), out.end());
  return out;
}

std::optional<EnvironmentInfo> read_marker(const std::string& path) {
  const auto text = small_file_text(path + kMarker);
  if (!text) return std::nullopt;
  const auto marker = parse_json(*text);
  if (!marker || !marker->is_struct()) return std::nullopt;
  const auto texts = [&](std::string_view name) {
    std::vector<std::string> out;
    if (const Value* list = marker->find(name); list != nullptr && list->is_list())
      for (const Value& each : list->as_list())
        if (each.is_string()) out.push_back(each.as_string());
    return out;
  };
  return EnvironmentInfo{.path = path,
                         .interpreter_version = std::string(marker->string_or("interpreter_version", "")),
                         .tool = std::string(marker->string_or("tool", "")),
                         .requirements = texts("requirements"),
                         .installed = texts("installed"),
                         .built = parse_rfc3339(marker->string_or("built_at", "")).value_or(Instant{})};
}

std::string lock_digest(const std::vector<std::string>& installed) { return sha256_hex(join(installed, "\n")); }

Status write_marker(const std::string& path, const EnvironmentSpec& spec, const BuiltWith& with, double seconds) {
  const std::string fresh = path + kMarker + ".new";
  SLUICE_TRY_STATUS(write_file(fresh, marker_text(spec, with, seconds, installed_distributions(path))));
  if (::rename(fresh.c_str(), (path + kMarker).c_str()) != 0) return fail_errno("rename " + fresh, errno);
  return {};
}

}  // namespace sluice
