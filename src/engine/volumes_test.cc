#include "engine/volumes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/test_engine.h"

namespace sluice {
namespace {

using testing::HasSubstr;

class VolumesTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(dir_.create().has_value());
    spec_.input_parameters["pvc_name"] = {.type = ParameterType::kString, .optional = true};
    component_.spec = &spec_;
    component_.executor = &executor_;
  }
  Result<std::optional<VolumeTask>> task(const std::string& image, Struct inputs) {
    executor_.what = ContainerSpec{.image = image};
    return volume_task(component_, {.parameters = std::move(inputs)}, "run-id", TaskId{3});
  }
  std::string name_of(Struct inputs) {
    const auto found = task("argostub/createpvc", std::move(inputs));
    return found ? (*found)->name : "error: " + found.error().message;
  }
  std::string place(const std::string& name) const { return dir_.volumes() + "/" + name; }

  TestFolder folder_;
  DataDir dir_ = DataDir::at(folder_.path() + "/data").value();
  Component spec_;
  Executor executor_;
  PlanComponent component_;
};

TEST_F(VolumesTest, ItsImageSaysWhatATaskIs) {
  EXPECT_TRUE(is_volume_image("argostub/createpvc"));
  EXPECT_TRUE(is_volume_image("registry.example/argostub/deletepvc:1"));
  EXPECT_FALSE(is_volume_image("argostub/createpvc-extra"));
  EXPECT_FALSE(is_volume_image("notargostub/createpvc"));
  EXPECT_EQ(task("alpine", {}).value(), std::nullopt);
}

TEST_F(VolumesTest, ANewVolumeHasAGivenNameOrOneOfItsOwn) {
  EXPECT_EQ(name_of({{"pvc_name", "vol"}}), "vol");
  EXPECT_EQ(name_of({{"pvc_name_suffix", "-mine"}}), "run-id-3-mine");
  EXPECT_THAT(name_of({}), HasSubstr("one of pvc_name and pvc_name_suffix"));
  EXPECT_THAT(name_of({{"pvc_name", "a"}, {"pvc_name_suffix", "b"}}), HasSubstr("one of pvc_name and pvc_name_suffix"));
  EXPECT_THAT(name_of({{"pvc_name", "../etc"}}), HasSubstr("'../etc' cannot be the name of a volume"));
  EXPECT_THAT(name_of({{"pvc_name", ".removed-x"}}), HasSubstr("cannot be the name of a volume"));
  EXPECT_THAT(name_of({{"pvc_name", std::string(254, 'x')}}), HasSubstr("cannot be the name of a volume"));
  EXPECT_THAT(task("argostub/deletepvc", {}).error().message, HasSubstr("no volume is named"));
}

TEST_F(VolumesTest, ItIsMadeAndRemovedAndBothMayBeDoneAgain) {
  for (int time = 0; time < 2; ++time)
    EXPECT_EQ(carry_out_volume_task({.name = "vol"}, dir_, false).value().parameters.at("name"), Value("vol"));
  ASSERT_TRUE(std::filesystem::is_directory(place("vol")));
  folder_.write("data/volumes/vol/deep/file", "x");
  EXPECT_TRUE(carry_out_volume_task({.removes = true, .name = "vol"}, dir_, false).has_value());
  EXPECT_TRUE(std::filesystem::is_empty(dir_.volumes()));
  EXPECT_TRUE(carry_out_volume_task({.removes = true, .name = "vol"}, dir_, true).has_value());
  const auto gone = carry_out_volume_task({.removes = true, .name = "vol"}, dir_, false);
  EXPECT_EQ(gone.error().message, "there is no volume 'vol' to remove");
}

TEST_F(VolumesTest, APlaceInAVolumeStaysInIt) {
  EXPECT_EQ(volume_place(dir_, "vol", "a//b/./c").value().path, place("vol") + "/a/b/c");
  EXPECT_FALSE(volume_place(dir_, "vol", "").value().is_new);
  EXPECT_TRUE(volume_place(dir_, "other", "").value().is_new);
  EXPECT_THAT(volume_place(dir_, "vol", "a/../../b").error().message, HasSubstr("leads out of the volume 'vol'"));
}

}  // namespace
}  // namespace sluice
