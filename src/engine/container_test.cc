#include "engine/container.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "engine/test_engine.h"

namespace sluice {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string line_of(const ContainerCall& call) { return join(container_argv(call), " "); }

TEST(Container, ACommandRunsInItsImageWithItsPathsInPlace) {
  EXPECT_EQ(line_of({.engine = "podman",
                     .name = "sluice-r-1-1",
                     .image = "trainer:1",
                     .command = {"sh", "-c"},
                     .args = {"echo $0", "x"},
                     .directory = "/d/a.1",
                     .mounts = {{"/d/a.1", "/d/a.1"}, {"/d/a.1.mounts/0", "/etc/s", true}},
                     .env = {{"A", "b=c"}},
                     .inherited = {"TOKEN", "SLUICE_ATTEMPT"}}),
            "podman run --rm --name sluice-r-1-1 --network host -v /d/a.1:/d/a.1 -v /d/a.1.mounts/0:/etc/s:ro -e TOKEN "
            "-e SLUICE_ATTEMPT -e A=b=c --workdir /d/a.1 --entrypoint sh trainer:1 -c echo $0 x");
}

TEST(Container, WithoutACommandTheImagesOwnRuns) {
  const std::string line = line_of({.engine = "docker", .name = "n", .image = "i", .args = {"--epochs", "3"}, .directory = "/d"});
  EXPECT_THAT(line, Not(HasSubstr("--entrypoint")));
  EXPECT_THAT(line, HasSubstr("--workdir /d i --epochs 3"));
}

TEST(Container, LimitsGpusAndWhoItRunsAs) {
  ContainerCall call{
      .engine = "podman", .name = "n", .image = "i", .memory_bytes = 1 << 20, .cpu_milli = 1050, .gpus = 2, .uid = 7};
  EXPECT_THAT(line_of(call), HasSubstr("--userns=keep-id --user 7:0 --memory 1048576 --cpus 1.05 --device nvidia.com/gpu=all"));
  call.engine = "docker";
  call.cpu_milli = 2000;
  EXPECT_THAT(line_of(call), HasSubstr("--network host --user 7:0 --memory 1048576 --cpus 2 --gpus all"));
}

TEST(Container, ItsNameIsThatOfTheAttempt) { EXPECT_EQ(container_name("8f0e/17/2"), "sluice-8f0e-17-2"); }

TEST(Container, TheEngineIsTheFirstThatAnswers) {
  TestFolder folder;
  const auto engine_with = [&](const std::string& path) {
    const ScopedVariable variable("PATH", path);
    return container_engine().value_or("none");
  };
  folder.write_script("none/true", "#!/bin/sh\n");
  folder.write_script("broken/podman", "#!/bin/sh\nexit 125\n");
  folder.write_script("broken/docker", "#!/bin/sh\ntest \"$1\" = info\n");
  folder.write_script("both/podman", "#!/bin/sh\nexit 0\n");
  folder.write_script("both/docker", "#!/bin/sh\nexit 0\n");
  EXPECT_EQ(engine_with(folder.path() + "/none"), "none");
  EXPECT_EQ(engine_with(folder.path() + "/broken"), "docker");
  EXPECT_EQ(engine_with(folder.path() + "/both"), "podman");
}

}  // namespace
}  // namespace sluice
