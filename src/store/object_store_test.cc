#include "store/object_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "base/sha256.h"
#include "store/files.h"
#include "store/test_runs.h"
#include "store/tree.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string read(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(out).str();
}
struct stat facts_of(const std::string& path) {
  struct stat facts{};
  EXPECT_EQ(::lstat(path.c_str(), &facts), 0) << path;
  return facts;
}
unsigned mode_of(const std::string& path) { return facts_of(path).st_mode & 07777U; }

class Objects : public testing::TestWithParam<bool> {
 protected:
  Objects() { EXPECT_TRUE(succeeds(store_.open())); }
  ~Objects() override {
    // Whatever a test does, nothing is left in the making.
    EXPECT_TRUE(fs::is_empty(folder_ / "objects/tmp"));
  }
  std::string write(const std::string& name, const std::string& content, unsigned mode = 0644) {
    const std::string path = folder_ / name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << content;
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  StoredObject put(const std::string& path) {
    const auto object = store_.put(path);
    EXPECT_TRUE(succeeds(object));
    return object.value_or(StoredObject{});
  }
  bool shares_blocks() {
    write("block", "x");
    const auto file = open_file(folder_ / "block", O_RDONLY);
    return copy_file(*file, folder_ / "shared block", 0644, CopyHow::kCloneOnly).has_value();
  }
  bool is_link_to_object(const std::string& path, const std::string& digest) {
    return facts_of(path).st_ino == facts_of(store_.path_of(digest)).st_ino;
  }

  TestFolder folder_;
  ObjectStore store_{folder_ / "objects", GetParam()};
};

TEST_P(Objects, AFileIsKeptByItsHashAndItsPathBecomesALink) {
  const std::string path = write("out/model.txt", "hello");
  const StoredObject object = put(path);
  EXPECT_EQ(object.digest, "sha256:" + sha256_hex("hello"));
  EXPECT_EQ(object.size_bytes, 5);
  EXPECT_FALSE(object.is_directory);
  EXPECT_TRUE(store_.has(object.digest));
  const std::string hex = sha256_hex("hello");
  EXPECT_EQ(store_.path_of(object.digest), folder_ / "objects/sha256/" + hex.substr(0, 2) + "/" + hex.substr(2));
  EXPECT_EQ(read(path), "hello");
  EXPECT_TRUE(is_link_to_object(path, object.digest));
  EXPECT_EQ(mode_of(path), 0444U);
  EXPECT_TRUE(succeeds(store_.verify(object.digest)));
}

TEST_P(Objects, EqualContentIsStoredOnce) {
  const std::string one = write("one", "same");
  const std::string two = write("two", "same");
  const StoredObject object = put(one);
  EXPECT_EQ(put(two).digest, object.digest);
  EXPECT_EQ(put(one).digest, object.digest);  // and again, as after a crash before the commit
  EXPECT_EQ(facts_of(one).st_ino, facts_of(two).st_ino);
  EXPECT_EQ(facts_of(one).st_nlink, 3U);
}

TEST_P(Objects, AnEmptyFileIsAnObjectToo) {
  const StoredObject object = put(write("empty", ""));
  EXPECT_EQ(object.digest, "sha256:" + sha256_hex(""));
  ASSERT_TRUE(succeeds(store_.fetch(object.digest, folder_ / "back")));
  EXPECT_EQ(fs::file_size(folder_ / "back"), 0U);
}

TEST_P(Objects, WhoFetchesGetsACopyOfHisOwn) {
  const StoredObject object = put(write("data", "original"));
  ASSERT_TRUE(succeeds(store_.fetch(object.digest, folder_ / "input")));
  EXPECT_EQ(mode_of(folder_ / "input"), 0644U);
  std::ofstream(folder_ / "input") << "changed by the task";
  EXPECT_EQ(read(store_.path_of(object.digest)), "original");
  EXPECT_TRUE(succeeds(store_.verify(object.digest)));
}

TEST_P(Objects, ALargeFileIsFetchedAsALinkAndASmallerOneIsNot) {
  for (const auto& [megabytes, linked] : {std::pair(70, true), std::pair(3, false)}) {
    const std::string path = write("large", "");
    fs::resize_file(path, static_cast<std::uintmax_t>(megabytes) << 20U);  // sparse
    const StoredObject object = put(path);
    EXPECT_EQ(object.size_bytes, std::int64_t{megabytes} << 20U);
    const std::string back = folder_ / "back" + std::to_string(megabytes);
    ASSERT_TRUE(succeeds(store_.fetch(object.digest, back)));
    EXPECT_EQ(fs::file_size(back), static_cast<std::uintmax_t>(object.size_bytes));
    // Where the file system shares blocks, the large one is a file of its own as well.
    EXPECT_EQ(is_link_to_object(back, object.digest), linked && !shares_blocks());
    EXPECT_EQ(mode_of(back), is_link_to_object(back, object.digest) ? 0444U : 0644U);
    fs::remove(path);
  }
}

TEST_P(Objects, FetchingSaysWhatIsWrong) {
  const StoredObject object = put(write("data", "x"));
  EXPECT_TRUE(fails_with(store_.fetch("sha256:" + std::string(64, '0'), folder_ / "back"), Code::kNotFound));
  EXPECT_TRUE(fails_with(store_.fetch("sha256:../../../etc/passwd", folder_ / "back"), Code::kInvalid));
  EXPECT_FALSE(fs::exists(folder_ / "back"));
  EXPECT_TRUE(fails_with(store_.fetch(object.digest, write("taken", "mine")), Code::kConflict));
  EXPECT_EQ(read(folder_ / "taken"), "mine");
  EXPECT_TRUE(fails_with(store_.fetch(object.digest, folder_ / "no/such/folder"), Code::kNotFound));
  EXPECT_EQ(store_.path_of("sha256:.."), "");
  EXPECT_FALSE(store_.has("sha256:.."));
  EXPECT_FALSE(store_.has("sha256:" + std::string(64, '0')));
}

TEST_P(Objects, ADirectoryComesBackAsItWas) {
  const std::vector<std::string> odd{"a b", "line\nbreak", "back\\slash", "bytes \xFF\xFE", "\xF0\x9F\x90\x9F"};
  for (const std::string& name : odd) write("tree/" + name, name);
  write("tree/bin/run", "#!/bin/sh\n", 0755);
  write("tree/same", "a b");
  fs::create_directories(folder_ / "tree/empty/inner");
  const StoredObject object = put(folder_ / "tree");
  EXPECT_TRUE(object.is_directory);
  EXPECT_EQ(object.size_bytes, 3 + 10 + 10 + 8 + 4 + 10 + 3);
  EXPECT_TRUE(succeeds(store_.verify(object.digest)));
  EXPECT_EQ(object.digest, "sha256:" + sha256_hex(read(store_.path_of(object.digest))));

  ASSERT_TRUE(succeeds(store_.fetch(object.digest, folder_ / "back")));
  for (const std::string& name : odd) {
    EXPECT_EQ(read(folder_ / "back/" + name), name);
    EXPECT_EQ(mode_of(folder_ / "back/" + name), 0644U);
    EXPECT_TRUE(is_link_to_object(folder_ / "tree/" + name, "sha256:" + sha256_hex(name)));
  }
  EXPECT_EQ(mode_of(folder_ / "back/bin/run"), 0755U);
  EXPECT_TRUE(fs::is_directory(folder_ / "back/empty/inner"));
  // At its place the executable is no link, as an object has one mode only.
  EXPECT_EQ(mode_of(folder_ / "tree/bin/run"), 0555U);
  EXPECT_EQ(facts_of(folder_ / "tree/bin/run").st_nlink, 1U);
  // The fetched copy is the same directory, and another order of creation makes no difference.
  EXPECT_EQ(put(folder_ / "back").digest, object.digest);
  EXPECT_EQ(put(folder_ / "tree").digest, object.digest);
}

TEST_P(Objects, AnEmptyDirectoryIsAnObjectToo) {
  fs::create_directory(folder_ / "empty");
  const StoredObject object = put(folder_ / "empty");
  EXPECT_TRUE(object.is_directory);
  EXPECT_EQ(object.size_bytes, 0);
  ASSERT_TRUE(succeeds(store_.fetch(object.digest, folder_ / "back")));
  EXPECT_TRUE(fs::is_empty(folder_ / "back"));
  EXPECT_TRUE(fails_with(store_.fetch(object.digest, folder_ / "back"), Code::kConflict));
}

TEST_P(Objects, LinksThatStayInsideADirectoryAreFollowed) {
  write("tree/data/v1", "one");
  fs::create_symlink("data/v1", folder_ / "tree/latest");
  fs::create_symlink("data", folder_ / "tree/alias");
  fs::create_symlink(folder_ / "tree/latest", folder_ / "tree/absolute");
  const StoredObject object = put(folder_ / "tree");
  EXPECT_EQ(object.size_bytes, 4 * 3);
  ASSERT_TRUE(succeeds(store_.fetch(object.digest, folder_ / "back")));
  for (const std::string name : {"data/v1", "latest", "alias/v1", "absolute"}) {
    EXPECT_EQ(read(folder_ / "back/" + name), "one") << name;
    EXPECT_EQ(read(folder_ / "tree/" + name), "one") << name;
    EXPECT_TRUE(S_ISREG(facts_of(folder_ / "back/" + name).st_mode)) << name;
  }
}

TEST_P(Objects, LinksThatLeaveADirectoryOrLeadInCirclesAreRefused) {
  write("outside", "secret");
  const std::vector<std::pair<std::string, std::string>> links{{"../outside", "out"}, {"nowhere", "nowhere"}, {"self", "round"},
                                                               {".", "circle"},       {"..", "out"},          {"/etc", "out"}};
  for (const auto& [target, what] : links) {
    const std::string file = write("tree/file", "kept as it is");
    fs::create_symlink(target, folder_ / "tree/self");
    const auto object = store_.put(folder_ / "tree");
    EXPECT_TRUE(fails_with(object, Code::kInvalid)) << target;
    EXPECT_THAT(object.error().message, HasSubstr(what));
    EXPECT_EQ(mode_of(file), 0644U);  // nothing was touched
    fs::remove_all(folder_ / "tree");
  }
  // Two folders whose links lead into each other.
  fs::create_directories(folder_ / "tree/a");
  fs::create_directories(folder_ / "tree/b");
  fs::create_symlink("../b", folder_ / "tree/a/to");
  fs::create_symlink("../a", folder_ / "tree/b/to");
  EXPECT_TRUE(fails_with(store_.put(folder_ / "tree"), Code::kInvalid));

  fs::create_symlink("outside", folder_ / "link");
  EXPECT_TRUE(fails_with(store_.put(folder_ / "link"), Code::kInvalid));
  EXPECT_EQ(read(folder_ / "outside"), "secret");
}

TEST_P(Objects, OnlyFilesAndDirectoriesAreKept) {
  ASSERT_EQ(::mkfifo((folder_ / "pipe").c_str(), 0600), 0);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string name = folder_ / "socket";
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(socket);
  for (const std::string& path : {folder_ / "pipe", name, std::string("/dev/null")})
    EXPECT_TRUE(fails_with(store_.put(path), Code::kInvalid)) << path;
  fs::create_directory(folder_ / "tree");
  fs::rename(folder_ / "pipe", folder_ / "tree/pipe");
  EXPECT_TRUE(fails_with(store_.put(folder_ / "tree"), Code::kInvalid));
  EXPECT_TRUE(fails_with(store_.put(folder_ / "missing"), Code::kNotFound));
}

TEST_P(Objects, AFileThatSomebodyStillWritesToIsCopied) {
  const std::string path = write("log", "first");
  const int writer = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const StoredObject object = put(path);
  ASSERT_EQ(::write(writer, " second", 7), 7);
  ::close(writer);
  EXPECT_EQ(read(store_.path_of(object.digest)), "first");
  EXPECT_EQ(read(path), "first");
  EXPECT_TRUE(is_link_to_object(path, object.digest));
  EXPECT_TRUE(succeeds(store_.verify(object.digest)));
}

TEST_P(Objects, AFileWithAnotherNameIsCopied) {
  const std::string path = write("mine", "original");
  fs::create_hard_link(path, folder_ / "out");
  const StoredObject object = put(folder_ / "out");
  EXPECT_TRUE(is_link_to_object(folder_ / "out", object.digest));
  EXPECT_EQ(mode_of(path), 0644U);
  std::ofstream(path) << "changed by its owner";
  EXPECT_EQ(read(folder_ / "out"), "original");
  EXPECT_TRUE(succeeds(store_.verify(object.digest)));
}

TEST_P(Objects, AFileOnAnotherFileSystemIsCopiedAndStays) {
  const fs::path other = "/dev/shm";
  if (!fs::is_directory(other) || facts_of(other).st_dev == facts_of(folder_.path()).st_dev)
    GTEST_SKIP() << "no other file system here";
  const std::string path = other / fs::path(folder_.path()).filename();
  std::ofstream(path) << "from afar";
  const StoredObject object = put(path);
  EXPECT_EQ(read(store_.path_of(object.digest)), "from afar");
  EXPECT_EQ(mode_of(store_.path_of(object.digest)), 0444U);
  EXPECT_EQ(read(path), "from afar");
  fs::remove(path);
  ASSERT_TRUE(succeeds(store_.fetch(object.digest, path)));
  EXPECT_EQ(read(path), "from afar");
  fs::remove(path);
}

TEST_P(Objects, AFileThatLooksLikeAManifestIsRefused) {
  const std::string path = write("copy of a manifest", std::string(kTreeMagic));
  EXPECT_TRUE(fails_with(store_.put(path), Code::kInvalid));
  EXPECT_EQ(mode_of(path), 0644U);
}

TEST_P(Objects, ChangedBytesAreFoundAndPutAgainIfTheSizeTells) {
  const StoredObject object = put(write("data", "right"));
  const std::string stored = store_.path_of(object.digest);
  fs::permissions(stored, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(stored) << "wrong";
  EXPECT_TRUE(fails_with(store_.verify(object.digest), Code::kCorrupt));
  EXPECT_TRUE(fails_with(store_.verify("sha256:" + std::string(64, '0')), Code::kNotFound));
  std::ofstream(stored) << "cut";
  EXPECT_TRUE(fails_with(store_.verify(object.digest), Code::kCorrupt));
  put(write("again", "right"));
  EXPECT_TRUE(succeeds(store_.verify(object.digest)));
}

TEST_P(Objects, DamageInsideADirectoryIsFoundAndNamed) {
  write("tree/a/b", "member");
  const StoredObject object = put(folder_ / "tree");
  const std::string member = store_.path_of("sha256:" + sha256_hex("member"));
  fs::permissions(member, fs::perms::owner_write, fs::perm_options::add);
  std::ofstream(member) << "MEMBER";
  const auto verified = store_.verify(object.digest);
  EXPECT_TRUE(fails_with(verified, Code::kCorrupt));
  EXPECT_THAT(verified.error().message, HasSubstr("'a/b'"));
  fs::remove(member);
  EXPECT_TRUE(fails_with(store_.verify(object.digest), Code::kCorrupt));
  EXPECT_TRUE(fails_with(store_.fetch(object.digest, folder_ / "back"), Code::kCorrupt));
  EXPECT_FALSE(fs::exists(folder_ / "back"));  // not half a directory
}

TEST_P(Objects, ThreadsMayPutEqualContentAtOnce) {
  constexpr int kRounds = 50;
  for (int round = 0; round < kRounds; ++round) {
    const std::string content = "round " + std::to_string(round);
    std::vector<std::thread> threads;
    std::vector<std::string> digests(4);
    for (std::size_t i = 0; i < digests.size(); ++i) {
      const std::string path = write(content + "/" + std::to_string(i), content);
      threads.emplace_back([this, path, &digest = digests[i]] { digest = store_.put(path).value_or(StoredObject{}).digest; });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < digests.size(); ++i) {
      ASSERT_EQ(digests[i], "sha256:" + sha256_hex(content));
      ASSERT_TRUE(is_link_to_object(folder_ / content + "/" + std::to_string(i), digests[i]));
    }
    ASSERT_TRUE(succeeds(store_.verify(digests[0])));
  }
}

TEST_P(Objects, OpeningAgainKeepsWhatIsThere) {
  const StoredObject object = put(write("data", "kept"));
  ObjectStore again(folder_ / "objects", GetParam());
  ASSERT_TRUE(succeeds(again.open()));
  EXPECT_TRUE(succeeds(again.verify(object.digest)));
}

INSTANTIATE_TEST_SUITE_P(Sync, Objects, testing::Bool(), [](const auto& param) { return param.param ? "synced" : "unsynced"; });

TEST(Files, OnlyOldLeftoversAreRemoved) {
  TestFolder folder;
  std::ofstream(folder / "leftover") << "half";
  fs::create_directory(folder / "folder");
  const Instant now = SystemClock().now();
  ASSERT_TRUE(succeeds(remove_older(folder.path(), now - std::chrono::hours(1))));
  EXPECT_TRUE(fs::exists(folder / "leftover"));
  ASSERT_TRUE(succeeds(remove_older(folder.path(), now + std::chrono::hours(1))));
  EXPECT_FALSE(fs::exists(folder / "leftover"));
  EXPECT_TRUE(fs::exists(folder / "folder"));
}

TEST(Files, WritersAreSeenWhetherTheyHoldADescriptorOrNot) {
  TestFolder folder;
  std::ofstream(folder / "file") << "x";
  const auto file = open_file(folder / "file", O_RDONLY);
  ASSERT_TRUE(succeeds(file));
  EXPECT_FALSE(has_writers(*file));
  {
    const auto writer = open_file(folder / "file", O_WRONLY);
    EXPECT_TRUE(has_writers(*file));
  }
  EXPECT_FALSE(has_writers(*file));
}

// A file system of 1 MiB in a mount namespace of this thread.
TEST(ObjectsOnAFullDisk, PutAndFetchAreUnavailableUntilThereIsRoom) {
  TestFolder folder;
  fs::create_directory(folder / "disk");
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", (folder / "disk").c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "may not mount a file system here";
  ObjectStore store(folder / "disk/objects", true);
  ASSERT_TRUE(succeeds(store.open()));
  std::ofstream(folder / "data") << std::string(600'000, 'd');
  const auto object = store.put(folder / "data");
  ASSERT_TRUE(succeeds(object));
  EXPECT_TRUE(fails_with(store.fetch(object->digest, folder / "disk/copy"), Code::kUnavailable));
  EXPECT_FALSE(fs::exists(folder / "disk/copy"));
  std::ofstream(folder / "more") << std::string(600'000, 'm');
  EXPECT_TRUE(fails_with(store.put(folder / "more"), Code::kUnavailable));
  EXPECT_TRUE(fs::is_empty(folder / "disk/objects/tmp"));
  fs::remove(store.path_of(object->digest));
  const auto later = store.put(folder / "more");
  ASSERT_TRUE(succeeds(later));
  EXPECT_TRUE(succeeds(store.verify(later->digest)));
  ::umount2((folder / "disk").c_str(), MNT_DETACH);
}

}  // namespace
}  // namespace sluice
