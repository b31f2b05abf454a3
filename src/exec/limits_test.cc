#include "exec/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "base/check.h"
#include "exec/machine.h"
#include "exec/small_files.h"
#include "exec/supervisor_fixture.h"

namespace sluice {
namespace {

using testing::HasSubstr;

constexpr const char* kV1Mounts =
    "25 20 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "26 25 0:23 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "27 25 0:24 / /sys/fs/cgroup/memory rw,relatime shared:5 - cgroup cgroup rw,memory\n"
    "28 25 0:25 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

TEST(CgroupPlaces, OfTheFirstVersionAreFoundByController) {
  const auto places = cgroup_places("4:memory:/jobs/a\n2:cpu,cpuacct:/\n0::/\n", kV1Mounts);
  EXPECT_EQ(places.memory, "/sys/fs/cgroup/memory/jobs/a");
  EXPECT_EQ(places.cpu, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_FALSE(places.v2);
}

TEST(CgroupPlaces, OfTheSecondVersionAreOne) {
  const auto places = cgroup_places("0::/user.slice/app.scope\n", "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  EXPECT_EQ(places.memory, "/sys/fs/cgroup/user.slice/app.scope");
  EXPECT_EQ(places.cpu, places.memory);
  EXPECT_TRUE(places.v2);
}

TEST(CgroupPlaces, AMountMayShowOnlyAPartOfTheTree) {
  const char* const mounts = "30 20 0:26 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n";
  EXPECT_EQ(cgroup_places("4:memory:/docker/abc/x\n", mounts).memory, "/sys/fs/cgroup/memory/x");
  EXPECT_EQ(cgroup_places("4:memory:/docker/abc\n", mounts).memory, "/sys/fs/cgroup/memory");
  EXPECT_EQ(cgroup_places("4:memory:/elsewhere\n", mounts).memory, "");
  EXPECT_EQ(cgroup_places("0::/../x\n", "30 20 0:26 / /c rw - cgroup2 cgroup2 rw\n").memory, "");
}

TEST(CgroupPlaces, WhatCannotBeReadIsNoPlace) {
  for (const char* text : {"", "\n\n", "a", "4:memory", "4:memory:/x\n"}) {
    const auto places = cgroup_places(text, "garbage - cgroup\n1 2 3 - cgroup cgroup memory\n");
    EXPECT_EQ(places.memory + places.cpu, "") << text;
  }
}

TEST(Machine, MemoryIsReadFromTheKernelsText) {
  EXPECT_EQ(memory_total("MemTotal:       16384 kB\nMemFree: 1 kB\n"), 16384LL * 1024);
  for (const char* text :
       {"", "MemTotal:\n", "MemTotal: kB", "MemTotal: -5 kB\n", "MemTotal: 99999999999999999999 kB\n", "MemFree: 5 kB\n"})
    EXPECT_EQ(memory_total(text), 0) << text;
  EXPECT_GE(this_machine().cpus, 1);
  EXPECT_GT(this_machine().memory_bytes, 0);
}

// A child in a session of its own that holds so much memory, and waits.
class Hog {
 public:
  explicit Hog(std::size_t bytes) {
    std::array<int, 2> ready{};
    SLUICE_CHECK(::pipe(ready.data()) == 0);
    pid = ::fork();
    if (pid == 0) {
      ::setsid();
      void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      std::memset(memory, 1, bytes);
      SLUICE_CHECK(::write(ready[1], "x", 1) == 1);
      ::pause();
      ::_exit(0);
    }
    char byte = 0;
    SLUICE_CHECK(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Hog() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  Hog(const Hog&) = delete;
  Hog& operator=(const Hog&) = delete;

  pid_t pid = -1;
};

TEST(AttemptLimit, WithoutCgroupsTheMemoryOfTheSessionIsWatched) {
  const Hog hog(64U << 20U);
  AttemptLimit enough({.memory_bytes = 1LL << 40U}, {});
  EXPECT_EQ(enough.look_every_ms(), 20);
  EXPECT_FALSE(enough.look(hog.pid));
  EXPECT_GE(enough.peak_bytes(), 64LL << 20U);
  AttemptLimit little({.memory_bytes = 32LL << 20U}, {});
  EXPECT_TRUE(little.look(hog.pid));
  EXPECT_TRUE(little.is_over());
}

class Limits : public SupervisorTest {
 protected:
  // `tail` keeps a line that does not end: so many bytes.
  AttemptSpec eater(int mib, std::int64_t limit_mib, const std::string& after = "") {
    AttemptSpec spec = shell("head -c " + std::to_string(mib) + "M /dev/zero | tail -n 1 >/dev/null" + after);
    spec.memory_bytes = limit_mib << 20U;
    return spec;
  }
  int groups_of_supervisor() const {
    int count = 0;
    for (const std::string& place : {usable_cgroups().memory, usable_cgroups().cpu})
      for (const auto& entry : place.empty() ? std::vector<std::filesystem::path>{} : folder_entries(place))
        count += entry.filename().string().starts_with("sluice-" + std::to_string(pid_) + ".") ? 1 : 0;
    return count;
  }
};

TEST_F(Limits, WhatUsesMoreMemoryThanItMayIsKilledAndSaysSo) {
  launch();
  const auto exit = run(eater(300, 100));
  EXPECT_NE(exit.exit_code, 0);
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_GE(exit.max_rss_bytes, 80LL << 20U);
  EXPECT_EQ(groups_of_supervisor(), 0);
}

TEST_F(Limits, WhatStaysBelowItsLimitEndsWell) {
  launch();
  const auto exit = run(eater(20, 200));
  EXPECT_EQ(exit.exit_code, 0);
  EXPECT_FALSE(exit.out_of_memory);
  EXPECT_GT(exit.max_rss_bytes, 0);
  EXPECT_LT(exit.max_rss_bytes, 200LL << 20U);
  EXPECT_EQ(groups_of_supervisor(), 0);
}

TEST_F(Limits, WhoeverWaitsForAKilledChildIsKilledToo) {
  launch();
  const auto exit = run(eater(300, 100, "; sleep 1000"));
  EXPECT_TRUE(exit.out_of_memory);
  EXPECT_EQ(exit.signal, SIGKILL);
}

TEST_F(Limits, AFailureOfItsOwnIsNoShortage) {
  launch();
  AttemptSpec spec = shell("exit 3");
  spec.memory_bytes = 100LL << 20U;
  spec.cpu_milli = 500;
  const auto exit = run(spec);
  EXPECT_EQ(exit.exit_code, 3);
  EXPECT_FALSE(exit.out_of_memory);
  AttemptSpec killed = shell("kill -KILL $$");
  EXPECT_FALSE(run(killed).out_of_memory) << "nobody but itself has killed it";
  EXPECT_EQ(groups_of_supervisor(), 0);
}

TEST_F(Limits, ACpuLimitHoldsWhereThereIsACgroup) {
  if (usable_cgroups().cpu.empty() || ::access(usable_cgroups().cpu.c_str(), W_OK) != 0) GTEST_SKIP() << "no cgroup of cpu here";
  launch();
  AttemptSpec spec = shell("cat /proc/self/cgroup");
  spec.cpu_milli = 250;
  start(spec);
  EXPECT_EQ(wait_exit(spec).exit_code, 0);
  EXPECT_THAT(output_of(spec), HasSubstr("sluice-" + std::to_string(pid_) + "."));
}

}  // namespace
}  // namespace sluice
