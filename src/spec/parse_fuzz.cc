// Fuzzes everything in here that reads other people's bytes. A seed corpus: any folder of KFP pipeline files.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"
#include "spec/install.h"
#include "spec/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);  // NOLINT: bytes as characters
  const auto parsed = sluice::parse_pipeline(text, "fuzz.yaml");
  for (const auto& error : parsed.errors) SLUICE_CHECK(error.place.line >= 0 && !error.message.empty());
  if (parsed.errors.empty()) SLUICE_CHECK(parsed.pipeline.root.dag && !parsed.pipeline.name.empty());

  // Where the text is JSON, both of our JSON readers must say the same.
  const auto params = sluice::parse_params(text, "fuzz.yaml");
  const auto json = sluice::parse_json(text);
  if (params && json) SLUICE_CHECK(json->is_null() ? params->empty() : *json == sluice::Value(*params));

  std::vector<std::string> command;
  for (const auto word : sluice::split(text, '\0')) command.emplace_back(word);
  sluice::recognise_python(command);
  const std::string run =
      "program_path=$(mktemp -d)\nprintf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\"\n"
      "_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main "
      "--component_module_path \"$program_path/ephemeral_component.py\" \"$@\"\n";
  const std::vector<std::string> python{"sh", "-c", text + " && \"$0\" \"$@\"", "sh", "-ec", run, "source"};
  if (const auto install = sluice::recognise_python(python)) {
    SLUICE_CHECK(install->argv_skip == 3 && !install->requirements.empty());
    SLUICE_CHECK(install->index_options.size() % 2 == 0);
  }
  return 0;
}
