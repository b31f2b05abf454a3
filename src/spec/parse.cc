#include "spec/parse.h"

#include <algorithm>
#include <tuple>

#include "spec/read.h"
#include "spec/validate.h"
#include "spec/yaml.h"

namespace sluice {
namespace {

constexpr std::string_view kSchemaVersion = "2.1.0";

constexpr std::size_t kNameBytesMax = 128;

// ^[a-z0-9][a-z0-9-]{0,127}$
bool is_pipeline_name(std::string_view name) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '-' && std::all_of(name.begin(), name.end(), allowed);
}

class FileReader {
 public:
  FileReader(Reader& reader, ParsedPipeline& out) : reader_(reader), out_(out) {}

  void document(const YamlNode& root) {
    if (root.kind == YamlKind::kNull) return;
    const At at = reader_.root(root);
    if (root.kind != YamlKind::kMap) {
      reader_.error(at, "unknown template format: a pipeline is a mapping");
      told_ = true;
      return;
    }
    Message message(reader_, at);
    // How the SDK's client submits a run: both documents as the fields of one.
    const auto spec = message.get("pipelineSpec");
    const auto platform = message.get("platformSpec");
    if (spec || platform) {
      if (spec) note_spec(*spec);
      if (platform) note_platform(*platform);
      message.refuse_others();
    } else if (message.get("platforms")) {
      note_platform(at);
    } else {
      note_spec(at);
    }
  }

  void finish(std::string_view file) {
    if (!spec_) {
      if (!told_)
        out_.errors.push_back({.file = std::string(file), .message = "unknown template format: the file holds no pipeline"});
      return;
    }
    Notes notes;
    read_spec(*spec_, notes);
    if (kubernetes_) read_platform(reader_, *kubernetes_, out_.pipeline);
    validate(reader_, out_.pipeline, notes);
  }

 private:
  void note_spec(const At& at) {
    if (spec_)
      reader_.error(at, "multiple pipeline specs provided; the first is at line " + std::to_string(spec_->node->place.line));
    else
      spec_ = at;
  }

  // Platforms other than Kubernetes are other people's.
  void note_platform(const At& at) {
    Message message(reader_, at);
    const auto platforms = message.get("platforms");
    message.refuse_others();
    if (!platforms) return;
    Message fields(reader_, *platforms);
    const auto kubernetes = fields.get("kubernetes");
    if (!kubernetes) return;
    if (kubernetes_)
      reader_.error(*kubernetes,
                    "multiple platform specs provided; the first is at line " + std::to_string(kubernetes_->key_place.line));
    else
      kubernetes_ = kubernetes;
  }

  void read_info(Message& message) {
    Pipeline& pipeline = out_.pipeline;
    const auto info = message.get("pipelineInfo");
    std::optional<At> name;
    if (info) {
      Message fields(reader_, *info);
      name = fields.get("name");
      pipeline.display_name = fields.text("displayName");
      pipeline.description = fields.text("description");
      fields.refuse_others();
    }
    if (!name) {
      reader_.error_key(info ? *info : message.at(), "the pipeline's name is empty", "write it as pipelineInfo.name");
    } else if (const auto text = reader_.text_or_error(*name)) {
      check_name(*name, *text);
      pipeline.name = *text;
    }
  }

  void check_name(const At& at, const std::string& name) {
    if (name.empty())
      reader_.error(at, "the pipeline's name is empty");
    else if (name.size() > kNameBytesMax)
      reader_.error(at, "the pipeline's name is longer than 128 characters");
    else if (!is_pipeline_name(name))
      reader_.error(at, "the pipeline's name must contain only lowercase alphanumeric characters or '-', and not begin with '-'",
                    "it is '" + name + "'");
  }

  void read_versions(Message& message) {
    const std::string wanted = "KFP only supports schema version " + std::string(kSchemaVersion);
    out_.pipeline.sdk_version = message.text("sdkVersion");
    const auto version = message.get("schemaVersion");
    if (!version) {
      reader_.error_key(message.at(), "schemaVersion is missing; " + wanted);
    } else if (const auto text = reader_.text_or_error(*version); text && *text != kSchemaVersion) {
      reader_.error(*version, wanted + ", not '" + *text + "'", "compile the pipeline again with a kfp SDK of version 2");
    }
  }

  void read_spec(const At& at, Notes& notes) {
    Pipeline& pipeline = out_.pipeline;
    Message message(reader_, at);
    read_info(message);
    read_versions(message);
    pipeline.default_root = message.text("defaultPipelineRoot");
    if (const auto components = message.get("components"))
      reader_.each_field(*components, [&](const At& field) {
        const auto [entry, fresh] = pipeline.components.try_emplace(std::string(field.name()));
        if (fresh) read_component(reader_, field, entry->second, notes);
      });
    if (const auto deployment = message.get("deploymentSpec")) {
      Message fields(reader_, *deployment);
      if (const auto executors = fields.get("executors"))
        reader_.each_field(*executors, [&](const At& field) {
          const auto [entry, fresh] = pipeline.executors.try_emplace(std::string(field.name()));
          if (fresh) read_executor(reader_, field, entry->second);
        });
    }
    if (const auto root = message.get("root"))
      read_component(reader_, *root, pipeline.root, notes);
    else
      reader_.error_key(at, "the root component is empty", "a pipeline has a field 'root'");
    message.refuse_others();
  }

  Reader& reader_;
  ParsedPipeline& out_;
  std::optional<At> spec_, kubernetes_;
  bool told_ = false;  // that a document is no pipeline
};

void sort_by_place(Diagnostics& diagnostics) {
  const auto key = [](const Diagnostic& d) { return std::tuple(d.place.line, d.place.column); };
  std::stable_sort(diagnostics.begin(), diagnostics.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
}

}  // namespace

ParsedPipeline parse_pipeline(std::string_view text, std::string_view file) {
  ParsedPipeline out;
  YamlFile yaml = read_yaml(text, file);
  out.errors = std::move(yaml.errors);
  if (!yaml.complete) return out;
  Reader reader(file);
  FileReader files(reader, out);
  for (const YamlNode* root : yaml.roots) files.document(*root);
  files.finish(file);
  for (Diagnostic& error : reader.take_errors()) out.errors.push_back(std::move(error));
  out.warnings = reader.take_warnings();
  sort_by_place(out.errors);
  sort_by_place(out.warnings);
  return out;
}

Result<Struct> parse_params(std::string_view text, std::string_view file) {
  const YamlFile yaml = read_yaml(text, file);
  if (!yaml.errors.empty()) return fail(Code::kInvalid, yaml.errors.front().text());
  const YamlNode* found = nullptr;
  for (const YamlNode* root : yaml.roots) {
    if (root->kind == YamlKind::kNull) continue;
    if (found != nullptr)
      return fail(Code::kInvalid, std::string(file) + ": holds more than one document; run parameters are one mapping");
    found = root;
  }
  if (found == nullptr) return Struct{};
  Reader reader(file);
  Struct params = reader.fields(reader.root(*found));
  const Diagnostics errors = reader.take_errors();
  if (!errors.empty()) return fail(Code::kInvalid, errors.front().text(), errors.front().hint);
  return params;
}

}  // namespace sluice
