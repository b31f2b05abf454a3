#include "store/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "store/test_runs.h"

namespace sluice {
namespace {

const std::string kHexA(64, 'a');
const std::string kDigestA = "sha256:" + kHexA;

TEST(Tree, AManifestReadsBackAsItWasWritten) {
  const Tree tree{{"empty", {.is_directory = true}},
                  {"a b", {.size_bytes = 7, .digest = kDigestA}},
                  {"line\nback\\slash\x7F", {.executable = true, .size_bytes = 0, .digest = kDigestA}},
                  {"not utf-8 \xFF\xFE", {.size_bytes = 1, .digest = kDigestA}},
                  {"\xC3\xA9t\xC3\xA9", {.is_directory = true}},
                  {"\xC3\xA9t\xC3\xA9/x", {.size_bytes = 5'000'000'000, .digest = kDigestA}}};
  const std::string manifest = to_manifest(tree);
  EXPECT_EQ(std::count(manifest.begin(), manifest.end(), '\n'), 7);
  const auto back = parse_manifest(manifest);
  ASSERT_TRUE(succeeds(back));
  EXPECT_EQ(*back, tree);
  EXPECT_EQ(parse_manifest(kTreeMagic).value(), Tree{});
}

TEST(Tree, AManifestIsTextThatPeopleCanRead) {
  EXPECT_EQ(
      to_manifest({{"d", {.is_directory = true}}, {"d/run me", {.executable = true, .size_bytes = 12, .digest = kDigestA}}}),
      "sluice tree 1\n- 040000 0 d\n" + kHexA + " 100755 12 d/run me\n");
}

TEST(Tree, AnythingElseIsCorrupt) {
  const std::string magic(kTreeMagic);
  const std::string file = kHexA + " 100644 1 ";
  const std::vector<std::string> bad{"",
                                     "sluice tree 1",
                                     "sluice tree 2\n",
                                     magic + "\n",
                                     magic + file + "a",  // no line end
                                     magic + file + "\n",
                                     magic + file + "/etc/passwd\n",
                                     magic + file + "../x\n",  // paths that lead out
                                     magic + file + "a/\n",
                                     magic + file + "./a\n",
                                     magic + file + "a\\x00\n",
                                     magic + file + "a/b\n",
                                     magic + file + "a\n" + file + "a/b\n",  // no such directory; a file as one
                                     magic + file + "b\n" + file + "a\n",
                                     magic + file + "a\n" + file + "a\n",  // order, double
                                     magic + file + "\\x61\n",
                                     magic + file + "\\x0A\n",
                                     magic + file + "a\\x\n",
                                     magic + file + "a\\\n",  // escapes
                                     magic + kHexA + " 100644 -1 a\n",
                                     magic + kHexA + " 100644 01 a\n",
                                     magic + kHexA + " 100644 99999999999999999999 a\n",
                                     magic + kHexA + " 100600 1 a\n",
                                     magic + kHexA.substr(1) + " 100644 1 a\n",
                                     magic + std::string(64, 'A') + " 100644 1 a\n",
                                     magic + "- 100644 1 a\n",
                                     magic + kHexA + " 040000 0 a\n",
                                     magic + "- 040000 5\n",
                                     magic + kHexA + "\n"};
  for (const std::string& text : bad) EXPECT_TRUE(fails_with(parse_manifest(text), Code::kCorrupt)) << text;
}

TEST(Tree, ADigestIsSixtyFourLowerCaseDigitsWithItsPrefix) {
  EXPECT_EQ(digest_hex(kDigestA), kHexA);
  for (const std::string& bad : {std::string(), kHexA, "sha256:" + kHexA + "a", "sha256:" + kHexA.substr(1), "sha512:" + kHexA,
                                 "sha256:" + std::string(64, 'A'), "sha256:../" + kHexA.substr(3)})
    EXPECT_EQ(digest_hex(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace sluice
