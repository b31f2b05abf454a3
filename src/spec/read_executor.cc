#include "base/json.h"
#include "spec/install.h"
#include "spec/read.h"

namespace sluice {
namespace {

// deploymentSpec is a free Struct to the back end: unknown fields in it are nobody's error, so no refuse_others here.

// The text form, or the deprecated number with the unit it was in.
std::string read_quantity(Reader& reader, Message& message, std::string_view name, std::string_view old_name,
                          std::string_view old_unit) {
  const auto now = message.get(name);
  const auto old = message.get(old_name);
  if (now) return reader.text(*now);
  if (!old) return {};
  const double number = reader.number(*old);
  return number == 0 ? "" : number_text(number) + std::string(old_unit);
}

void read_resources(Reader& reader, const At& at, ContainerSpec& container) {
  Message message(reader, at);
  container.cpu_limit = read_quantity(reader, message, "resourceCpuLimit", "cpuLimit", "");
  container.cpu_request = read_quantity(reader, message, "resourceCpuRequest", "cpuRequest", "");
  container.memory_limit = read_quantity(reader, message, "resourceMemoryLimit", "memoryLimit", "G");
  container.memory_request = read_quantity(reader, message, "resourceMemoryRequest", "memoryRequest", "G");
  if (const auto accelerator = message.get("accelerator")) {
    Message fields(reader, *accelerator);
    container.accelerator_type = fields.text("resourceType");
    if (container.accelerator_type.empty()) container.accelerator_type = fields.text("type");
    const auto old = fields.get("count");
    if (const auto count = fields.get("resourceCount"))
      container.accelerator_count = reader.text(*count);
    else if (old)
      container.accelerator_count = std::to_string(reader.integer(*old, 0, 1'000'000));
  }
}

ContainerSpec read_container(Reader& reader, const At& at) {
  Message message(reader, at);
  ContainerSpec container{.image = message.text("image")};
  if (const auto command = message.get("command")) container.command = reader.texts(*command);
  if (const auto args = message.get("args")) container.args = reader.texts(*args);
  if (const auto env = message.get("env")) container.env = read_env(reader, *env);
  if (const auto resources = message.get("resources")) read_resources(reader, *resources, container);
  container.python = recognise_python(container.command);
  return container;
}

ImporterSpec read_importer(Reader& reader, const At& at) {
  Message message(reader, at);
  ImporterSpec importer;
  if (const auto uri = message.get("artifactUri")) {
    Message fields(reader, *uri);
    if (const auto parameter = fields.get("runtimeParameter")) importer.uri_parameter = reader.text(*parameter);
    if (const auto constant = read_constant(reader, fields)) {
      if (constant->is_string())
        importer.uri = constant->as_string();
      else
        reader.error(*uri, "the importer's artifactUri must be text");
    }
  }
  if (importer.uri.empty() && importer.uri_parameter.empty()) reader.error(at, "the importer has no artifactUri");
  if (const auto type = message.get("typeSchema")) importer.type = read_artifact_type(reader, *type);
  if (const auto metadata = message.get("metadata")) importer.metadata = reader.fields(*metadata);
  read_old_properties(reader, message, importer.metadata);
  importer.reimport = message.flag("reimport");
  importer.download_to_workspace = message.flag("downloadToWorkspace");
  return importer;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> read_env(Reader& reader, const At& at) {
  std::vector<std::pair<std::string, std::string>> env;
  reader.each_item(at, [&](const At& item) {
    Message fields(reader, item);
    std::string name = fields.text("name");
    if (name.empty() || name.find('=') != std::string::npos)
      reader.error(item, "an environment variable needs a name without '='");
    env.emplace_back(std::move(name), fields.text("value"));
  });
  return env;
}

void read_executor(Reader& reader, const At& at, Executor& executor) {
  executor.label = at.name();
  executor.place = at.key_place;
  Message message(reader, at);
  const auto container = message.get("container");
  const auto importer = message.get("importer");
  if (container && importer) reader.error_key(at, "executor '" + executor.label + "' is both a container and an importer");
  for (const std::string_view unsupported : {"resolver", "customJob"})
    if (const auto field = message.get(unsupported)) {
      reader.error_key(*field, "executor '" + executor.label + "': " + std::string(unsupported) + " is not implemented");
      return;
    }
  if (container)
    executor.what = read_container(reader, *container);
  else if (importer)
    executor.what = read_importer(reader, *importer);
  else
    reader.error_key(at, "executor '" + executor.label + "' is neither a container nor an importer");
}

}  // namespace sluice
