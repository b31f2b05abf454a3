#include "store/object_sweep.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "store/test_runs.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

class SweepTest : public testing::Test {
 protected:
  SweepTest() { EXPECT_TRUE(succeeds(objects_.open())); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  std::string put(const std::string& name) {
    const auto stored = objects_.put(folder_ / name);
    EXPECT_TRUE(succeeds(stored));
    return stored ? stored->digest : "";
  }
  std::string put_text(const std::string& text) {
    const std::string name = "file-" + std::to_string(++files_);
    write(name, text);
    return put(name);
  }
  // Everything that is there by now is old enough.
  static Instant later() { return SystemClock().now() + std::chrono::hours(1); }

  std::set<std::string> digests() {
    std::set<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(objects_.root() + "/sha256"))
      if (entry.is_regular_file())
        out.insert("sha256:" + entry.path().parent_path().filename().string() + entry.path().filename().string());
    return out;
  }
  void sweep(const std::vector<std::string>& needed, Instant before) {
    ObjectSweep sweep(objects_, before);
    for (const std::string& digest : needed) sweep.name_all("{\"digest\":\"" + digest + "\"}");
    const auto condemned = sweep.condemned();
    ASSERT_TRUE(succeeds(condemned));
    for (const auto& each : *condemned) EXPECT_TRUE(succeeds(sweep.remove(each)));
  }

  TestFolder folder_;
  ObjectStore objects_{folder_ / "objects", false};
  int files_ = 0;
};

TEST_F(SweepTest, WhatNobodyNamesGoes) {
  const std::string kept = put_text("kept"), gone = put_text("gone");
  sweep({kept}, later());
  EXPECT_EQ(digests(), std::set{kept});
  EXPECT_FALSE(objects_.has(gone));
}

TEST_F(SweepTest, WhatIsInADirectoryThatIsNamedStays) {
  write("tree/a", "in both");
  write("tree/sub/b", "in the kept one");
  write("other/a", "in both");
  write("other/c", "in the other one");
  const std::string tree = put("tree"), other = put("other");
  sweep({tree}, later());
  EXPECT_TRUE(succeeds(objects_.verify(tree)));
  EXPECT_EQ(digests().size(), 3U);
  EXPECT_FALSE(objects_.has(other));
}

TEST_F(SweepTest, WhatIsYoungerThanTheLimitStaysWithAllThatIsInIt) {
  write("tree/a", "young");
  const std::string tree = put("tree");
  sweep({}, SystemClock().now() - std::chrono::minutes(1));
  EXPECT_TRUE(succeeds(objects_.verify(tree)));
}

TEST_F(SweepTest, WhatIsPutAgainOrKeptIsYoung) {
  const std::string again = put_text("again");
  write("tree/a", "kept");
  const std::string tree = put("tree");
  const auto change_of = [&](const std::string& digest) {
    struct stat facts{};
    EXPECT_EQ(::stat(objects_.path_of(digest).c_str(), &facts), 0);
    return std::pair{facts.st_ctim.tv_sec * 1'000'000'000LL + facts.st_ctim.tv_nsec,
                     facts.st_mtim.tv_sec * 1'000'000'000LL + facts.st_mtim.tv_nsec};
  };
  const auto before = change_of(again), tree_before = change_of(tree);
  // The clock of files moves in steps of a few milliseconds.
  while (change_of(again).first == before.first) EXPECT_EQ(put_text("again"), again);
  while (change_of(tree).first == tree_before.first) EXPECT_TRUE(objects_.keep(tree));
  EXPECT_EQ(change_of(again).second, before.second) << "readers of links take a new time for a change of the content";
  EXPECT_FALSE(objects_.keep("sha256:" + std::string(64, '0')));
}

TEST_F(SweepTest, OfADirectoryThatMissesAFileNothingIsKept) {
  write("tree/a", "one");
  const std::string tree = put("tree"), file = put_text("one");
  fs::remove(objects_.path_of(file));
  EXPECT_FALSE(objects_.keep(tree));
}

TEST_F(SweepTest, NothingThatCameUnderALeaseIsOldEnough) {
  const Instant now = SystemClock().now();
  auto lease = objects_.lease();
  const auto second = objects_.lease();
  EXPECT_LE(ObjectSweep::limit(objects_, later(), Duration{0}), SystemClock().now());
  EXPECT_GE(ObjectSweep::limit(objects_, later(), Duration{0}), now);
  const std::string taken = put_text("taken");
  sweep({}, ObjectSweep::limit(objects_, later(), Duration{0}));
  EXPECT_TRUE(objects_.has(taken));
  lease.reset();
  EXPECT_GE(ObjectSweep::limit(objects_, later(), Duration{0}), now) << "the other one lives";
}

TEST_F(SweepTest, WhatIsPutBetweenTheLookAndTheRemovalStays) {
  const std::string digest = put_text("back again");
  ObjectSweep sweep(objects_, SystemClock().now() + std::chrono::seconds(2));  // one of them is taken off
  const auto condemned = sweep.condemned();
  ASSERT_TRUE(succeeds(condemned));
  ASSERT_EQ(condemned->size(), 1U);
  struct stat facts{};
  const Instant limit = SystemClock().now() + std::chrono::seconds(1);
  do {
    EXPECT_EQ(put_text("back again"), digest);
    ASSERT_EQ(::stat(objects_.path_of(digest).c_str(), &facts), 0);
  } while (facts.st_ctim.tv_sec <= to_micros(limit) / 1'000'000);
  EXPECT_FALSE(sweep.remove(condemned->front()).value_or(true));
  EXPECT_TRUE(objects_.has(digest));
}

TEST_F(SweepTest, StrangeThingsAmongTheObjectsAreLeftAlone) {
  const std::string gone = put_text("gone");
  const std::string beside = fs::path(objects_.path_of(gone)).parent_path();
  std::ofstream(beside + "/README") << "mine";
  std::ofstream(objects_.root() + "/sha256/notes") << "mine";
  fs::create_directory(beside + "/" + std::string(62, 'a'));
  fs::create_symlink(folder_ / "file-1", beside + "/" + std::string(62, 'b'));
  sweep({}, later());
  EXPECT_FALSE(objects_.has(gone));
  EXPECT_TRUE(fs::exists(beside + "/README"));
  EXPECT_TRUE(fs::exists(objects_.root() + "/sha256/notes"));
  EXPECT_TRUE(fs::is_symlink(beside + "/" + std::string(62, 'b')));
  EXPECT_TRUE(fs::exists(folder_ / "file-1"));
}

TEST_F(SweepTest, AnObjectThatWasFoundChangedGoes) {
  const std::string digest = put_text("was changed");
  fs::rename(objects_.path_of(digest), objects_.path_of(digest) + ".changed");
  sweep({digest}, later());
  EXPECT_TRUE(digests().empty());
}

// Random files and trees that share files, of which a random part is named.
TEST_F(SweepTest, ExactlyWhatIsReachableStays) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    std::mt19937 random(seed);
    const auto roll = [&](int sides) { return static_cast<int>(random() % static_cast<unsigned>(sides)); };
    std::map<std::string, std::set<std::string>> parts;  // of each thing put: itself, and what is in it
    for (int i = 0, count = 3 + roll(12); i < count; ++i) {
      const std::string name = "seed-" + std::to_string(seed) + "-" + std::to_string(i);
      if (roll(2) == 0) {
        const std::string digest = put_text("text " + std::to_string(roll(20)));
        parts[digest].insert(digest);
        continue;
      }
      std::set<std::string> inside;
      for (int file = 0, files = 1 + roll(5); file < files; ++file) {
        const std::string text = "text " + std::to_string(roll(20));
        write(name + "/" + (roll(2) == 0 ? "sub/" : "") + std::to_string(file), text);
        inside.insert(put_text(text));
      }
      const std::string digest = put(name);
      inside.insert(digest);
      parts[digest] = inside;
    }
    std::vector<std::string> named;
    std::set<std::string> reachable;
    for (const auto& [digest, inside] : parts)
      if (roll(2) == 0) {
        named.push_back(digest);
        reachable.insert(inside.begin(), inside.end());
      }
    sweep(named, later());
    EXPECT_EQ(digests(), reachable) << "seed " << seed;
    for (const std::string& digest : named) EXPECT_TRUE(succeeds(objects_.verify(digest))) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sluice
