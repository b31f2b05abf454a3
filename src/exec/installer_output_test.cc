#include "exec/installer_output.h"

#include <gmock/gmock.h>

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;

BuildProgress after(std::initializer_list<std::string_view> lines) {
  BuildProgress last;
  const ProgressFn tell = [&](const BuildProgress& now) { last = now; };
  InstallProgress progress(tell);
  for (const std::string_view line : lines) progress.line(line);
  return last;
}

TEST(InstallProgress, UvsLinesMovePhasePackagesAndBytes) {
  const BuildProgress loading = after({"Using Python 3.11.7 environment at: e1", "Resolved 10 packages in 275ms",
                                       "Downloading scipy (33.7MiB)", "Downloading pandas (11.8MiB)", " Downloaded pandas"});
  EXPECT_EQ(loading.phase, "downloading");
  EXPECT_EQ(loading.packages_total, 10);
  EXPECT_EQ(loading.packages_done, 1);
  EXPECT_EQ(loading.bytes_done, static_cast<std::int64_t>(11.8 * 1024 * 1024));
  const BuildProgress done = after(
      {"Resolved 10 packages in 275ms", "Prepared 10 packages in 512ms", "Installed 10 packages in 39ms", " + pandas==3.1.1"});
  EXPECT_EQ(done.phase, "installing");
  EXPECT_EQ(done.packages_done, 10);
}

TEST(InstallProgress, PipsLinesMovePhasePackagesAndBytes) {
  const BuildProgress loading = after({"Collecting pandas", "  Downloading pandas-3.1.1-cp311-cp311.whl (12.4 MB)",
                                       "Collecting numpy>=2.0.2 (from pandas)", "Collecting numpy<3 (from pandas)"});
  EXPECT_EQ(loading.phase, "downloading");
  EXPECT_EQ(loading.packages_total, 2);
  EXPECT_EQ(loading.bytes_done, 12'400'000);
  const BuildProgress done = after({"Collecting pandas", "Installing collected packages: tzdata, numpy, pandas",
                                    "Successfully installed numpy-2 pandas-3 tzdata-1"});
  EXPECT_EQ(done.phase, "installing");
  EXPECT_EQ(done.packages_total, 3);
  EXPECT_EQ(done.packages_done, 3);
}

TEST(InstallProgress, TheSecondCallCountsOnFromTheFirst) {
  BuildProgress last;
  const ProgressFn tell = [&](const BuildProgress& now) { last = now; };
  InstallProgress progress(tell);
  for (const char* line : {"Resolved 10 packages in 2ms", "Installed 10 packages in 2ms"}) progress.line(line);
  progress.end_call();
  for (const char* line : {"Resolved 1 package in 2ms", "Installed 1 package in 2ms"}) progress.line(line);
  EXPECT_EQ(last.packages_total, 11);
  EXPECT_EQ(last.packages_done, 11);
}

TEST(ParseSize, KnowsBothToolsUnitsAndRefusesTheRest) {
  EXPECT_EQ(parse_size("348 kB"), 348'000);
  EXPECT_EQ(parse_size("1.5KiB"), 1536);
  EXPECT_EQ(parse_size("512 bytes"), 512);
  EXPECT_EQ(parse_size("many MB"), 0);
  EXPECT_EQ(parse_size("1e300 GiB"), 0);
  EXPECT_EQ(parse_size(""), 0);
}

Error explained(std::vector<std::string> lines, int exit_code = 1) { return explain_failure("pip install", exit_code, lines); }

TEST(ExplainFailure, KeepsTheInstallersWordsAndNotItsChatterOrItsPasswords) {
  const Error error = explained({"Looking in indexes: http://127.0.0.1/simple", "Collecting nope", "",
                                 "ERROR: Could not find a version that satisfies nope at http://me:secret@host/simple",
                                 "ERROR: No matching distribution found for nope"});
  EXPECT_EQ(error.code, Code::kInvalid);
  EXPECT_EQ(error.message,
            "pip install failed (exit code 1):\nERROR: Could not find a version that satisfies nope at http://host/simple\n"
            "ERROR: No matching distribution found for nope");
  EXPECT_THAT(error.hint, HasSubstr("name and version"));
}

TEST(ExplainFailure, AFullDiskNoNetworkAndAMissingVenvMayPass) {
  EXPECT_EQ(explained({"error: failed to write", "  cause: No space left on device (os error 28)"}).code, Code::kUnavailable);
  // pip ends with "No matching distribution" without a network, too.
  const Error offline = explained({"WARNING: Retrying (...) after NewConnectionError: Failed to establish a new connection",
                                   "ERROR: No matching distribution found for six"});
  EXPECT_EQ(offline.code, Code::kUnavailable);
  EXPECT_THAT(offline.hint, HasSubstr("network"));
  const Error no_venv = explained({"The virtual environment was not created successfully because ensurepip is not available."});
  EXPECT_EQ(no_venv.code, Code::kUnavailable);
  EXPECT_THAT(no_venv.hint, HasSubstr("apt install python3-venv"));
  EXPECT_EQ(explained({}, 137).code, Code::kUnavailable);
}

TEST(ExplainFailure, FifteenLinesAreEnough) {
  std::vector<std::string> lines;
  for (int i = 0; i < 40; ++i) lines.push_back("line " + std::to_string(i));
  const std::string words = meaningful_words(lines);
  EXPECT_THAT(words, HasSubstr("line 25\n"));
  EXPECT_THAT(words, Not(HasSubstr("line 24\n")));
}

}  // namespace
}  // namespace sluice
