#include "app/server_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/test_world.h"
#include "base/json.h"

namespace sluice {
namespace {

using testing::MatchesRegex;

std::string written(bool json, const std::function<void(const ServerLog&)>& write) {
  const CapturedPipe pipe(STDERR_FILENO);
  write(ServerLog(STDERR_FILENO, json));
  return pipe.text();
}

TEST(ServerLog, IsOneLineAnEventForPeople) {
  const std::string text = written(false, [](const ServerLog& log) {
    log.write(LogLevel::kInfo, "run ended", {{"run", "3f2a"}, {"state", "FAILED"}, {"error", "exit code 3: \"no\"\nsecond"}});
    log.write(LogLevel::kWarning, "trouble");
  });
  EXPECT_THAT(text, MatchesRegex("[0-9T:.-]+Z info    run ended  run=3f2a  state=FAILED  "
                                 "error=\"exit code 3: \\\\\"no\\\\\"\\\\nsecond\"\n[0-9T:.-]+Z warning trouble\n"));
}

TEST(ServerLog, IsOneDocumentALineForPrograms) {
  const std::string text = written(
      true, [](const ServerLog& log) { log.write(LogLevel::kError, "request failed", {{"status", "500"}, {"path", "/x\n"}}); });
  const auto document = parse_json(text);
  ASSERT_TRUE(document) << text;
  EXPECT_EQ(document->string_or("level", ""), "error");
  EXPECT_EQ(document->string_or("message", ""), "request failed");
  EXPECT_EQ(document->string_or("path", ""), "/x\n");
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

}  // namespace
}  // namespace sluice
