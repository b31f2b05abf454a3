#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/notify_targets.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string kOne = pipeline_text(step_line("a"));

TEST(Notify, AnEndIsMarkedInItsOwnCommitIfSomebodyAskedForIt) {
  EngineWorld world;
  const Uuid uuid = world.try_submit({.spec = kOne, .notify = "http://hook.example/x"}).value();
  world.settle();
  EXPECT_EQ(*world.row(uuid).options.find("notify"), Value(List{"http://hook.example/x"}));
  EXPECT_THAT(world.store.notices().value(), IsEmpty());
  world.hands->fail("a");
  world.settle();
  const auto notices = world.store.notices().value();
  ASSERT_EQ(notices.size(), 1U);
  EXPECT_EQ(notices[0].run, uuid);
  EXPECT_EQ(notices[0].seq, world.row(uuid).seq);
  EXPECT_TRUE(world.run_notices.back().notify);
}

TEST(Notify, NobodyIsToldUnasked) {
  EngineWorld world;
  world.submit(kOne);
  world.hands->succeed("a");
  world.settle();
  EXPECT_THAT(world.store.notices().value(), IsEmpty());
  EXPECT_FALSE(world.run_notices.back().notify);
}

TEST(Notify, SettingsNameTheEndsThatAreTold) {
  EngineWorld world({.notify_all = {RunState::kFailed}, .notify_own = {RunState::kFailed}});
  world.submit(kOne, 1);
  world.hands->succeed("a");
  world.settle();
  EXPECT_THAT(world.store.notices().value(), IsEmpty());
  world.submit(kOne, 2);
  world.hands->fail("a");
  world.settle();
  EXPECT_EQ(world.store.notices()->size(), 1U);
}

TEST(Notify, ARunKnowsAfterARestart) {
  EngineWorld world({.is_server = true});
  ASSERT_TRUE(world.try_submit({.spec = kOne, .notify = "http://hook.example/x"}).has_value());
  world.settle();
  world.forget_engine();
  ASSERT_TRUE(world.engine->recover().has_value());
  world.settle();
  world.hands->succeed("a");
  world.settle();
  EXPECT_EQ(world.store.notices()->size(), 1U);
}

TEST(Notify, WhatIsNoUrlIsRefused) {
  EngineWorld world;
  const auto errors_of = [&](const std::string& url) {
    RunContext context = new_run_context(world.dir, EngineWorld::uuid_of(1), world.clock.now());
    return prepare({.spec = kOne, .notify = url}, {}, std::move(context)).errors;
  };
  EXPECT_THAT(errors_of("http://a"), IsEmpty());
  for (const char* url : {"somebody", "ftp://a", "http://", "https:///path"}) {
    ASSERT_EQ(errors_of(url).size(), 1U) << url;
    EXPECT_THAT(errors_of(url)[0].message, HasSubstr(url));
  }
}

}  // namespace
}  // namespace sluice
