#include "app/reader_pool.h"

#include <gtest/gtest.h>

#include "app/test_world.h"

namespace sluice {
namespace {

class Readers : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(open_sqlite_store({.path = path})); }
  ScratchFolder folder;
  const std::string path = folder.path() + "/sluice.db";
};

TEST_F(Readers, AreLentToOneAtATimeAndLentAgain) {
  ReaderPool pool(path);
  RunStore* first = nullptr;
  {
    const auto one = pool.lend(), two = pool.lend();
    ASSERT_TRUE(one && two);
    EXPECT_NE(one->get(), two->get());
    first = one->get();
  }
  const auto again = pool.lend(), other = pool.lend();
  ASSERT_TRUE(again && other);
  EXPECT_TRUE(again->get() == first || other->get() == first);
  EXPECT_TRUE((*again)->list({}, {}));
}

TEST_F(Readers, MayOutliveTheirPool) {
  auto pool = std::make_unique<ReaderPool>(path);
  auto reader = pool->lend();
  ASSERT_TRUE(reader);
  pool.reset();
  EXPECT_TRUE((*reader)->list({}, {}));
}

TEST_F(Readers, ADatabaseThatIsNotThereIsAnError) {
  ReaderPool pool(folder.path() + "/nowhere.db");
  EXPECT_FALSE(pool.lend());
}

}  // namespace
}  // namespace sluice
