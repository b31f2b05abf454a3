#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/sha256.h"
#include "base/uuid.h"

namespace sluice {
namespace {

using testing::ElementsAre;

TEST(Text, SwappedNeighboursAreOneMistake) {
  const std::vector<std::string> verbs{"run", "logs", "list"};
  EXPECT_EQ(closest("rnu", verbs), "run");
  EXPECT_EQ(closest("lgos", verbs), "logs");
  EXPECT_EQ(closest("nur", verbs), "");
}

TEST(Text, SplitKeepsEmptyParts) {
  EXPECT_THAT(split("a,b,,c,", ','), ElementsAre("a", "b", "", "c", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split("plain", ','), ElementsAre("plain"));
}

TEST(Text, JoinPutsTheSeparatorBetween) {
  const std::vector<std::string> parts{"a", "", "c"};
  EXPECT_EQ(join(parts, ", "), "a, , c");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(Text, TrimTakesBlanksFromBothEnds) {
  EXPECT_EQ(trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(trim(" \n "), "");
  EXPECT_EQ(trim(""), "");
}

TEST(Text, ReplaceAllDoesNotReadWhatItWrote) {
  EXPECT_EQ(replace_all("aXbX", "X", "XX"), "aXXbXX");
  EXPECT_EQ(replace_all("abc", "b", ""), "ac");
  EXPECT_EQ(replace_all("abc", "", "-"), "abc") << "nothing is nowhere, not everywhere";
}

TEST(Text, LowerLeavesOtherBytesAlone) { EXPECT_EQ(lower("ÀBC-Z_9"), "Àbc-z_9"); }

TEST(Text, ClosestFindsATypingMistake) {
  const std::vector<std::string> names{"n_estimators", "max_depth", "min_accuracy", "x"};
  EXPECT_EQ(closest("n_estimator", names), "n_estimators");
  EXPECT_EQ(closest("max_dept", names), "max_depth");
  EXPECT_EQ(closest("maxdepth", names), "max_depth");
  EXPECT_EQ(closest("learning_rate", names), "");
  EXPECT_EQ(closest("y", names), "") << "every letter differs";
  EXPECT_EQ(closest("", names), "");
  EXPECT_EQ(closest("max_depth", {}), "");
  EXPECT_EQ(closest(std::string(1'000'000, 'a'), std::vector{std::string(1'000'000, 'b')}), "") << "and does not take hours";
  EXPECT_EQ(did_you_mean("max_depht", names), "; did you mean 'max_depth'?");
  EXPECT_EQ(did_you_mean("learning_rate", names), "");
}

TEST(Text, BytesAreWrittenForPeople) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(5.0 * 1024 * 1024 * 1024), "5.0 GiB");
  EXPECT_EQ(format_bytes(4096.0 * 1024 * 1024 * 1024 * 1024), "4096.0 TiB");
}

TEST(Uuid, ReadsBothSpellingsInEitherCase) {
  const auto uuid = Uuid::parse("01234567-89ab-CDEF-0123-456789abcdef");
  ASSERT_TRUE(uuid);
  EXPECT_EQ(uuid->text(), "01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_EQ(uuid->hex(), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(Uuid::parse(uuid->hex()), uuid);
  EXPECT_EQ(Uuid::parse(Uuid{}.text()), Uuid{});
}

TEST(Uuid, RefusesAnythingElse) {
  for (const char* text : {"", "0123", "0123456789abcdef0123456789abcdeg", "01234567-89ab-cdef-0123-456789abcde",
                           "01234567089ab-cdef-0123-456789abcdef", "0123456-789ab-cdef-0123-456789abcdef",
                           "01234567-89ab-cdef-0123-456789abcdef0", "------------------------------------"})
    EXPECT_FALSE(Uuid::parse(text)) << text;
}

TEST(Uuid, RandomBytesBecomeVersionFour) {
  std::array<std::uint8_t, 16> bytes{};
  EXPECT_EQ(Uuid::from_random(bytes).text(), "00000000-0000-4000-8000-000000000000");
  bytes.fill(0xFF);
  EXPECT_EQ(Uuid::from_random(bytes).text(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

TEST(Sha256, AnswersTheVectorsOfTheStandard) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 hash;
  for (int i = 0; i < 1000; ++i) hash.update(std::string(1000, 'a'));
  EXPECT_EQ(hash.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, SecretsAreEqualOrNot) {
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_TRUE(same_secret("token", "token"));
  EXPECT_FALSE(same_secret("token", "tokem"));
  EXPECT_FALSE(same_secret("token", "toke"));
}

TEST(Text, WholeNumbersAreDigitsAndNothingElse) {
  EXPECT_EQ(parse_integer("0"), 0);
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_EQ(parse_integer("9223372036854775807"), 9'223'372'036'854'775'807);
  for (const char* text : {"", "-", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808"})
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
}

TEST(Text, APathHasALastName) {
  EXPECT_EQ(base_name("root/loop[0]/double"), "double");
  EXPECT_EQ(base_name("root"), "root");
  EXPECT_EQ(base_name("a/"), "");
}

}  // namespace
}  // namespace sluice
