#include "app/whole_file.h"

#include <gtest/gtest.h>

#include "app/test_world.h"

namespace sluice {
namespace {

TEST(WholeFile, ReplacesWhatWasThereAndLeavesNothingElse) {
  const ScratchFolder folder;
  const std::string path = folder.write("ready.json", "old and longer");
  ASSERT_TRUE(write_whole_file(path, "new"));
  EXPECT_EQ(content_of(path), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(WholeFile, WhereNothingCanBeWrittenIsAnError) {
  const ScratchFolder folder;
  EXPECT_FALSE(write_whole_file(folder.path() + "/nowhere/ready.json", "x"));
  std::filesystem::create_directory(folder.path() + "/taken");
  EXPECT_FALSE(write_whole_file(folder.path() + "/taken", "x"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

}  // namespace
}  // namespace sluice
