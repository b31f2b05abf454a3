#include "app/environment_report.h"

#include "base/text.h"
#include "exec/index_settings.h"
#include "store/tree_remover.h"

namespace sluice {
namespace {

void write_texts(JsonWriter& json, std::string_view name, const std::vector<std::string>& texts) {
  json.key(name).begin_array();
  for (const std::string& text : texts) json.value(without_credentials(text));
  json.end_array();
}

// What would be free without it.
std::int64_t size_of(const std::string& path) {
  TreeRemover counter(/*dry_run=*/true, [] { return true; });
  (void)counter.remove(path).has_value();  // what cannot be looked at does not count
  return counter.bytes();
}

}  // namespace

std::string describe_environments(const EnvironmentStore& environments, const Config& config) {
  const EnvironmentSettings& settings = config.environments;
  std::string text = std::to_string(environments.list().size()) + " in " + config.environment_root();
  if (!settings.index_url.empty()) text += "; packages from " + without_credentials(settings.index_url);
  for (const std::string& link : settings.find_links) text += "; wheels from " + without_credentials(link);
  if (!settings.constraints.empty()) text += "; constraints " + settings.constraints;
  if (!settings.default_requirements.empty()) text += "; always with " + join(settings.default_requirements, ", ");
  if (settings.offline) text += "; offline";
  return text;
}

void write_environments(JsonWriter& json, const EnvironmentStore& environments, const Config& config) {
  const EnvironmentSettings& settings = config.environments;
  json.key("environment_settings")
      .begin_object()
      .field("root", config.environment_root())
      .field("index_url", without_credentials(settings.index_url));
  write_texts(json, "extra_index_urls", settings.extra_index_urls);
  write_texts(json, "find_links", settings.find_links);
  json.field("constraints", settings.constraints)
      .field("offline", settings.offline)
      .field("uv", settings.uv)
      .field("python", settings.python);
  write_texts(json, "default_requirements", settings.default_requirements);
  json.end_object().key("environments").begin_array();
  for (const EnvironmentInfo& info : environments.list()) {
    json.begin_object()
        .field("key", info.key)
        .field("path", info.path)
        .field("interpreter_version", info.interpreter_version)
        .field("tool", info.tool)
        .field("built", format_rfc3339(info.built))
        .field("last_used", format_rfc3339(info.last_used))
        .field("size_bytes", size_of(info.path));
    write_texts(json, "requirements", info.requirements);
    write_texts(json, "installed", info.installed);
    json.end_object();
  }
  json.end_array();
}

}  // namespace sluice
