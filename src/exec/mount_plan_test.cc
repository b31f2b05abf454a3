#include "exec/mount_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A host that is written down: path -> what is there. "/src" is a directory and "/key" a file to be mounted.
class FakeHost final : public HostView {
 public:
  explicit FakeHost(std::map<std::string, PlaceKind> places) : places_(std::move(places)) {
    places_.emplace("/", PlaceKind::kDirectory);
  }
  PlaceKind kind(const std::string& path) const override {
    const auto found = places_.find(path);
    return found == places_.end() ? PlaceKind::kNone : found->second;
  }
  Result<std::vector<HostEntry>> entries(const std::string& directory) const override {
    std::vector<HostEntry> found;
    const std::string start = directory == "/" ? "/" : directory + "/";
    for (const auto& [path, kind] : places_)
      if (path.size() > start.size() && path.starts_with(start) && path.find('/', start.size()) == std::string::npos)
        found.push_back({path.substr(start.size()), kind, kind == PlaceKind::kLink ? "elsewhere" : ""});
    return found;
  }

 private:
  std::map<std::string, PlaceKind> places_;
};

constexpr auto kDir = PlaceKind::kDirectory;
constexpr auto kPlain = PlaceKind::kFile;

// Each step on a line.
std::string text_of(const std::vector<MountStep>& steps) {
  static constexpr std::array<const char*, 8> kNames{"cover", "directory", "file", "link", "back", "root", "mount", "read-only"};
  std::string text;
  for (const MountStep& step : steps) {
    text += std::string(kNames.at(static_cast<std::size_t>(step.kind))) + " " + step.path;
    if (!step.source.empty()) text += " < " + step.source;
    if (step.kind == MountStep::Kind::kMount) text += " < #" + std::to_string(step.mount);
    text += "\n";
  }
  return text;
}

std::string planned(const std::vector<AttemptMount>& mounts, std::map<std::string, PlaceKind> host, const OwnPlaces& own = {}) {
  host.insert({{"/src", kDir}, {"/key", kPlain}});
  const auto steps = plan_mounts(mounts, FakeHost(std::move(host)), own);
  return steps ? text_of(*steps) : steps.error().message;
}

TEST(MountPlan, WhatIsThereIsMountedOver) {
  EXPECT_EQ(planned({{"/src", "/mnt/data"}}, {{"/mnt", kDir}, {"/mnt/data", kDir}}), "mount /mnt/data < #0\n");
  EXPECT_EQ(planned({{"/key", "/etc/key", true}}, {{"/etc", kDir}, {"/etc/key", kPlain}}),
            "mount /etc/key < #0\nread-only /etc/key\n");
}

TEST(MountPlan, WhereAPathIsMissingTheDirectoryAboveIsCovered) {
  EXPECT_EQ(planned({{"/src", "/mnt/new/deep"}},
                    {{"/mnt", kDir}, {"/mnt/disk", kDir}, {"/mnt/notes", kPlain}, {"/mnt/shortcut", PlaceKind::kLink}}),
            "cover /mnt < /mnt\n"
            "directory /mnt/disk\nback /mnt/disk < disk\n"
            "file /mnt/notes\nback /mnt/notes < notes\n"
            "link /mnt/shortcut < elsewhere\n"
            "directory /mnt/new\ndirectory /mnt/new/deep\nmount /mnt/new/deep < #0\n");
  EXPECT_EQ(planned({{"/key", "/mnt/key"}}, {{"/mnt", kDir}}), "cover /mnt < /mnt\nfile /mnt/key\nmount /mnt/key < #0\n");
}

TEST(MountPlan, AMissingPathBelowTheRootMakesANewRoot) {
  EXPECT_EQ(planned({{"/src", "/data"}}, {{"/usr", kDir}}, {.stage = "/var/stage"}),
            "cover /var/stage < /\n"
            "file /var/stage/key\nback /var/stage/key < key\n"
            "directory /var/stage/src\nback /var/stage/src < src\n"
            "directory /var/stage/usr\nback /var/stage/usr < usr\n"
            "root /var/stage\n"
            "directory /data\nmount /data < #0\n");
}

TEST(MountPlan, ADirectoryIsCoveredOnce) {
  EXPECT_EQ(planned({{"/src", "/mnt/b/x"}, {"/src", "/mnt/a"}, {"/src", "/mnt/b/y"}}, {{"/mnt", kDir}}),
            "cover /mnt < /mnt\n"
            "directory /mnt/a\nmount /mnt/a < #1\n"
            "directory /mnt/b\ndirectory /mnt/b/x\nmount /mnt/b/x < #0\n"
            "directory /mnt/b/y\nmount /mnt/b/y < #2\n");
  EXPECT_EQ(planned({{"/src", "/mnt/new"}, {"/src", "/mnt/disk/new"}}, {{"/mnt", kDir}, {"/mnt/disk", kDir}}),
            "cover /mnt/disk < /mnt/disk\ndirectory /mnt/disk/new\nmount /mnt/disk/new < #1\n"
            "cover /mnt < /mnt\ndirectory /mnt/disk\nback /mnt/disk < disk\ndirectory /mnt/new\nmount /mnt/new < #0\n")
      << "what was bound back is the host's own";
}

TEST(MountPlan, WhatLiesInAnotherMountIsMadeInItsSource) {
  EXPECT_EQ(planned({{"/src", "/mnt/in/side", true}, {"/src", "/mnt", true}}, {{"/mnt", kDir}}),
            "mount /mnt < #1\ndirectory /mnt/in\ndirectory /mnt/in/side\nmount /mnt/in/side < #0\n"
            "read-only /mnt\nread-only /mnt/in/side\n");
  EXPECT_EQ(planned({{"/src", "/mnt"}, {"/key", "/mnt/there"}}, {{"/mnt", kDir}, {"/src/there", kPlain}}),
            "mount /mnt < #0\nmount /mnt/there < #1\n");
}

TEST(MountPlan, APrivateTmpNeedsNoCover) {
  const OwnPlaces own{.tmp = true, .shown = {"/tmp/host/data"}};
  const std::map<std::string, PlaceKind> host{{"/tmp", kDir}, {"/tmp/host", kDir}, {"/tmp/host/data", kDir}};
  EXPECT_EQ(planned({{"/src", "/tmp/a/b"}}, host, own), "directory /tmp/a\ndirectory /tmp/a/b\nmount /tmp/a/b < #0\n");
  EXPECT_EQ(planned({{"/src", "/tmp/host/b"}}, host, own), "directory /tmp/host/b\nmount /tmp/host/b < #0\n");
  EXPECT_EQ(planned({{"/src", "/tmp/host/data/new"}}, host, own),
            "cover /tmp/host/data < /tmp/host/data\ndirectory /tmp/host/data/new\nmount /tmp/host/data/new < #0\n");
}

TEST(MountPlan, WhatCannotBeMountedIsNamed) {
  EXPECT_EQ(planned({{"/gone", "/mnt"}}, {}), "cannot mount at /mnt: there is no /gone");
  EXPECT_EQ(planned({{"/src", "/"}}, {}), "cannot mount at /: a root directory cannot be chosen");
  EXPECT_EQ(planned({{"/src", "data"}}, {}), "cannot mount at data: the path is not absolute");
  EXPECT_EQ(planned({{"/src", "/src"}, {"/src", "/src"}}, {}), "cannot mount at /src: two mounts are there");
  EXPECT_EQ(planned({{"/key", "/src"}}, {}), "cannot mount at /src: /src is a directory here");
  EXPECT_EQ(planned({{"/src", "/key/x"}}, {}), "cannot mount at /key/x: /key is no directory here");
  std::map<std::string, PlaceKind> crowded{{"/mnt", kDir}};
  for (int i = 0; i < 5000; ++i) crowded.emplace("/mnt/" + std::to_string(i), kPlain);
  EXPECT_THAT(planned({{"/src", "/mnt/new"}}, crowded), HasSubstr("/mnt has more than 4096 entries"));
}

}  // namespace
}  // namespace sluice
