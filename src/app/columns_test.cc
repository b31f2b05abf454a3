#include "app/columns.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

TEST(Columns, CountsWhatATerminalShows) {
  EXPECT_EQ(columns_of(""), 0);
  EXPECT_EQ(columns_of("train"), 5);
  EXPECT_EQ(columns_of("Größe"), 5);
  EXPECT_EQ(columns_of("训练"), 4);
  EXPECT_EQ(columns_of("e\xCC\x81"), 1) << "a letter and its combining accent";
  EXPECT_EQ(columns_of("🚀"), 2);
  EXPECT_EQ(columns_of("\x1b[31mred\x1b[0m"), 3);
  EXPECT_EQ(columns_of("✓ ● … ✗"), 7);
}

TEST(Columns, ABrokenByteTakesOneColumnAndNothingIsReadBehindTheEnd) {
  EXPECT_EQ(columns_of("\xFF\xFE"), 2);
  EXPECT_EQ(columns_of("a\xE8\xAE"), 3) << "a character cut in the middle";
  EXPECT_EQ(columns_of("\x1b"), 0);
  EXPECT_EQ(columns_of("\x1b[3"), 0);
}

TEST(Columns, ClippedLinesEndWithAnEllipsisWithinTheWidth) {
  EXPECT_EQ(clip_columns("train", 5), "train");
  EXPECT_EQ(clip_columns("training", 5), "trai…");
  EXPECT_EQ(clip_columns("训练模型", 5), "训练…");
  EXPECT_EQ(clip_columns("训练模型", 6), "训练…") << "half a character cannot be shown";
  EXPECT_EQ(clip_columns("training", 1), "…");
  EXPECT_EQ(clip_columns("training", 0), "…");
  for (int width = 1; width < 12; ++width) EXPECT_LE(columns_of(clip_columns("a训b练c模d型e", width)), width);
}

TEST(Columns, ColoursEndWhereALineIsCut) {
  EXPECT_EQ(clip_columns("\x1b[31mtraining\x1b[0m", 5), "\x1b[31mtrai…\x1b[0m");
  EXPECT_EQ(clip_columns("\x1b[31mtrain\x1b[0m", 5), "\x1b[31mtrain\x1b[0m");
}

TEST(Columns, PadsByColumns) {
  EXPECT_EQ(pad_columns("训练", 6), "训练  ");
  EXPECT_EQ(pad_columns_left("0.1s", 6), "  0.1s");
  EXPECT_EQ(pad_columns("longer", 3), "longer");
}

TEST(Columns, OneLineIsHarmlessOnATerminal) {
  EXPECT_EQ(one_line("first\nsecond"), "first");
  EXPECT_EQ(one_line("a\tb\x07"
                     "c"),
            "a b c");
  EXPECT_EQ(one_line("\x1b[2J\x1b[31mred\x1b[0m"), "red");
  EXPECT_EQ(one_line("50%\r60%"), "50%60%");
  EXPECT_EQ(one_line("bad \xFF byte"), "bad ? byte");
  EXPECT_EQ(one_line("\xC2\x9B"
                     "31m"),
            " 31m")
      << "a C1 control is an escape too";
}

TEST(Columns, TablesLineUpAndHaveNoSpacesAtTheEnds) {
  EXPECT_EQ(table({{"NAME", "STATE"}, {"训练", "OK"}, {"x", ""}}), "NAME  STATE\n训练  OK\nx\n");
  EXPECT_EQ(table({}), "");
}

}  // namespace
}  // namespace sluice
