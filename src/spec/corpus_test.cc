// The shared conformance corpus: what real SDKs wrote is accepted, what the back end refuses is refused.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/text.h"
#include "spec/parse.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

fs::path corpus() {
  const char* shared = std::getenv("SLUICE_SHARED");
  return fs::path(shared != nullptr ? shared : SLUICE_SOURCE_DIR "/../shared") / "conformance" / "kfp";
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string tell(const Diagnostics& diagnostics) {
  std::string out;
  for (const Diagnostic& d : diagnostics) out += d.text() + " [" + d.path + "] " + d.hint + "\n";
  return out;
}

TEST(Corpus, EveryPipelineOfTheSdkIsAccepted) {
  if (!fs::exists(corpus() / "ir")) GTEST_SKIP() << "no corpus at " << corpus();
  int files = 0;
  for (const auto& entry : fs::directory_iterator(corpus() / "ir")) {
    const ParsedPipeline parsed = parse_pipeline(read(entry.path()), entry.path().filename().string());
    EXPECT_TRUE(parsed.errors.empty()) << tell(parsed.errors);
    EXPECT_TRUE(parsed.warnings.empty()) << tell(parsed.warnings);
    EXPECT_FALSE(parsed.pipeline.root.dag->tasks.empty()) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 100);
}

// A component of the SDK's is recognised by its install stage, and nothing else is.
TEST(Corpus, EveryPythonComponentIsRecognisedAndNoOther) {
  if (!fs::exists(corpus() / "ir")) GTEST_SKIP() << "no corpus at " << corpus();
  int python = 0;
  int other = 0;
  for (const auto& entry : fs::directory_iterator(corpus() / "ir")) {
    const ParsedPipeline parsed = parse_pipeline(read(entry.path()), entry.path().filename().string());
    for (const auto& [label, executor] : parsed.pipeline.executors) {
      const auto* container = std::get_if<ContainerSpec>(&executor.what);
      if (container == nullptr) continue;
      bool runs_source = false;
      for (const std::string& word : container->command) runs_source |= word.find("ephemeral_component.py") != std::string::npos;
      EXPECT_EQ(container->python.has_value(), runs_source) << entry.path() << " " << label;
      ++(runs_source ? python : other);
      if (!container->python) continue;
      EXPECT_EQ(container->python->argv_skip, 3U);
      EXPECT_EQ(container->python->no_deps.size(), 2U);
      EXPECT_TRUE(container->python->no_deps.front().starts_with("kfp==2.")) << container->python->no_deps.front();
    }
  }
  EXPECT_GT(python, 200);
  EXPECT_GT(other, 20);
}

TEST(Corpus, EveryInvalidPipelineIsRefusedAtItsPlace) {
  if (!fs::exists(corpus() / "invalid")) GTEST_SKIP() << "no corpus at " << corpus();
  struct Refusal {
    const char* message;
    int line;
    int column;
  };
  // Places as grep -n finds the culprits in the files; 0: anywhere.
  const std::map<std::string, Refusal> refused{
      {"bad_enum.yaml", {"invalid enum value 'NUMBER_COMPLEX'", 71, 24}},
      {"bad_name.yaml", {"must contain only lowercase alphanumeric characters or '-'", 45, 9}},
      {"broken_syntax.yaml", {"YAML cannot be parsed", 2, 7}},
      {"component_without_implementation.yaml", {"unknown component implementation: 'comp-add-numbers'", 2, 3}},
      {"cycle.yaml", {"in a cycle: print-text -> print-text-3 -> print-text", 63, 7}},
      {"empty_file.yaml", {"unknown template format", 0, 0}},
      {"no_name.yaml", {"name is empty", 0, 0}},
      {"only_exit_tasks.yaml", {"must contain one or more non-exit tasks", 47, 3}},
      {"schema_2_0_0.yaml", {"only supports schema version 2.1.0, not '2.0.0'", 78, 16}},
      {"two_specs.yaml", {"multiple pipeline specs provided; the first is at line 1", 81, 1}},
      {"unknown_component_ref.yaml", {"cannot find component ref name 'comp-nope'", 59, 17}},
      {"unknown_producer.yaml", {"unknown producer task 'ghost'", 65, 31}},
  };
  for (const auto& entry : fs::directory_iterator(corpus() / "invalid")) {
    const std::string name = entry.path().filename().string();
    const ParsedPipeline parsed = parse_pipeline(read(entry.path()), name);
    const auto expected = refused.find(name);
    if (expected == refused.end()) {  // its arguments or its run are what is wrong
      EXPECT_TRUE(parsed.errors.empty()) << tell(parsed.errors);
      continue;
    }
    ASSERT_FALSE(parsed.errors.empty()) << name;
    EXPECT_NE(parsed.errors.front().message.find(expected->second.message), std::string::npos) << tell(parsed.errors);
    const Place place = parsed.errors.front().place;
    if (expected->second.line != 0) {
      EXPECT_EQ(place, (Place{expected->second.line, expected->second.column})) << tell(parsed.errors);
    }
    const auto text = read(entry.path());
    EXPECT_LE(place.line, static_cast<int>(split(text, '\n').size())) << name;
  }
}

}  // namespace
}  // namespace sluice
