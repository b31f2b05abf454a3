// What the tests of the stores share: runs and writes with something in every field, and a folder of their own.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "store/run_store.h"

namespace sluice {

class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-store-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Run number n: "0000000n-0000-0000-0000-000000000000" in hex.
inline Uuid test_uuid(std::uint32_t n) {
  Uuid uuid;
  for (unsigned i = 0; i < 4; ++i) uuid.bytes.at(i) = static_cast<std::uint8_t>(n >> (24 - 8 * i));
  return uuid;
}

inline NewRun test_run(std::uint32_t n) {
  return {.uuid = test_uuid(n),
          .name = "run " + std::to_string(n),
          .pipeline_name = "iris",
          .description = "of the year",
          .experiment = "wine",
          .spec = "pipelineInfo: {name: iris}\n",
          .spec_file = "iris.yaml",
          .parameters = {{"rows", 100}, {"name", "it's \"so\"\n"}, {"rates", List{0.1, nullptr, true}}},
          .context = Value::of({{"pipeline_root", "/data"}}),
          .options = Value::of({{"cache", false}}),
          .pipeline = test_uuid(0xA1),
          .created = from_micros(1'000'000 + n)};
}

inline JournalEntry test_entry(std::uint64_t seq) {
  return {.seq = seq,
          .at = from_micros(static_cast<std::int64_t>(seq) * 10),
          .kind = "attempt_succeeded",
          .payload = R"({"task":1})"};
}

inline TaskRow test_task(std::int64_t id, TaskState state = TaskState::kRunning) {
  return {.id = TaskId{id}, .path = "root/train-" + std::to_string(id), .state = state, .attempts = 1, .began = from_micros(20)};
}

inline ArtifactRow test_artifact(std::int64_t task, int index) {
  return {.task = TaskId{task},
          .key = "model",
          .index = index,
          .name = "model",
          .type = "system.Model",
          .uri = "/data/runs/1/out/model",
          .digest = "sha256:ab",
          .size_bytes = 5'000'000'000,
          .metadata = "{}"};
}

template <class T>
testing::AssertionResult fails_with(const T& result, Code code) {
  if (result) return testing::AssertionFailure() << "succeeded where " << code_name(code) << " is due";
  if (result.error().code == code) return testing::AssertionSuccess();
  return testing::AssertionFailure() << code_name(result.error().code) << ": " << result.error().message;
}
template <class T>
testing::AssertionResult succeeds(const T& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << code_name(result.error().code) << ": " << result.error().message;
}

}  // namespace sluice
