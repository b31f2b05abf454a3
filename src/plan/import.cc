// Importers: an artifact out of a URI, without a process.
#include <utility>

#include "base/check.h"
#include "base/json.h"
#include "plan/launch.h"
#include "plan/launch_values.h"
#include "plan/parameters.h"

namespace sluice {
namespace {

std::string import_uri(const ImporterSpec& importer, const Struct& parameters) {
  if (importer.uri_parameter.empty()) return importer.uri;
  const auto found = parameters.find(importer.uri_parameter);
  return found == parameters.end() ? std::string() : value_text(found->second);
}

References input_references(const Struct& parameters) {
  const PlaceholderFn unknown = [](const Placeholder&) { return std::nullopt; };
  return {.input = [&parameters](const std::string& name) -> const Value* {
            const auto found = parameters.find(name);
            return found == parameters.end() ? nullptr : &found->second;
          },
          .whole = unknown,
          .inside = unknown};
}

}  // namespace

Result<Import> make_import(const PlanComponent& component, const TaskData& inputs) {
  SLUICE_CHECK(component.executor != nullptr && std::holds_alternative<ImporterSpec>(component.executor->what));
  const auto& importer = std::get<ImporterSpec>(component.executor->what);
  const auto& outputs = component.spec->output_artifacts;
  if (outputs.size() != 1)
    return fail(Code::kInvalid,
                "importer \"" + component.spec->name + "\": expect one output artifact, got " + std::to_string(outputs.size()));

  const Struct parameters = parameters_with_defaults(*component.spec, inputs.parameters);
  const auto& [key, declared] = *outputs.begin();
  Artifact artifact{.name = key, .uri = import_uri(importer, parameters)};
  if (artifact.uri.empty()) {
    const std::string from =
        importer.uri_parameter.empty() ? "" : ": input parameter \"" + importer.uri_parameter + "\" has no text";
    return fail(Code::kInvalid, "importer \"" + component.spec->name + "\": the artifact's URI is empty" + from);
  }
  artifact.type = importer.type == ArtifactType{} ? declared.type : importer.type;
  const References references = input_references(parameters);
  for (const auto& [name, value] : importer.metadata)
    artifact.metadata.insert_or_assign(value_text(fill_references(name, references)), fill_references(value, references));
  if (is_nested_deeper(artifact.metadata, kNestingMax))
    return fail(Code::kInvalid, "importer \"" + component.spec->name + "\": its metadata is nested deeper than " +
                                    std::to_string(kNestingMax) + " levels");
  return Import{.key = key, .artifact = std::move(artifact), .download_to_workspace = importer.download_to_workspace};
}

}  // namespace sluice
