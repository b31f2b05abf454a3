#include "app/copying.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "app/test_world.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class Copying : public testing::Test {
 protected:
  std::string at(const std::string& name) const { return folder.path() + "/" + name; }
  ScratchFolder folder;
  FileCopier copier{nullptr};
};

TEST_F(Copying, WhatNobodyMayWriteIsSharedAndTheRestCopied) {
  folder.write("from/immutable", "content");
  fs::permissions(at("from/immutable"), fs::perms(0444));
  folder.write("from/deep/log", "so far");
  fs::permissions(at("from/deep/log"), fs::perms(0640));
  ASSERT_TRUE(copier.copy_folder_to(at("from"), at("to")));
  EXPECT_EQ(fs::hard_link_count(at("to/immutable")), 2U);
  EXPECT_EQ(fs::hard_link_count(at("to/deep/log")), 1U);
  folder.write("from/deep/log", "so far, and more");
  EXPECT_EQ(content_of(at("to/deep/log")), "so far");
  EXPECT_EQ(fs::status(at("to/deep/log")).permissions(), fs::perms(0640));
  EXPECT_EQ(copier.copied().files, 2);
  EXPECT_EQ(copier.copied().linked, 1);
  EXPECT_EQ(copier.copied().bytes, 13);
}

TEST_F(Copying, LinksStayLinksAndWhatIsNoFileIsLeftOut) {
  folder.write("from/file", "x");
  fs::create_symlink("file", at("from/link"));
  fs::create_symlink("from", at("from/loop"));
  ASSERT_EQ(mkfifo(at("from/pipe").c_str(), 0600), 0);
  ASSERT_TRUE(copier.copy_folder_to(at("from"), at("to")));
  EXPECT_EQ(fs::read_symlink(at("to/link")), "file");
  EXPECT_TRUE(fs::is_symlink(at("to/loop")));
  EXPECT_FALSE(fs::exists(at("to/pipe")));
}

TEST_F(Copying, OnlyWhatIsWantedAtTheTopAndNothingThatIsGone) {
  folder.write("from/kept.log", "x");
  folder.write("from/work/file", "x");
  ASSERT_TRUE(copier.copy_folder_to(at("from"), at("to"), [](const std::string& name) { return name.ends_with(".log"); }));
  EXPECT_TRUE(fs::exists(at("to/kept.log")));
  EXPECT_FALSE(fs::exists(at("to/work")));
  EXPECT_TRUE(copier.copy_folder_to(at("nowhere"), at("other")));
  EXPECT_TRUE(copier.copy_file_to(at("nowhere"), at("other")));
  EXPECT_FALSE(fs::exists(at("other")));
}

TEST_F(Copying, AFileInTheWayIsAnError) {
  folder.write("from/a", "x");
  folder.write("to/a", "y");
  const auto copied = copier.copy_folder_to(at("from"), at("to"));
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, Code::kConflict);
  EXPECT_EQ(content_of(at("to/a")), "y");
}

}  // namespace
}  // namespace sluice
