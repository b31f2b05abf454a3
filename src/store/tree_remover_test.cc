#include "store/tree_remover.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "store/test_runs.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
bool go_on() { return true; }

TEST(TreeRemover, AFolderGoesWithAllThatIsInIt) {
  const TestFolder folder;
  fs::create_directories(folder / "run/a/b");
  write(folder / "run/a/b/file", "12345");
  write(folder / "run/odd\nname", "123");
  TreeRemover remover(false, go_on);
  EXPECT_TRUE(succeeds(remover.remove(folder / "run")));
  EXPECT_FALSE(fs::exists(folder / "run"));
  EXPECT_EQ(remover.bytes(), 8);
  EXPECT_TRUE(succeeds(remover.remove(folder / "run"))) << "it is gone already";
}

TEST(TreeRemover, LinksAndOddFilesNeverLeadOutside) {
  const TestFolder folder;
  fs::create_directories(folder / "outside");
  write(folder / "outside/kept", "precious");
  fs::create_directories(folder / "run");
  fs::create_symlink(folder / "outside", folder / "run/link");
  fs::create_symlink(folder / "outside/kept", folder / "run/file-link");
  fs::create_symlink("..", folder / "run/up");
  fs::create_symlink("circle", folder / "run/circle");
  ASSERT_EQ(::mkfifo((folder / "run/pipe").c_str(), 0600), 0);
  TreeRemover remover(false, go_on);
  EXPECT_TRUE(succeeds(remover.remove(folder / "run")));
  EXPECT_FALSE(fs::exists(fs::symlink_status(folder / "run")));
  EXPECT_TRUE(fs::exists(folder / "outside/kept"));
  fs::create_symlink(folder / "outside", folder / "run");
  EXPECT_TRUE(succeeds(remover.remove(folder / "run")));
  EXPECT_TRUE(fs::exists(folder / "outside/kept"));
}

TEST(TreeRemover, FoldersMayBeNestedDeeperThanThereAreDescriptors) {
  const TestFolder folder;
  fs::create_directories(folder / "run");
  int at = ::open((folder / "run").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (int depth = 0; depth < 2000; ++depth) {
    ASSERT_EQ(::mkdirat(at, "d", 0700), 0);
    const int next = ::openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ::close(at);
    at = next;
  }
  ::close(at);
  TreeRemover remover(false, go_on);
  EXPECT_TRUE(succeeds(remover.remove(folder / "run")));
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(TreeRemover, BytesAreFreeWithTheLastNameOfAFile) {
  const TestFolder folder;
  fs::create_directories(folder / "run");
  write(folder / "object", "1234567");
  fs::create_hard_link(folder / "object", folder / "run/one");
  fs::create_hard_link(folder / "object", folder / "run/two");
  for (const bool dry : {true, false}) {
    TreeRemover kept(dry, go_on);
    if (dry) {
      EXPECT_TRUE(succeeds(kept.remove(folder / "run")));
    }
    EXPECT_EQ(kept.bytes(), 0);
    TreeRemover remover(dry, go_on);
    struct stat facts{};
    ASSERT_EQ(::stat((folder / "object").c_str(), &facts), 0);
    remover.note(facts.st_dev, facts.st_ino, facts.st_nlink, facts.st_size);
    if (!dry) fs::remove(folder / "object");
    EXPECT_TRUE(succeeds(remover.remove(folder / "run")));
    EXPECT_EQ(remover.bytes(), 7);
    EXPECT_EQ(fs::exists(folder / "run/one"), dry);
  }
}

TEST(TreeRemover, WhoeverIsToldToStopStops) {
  const TestFolder folder;
  fs::create_directories(folder / "run");
  for (int i = 0; i < 10; ++i) write(folder / ("run/" + std::to_string(i)), "");
  int left = 4;
  TreeRemover remover(false, [&] { return left-- > 0; });
  EXPECT_TRUE(succeeds(remover.remove(folder / "run")));
  EXPECT_TRUE(remover.is_stopped());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "run"), fs::directory_iterator()), 6);
}

}  // namespace
}  // namespace sluice
