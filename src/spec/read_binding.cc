#include "spec/read.h"

namespace sluice {

FromTaskOutput read_output(Reader& reader, const At& at, OutputKind kind, std::string_view task_field, std::string_view key_field,
                           ComponentNote* notes) {
  Message message(reader, at);
  const auto task = message.get(task_field);
  const auto key = message.get(key_field);
  message.refuse_others();
  if (!task) reader.error(at, "'" + std::string(task_field) + "' is missing");
  if (!key) reader.error(at, "'" + std::string(key_field) + "' is missing");
  if (!task || !key) return {};
  FromTaskOutput output{reader.text(*task), reader.text(*key)};
  if (notes != nullptr) notes->producers.push_back({*task, *key, kind});
  return output;
}

std::optional<ParameterBinding> read_source(Reader& reader, Message& message, ComponentNote* notes) {
  std::optional<ParameterBinding> binding;
  const auto set = [&](const At& at, auto source) {
    if (binding) {
      reader.error_key(at, "'" + std::string(at.name()) + "' is given besides another source of the value");
      return;
    }
    ParameterBinding& made = binding.emplace();
    made.place = message.at().key_place;
    made.source = std::move(source);
  };
  if (const auto at = message.get("componentInputParameter")) {
    set(*at, FromComponentInput{reader.text(*at)});
    if (notes != nullptr) notes->inputs.push_back({*at, OutputKind::kParameter});
  }
  if (const auto at = message.get("taskOutputParameter"))
    set(*at, read_output(reader, *at, OutputKind::kParameter, "producerTask", "outputParameterKey", notes));
  if (const auto at = message.get("runtimeValue")) {
    Message value(reader, *at);
    const auto constant = read_constant(reader, value);
    if (const auto old = value.get("runtimeParameter"))
      reader.error_key(*old, "runtimeParameter is not supported here; use componentInputParameter");
    else if (!constant)
      reader.error(*at, "runtimeValue has no constant");
    value.refuse_others();
    set(*at, constant ? FromConstant{*constant} : FromConstant{});
  }
  if (const auto at = message.get("taskFinalStatus")) {
    Message status(reader, *at);
    const auto task = status.get("producerTask");
    status.refuse_others();
    if (!task)
      reader.error(*at, "'producerTask' is missing");
    else if (notes != nullptr)
      notes->producers.push_back({*task, *task, OutputKind::kNone});
    set(*at, FromFinalStatus{task ? reader.text(*task) : ""});
  }
  return binding;
}

ParameterBinding read_parameter_binding(Reader& reader, const At& at, ComponentNote* notes) {
  Message message(reader, at);
  auto binding = read_source(reader, message, notes);
  std::string selector = message.text("parameterExpressionSelector");
  message.refuse_others();
  if (!binding) {
    reader.error_key(at, "parameter '" + std::string(at.name()) + "' is given no value",
                     "one of componentInputParameter, taskOutputParameter, runtimeValue, taskFinalStatus");
    ParameterBinding none;
    none.place = at.key_place;
    return none;
  }
  binding->selector = std::move(selector);
  return std::move(*binding);
}

ArtifactBinding read_artifact_binding(Reader& reader, const At& at, ComponentNote& notes) {
  Message message(reader, at);
  const auto input = message.get("componentInputArtifact");
  const auto output = message.get("taskOutputArtifact");
  message.refuse_others();
  ArtifactBinding binding;
  binding.place = at.key_place;
  if (input && output) reader.error_key(*output, "'taskOutputArtifact' is given besides another source of the artifact");
  if (input) {
    binding.source = FromComponentInput{reader.text(*input)};
    notes.inputs.push_back({*input, OutputKind::kArtifact});
  } else if (output) {
    binding.source = read_output(reader, *output, OutputKind::kArtifact, "producerTask", "outputArtifactKey", &notes);
  } else {
    reader.error_key(at, "artifact '" + std::string(at.name()) + "' is given no source",
                     "one of componentInputArtifact, taskOutputArtifact");
  }
  return binding;
}

}  // namespace sluice
