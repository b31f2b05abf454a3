#include "exec/warm_variables.h"

#include <gtest/gtest.h>

namespace sluice {
namespace {

const std::vector<std::string> kPackages{"PANDAS", "MLFLOW", "KFP", "SKLEARN"};

TEST(WarmVariables, WhatAnInterpreterOrAModuleReadsWhenItStartsNeedsAWorkerOfItsOwn) {
  for (const char* name : {"PYTHONUNBUFFERED", "PYTHONHASHSEED", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                           "NUMEXPR_MAX_THREADS", "LD_PRELOAD", "LC_ALL", "LANG", "HOME", "MALLOC_ARENA_MAX", "MPLBACKEND",
                           "TF_CPP_MIN_LOG_LEVEL", "CUDA_LAUNCH_BLOCKING", "MLFLOW_DISABLE_TELEMETRY", "SKLEARN_ASSUME_FINITE"})
    EXPECT_EQ(effect_of(name, kPackages), VariableEffect::kAtStart) << name;
}

TEST(WarmVariables, WhatIsReadWhenItIsUsedIsSetInTheProcessOfTheStep) {
  for (const char* name : {"PATH", "TZ", "TMPDIR", "KFP_POD_NAME", "SLUICE_ATTEMPT", "HTTPS_PROXY", "MY_SETTING", "API_KEY", "_X",
                           "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "CUDA_VISIBLE_DEVICES", "X"})
    EXPECT_EQ(effect_of(name, kPackages), VariableEffect::kAnytime) << name;
}

TEST(WarmVariables, ThePrefixOfAPackageCountsOnlyWhereItIsImportedAhead) {
  EXPECT_EQ(effect_of("PANDAS_COPY_ON_WRITE", kPackages), VariableEffect::kAtStart);
  EXPECT_EQ(effect_of("PANDAS_COPY_ON_WRITE", {}), VariableEffect::kAnytime);
}

TEST(WarmVariables, WhereModulesComeFromIsNothingForAFork) {
  using Env = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(cold_variable(Env{{"A", "1"}, {"PYTHONPATH", "/src"}}), "PYTHONPATH");
  EXPECT_EQ(cold_variable(Env{{"PYTHONHOME", "/usr"}}), "PYTHONHOME");
  EXPECT_EQ(cold_variable(Env{{"PYTHONUNBUFFERED", "1"}}), "");
}

TEST(WarmVariables, AWorkerServesThoseWhoseStartWouldHaveBeenTheSame) {
  const Variables started{{"OMP_NUM_THREADS", "1"}};
  EXPECT_TRUE(can_serve(started, {{"OMP_NUM_THREADS", "1"}, {"API_KEY", "a"}}, kPackages));
  EXPECT_FALSE(can_serve(started, {{"OMP_NUM_THREADS", "2"}}, kPackages));
  EXPECT_FALSE(can_serve(started, {}, kPackages)) << "it was started with a variable that the step has not";
  EXPECT_FALSE(can_serve({}, {{"OMP_NUM_THREADS", ""}}, kPackages)) << "empty is not absent";
  EXPECT_FALSE(can_serve({}, {{"PANDAS_X", "1"}}, kPackages));
}

TEST(WarmVariables, OfAVariableThatIsSetTwiceTheLastOneCounts) {
  const std::vector<std::pair<std::string, std::string>> env{{"A", "1"}, {"A", "2"}};
  EXPECT_EQ(variables_of(env), (Variables{{"A", "2"}}));
}

}  // namespace
}  // namespace sluice
