#include "spec/install.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Words = std::vector<std::string>;

constexpr const char* kRun =
    "program_path=$(mktemp -d)\n\nprintf \"%s\" \"$0\" > \"$program_path/ephemeral_component.py\"\n"
    "_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main                         --component_module_path                         "
    "\"$program_path/ephemeral_component.py\"                         \"$@\"\n";
constexpr const char* kPrelude =
    "\nif ! [ -x \"$(command -v pip)\" ]; then\n    python3 -m ensurepip || python3 -m ensurepip --user || apt-get install "
    "python3-pip\nfi\n\n";
constexpr const char* kPip = "python3 -m pip install --quiet --no-warn-script-location ";
constexpr const char* kKfp = "'kfp==2.14.6' '--no-deps' 'typing-extensions>=3.7.4,<5; python_version<\"3.9\"' ";

Words command(const std::string& pip_lines) {
  const std::string install = std::string(kPrelude) + "PIP_DISABLE_PIP_VERSION_CHECK=1 " + pip_lines + "&& \"$0\" \"$@\"\n";
  return {"sh", "-c", install, "sh", "-ec", kRun, "def f(): pass"};
}
std::optional<PythonInstall> pip(const std::string& packages) {
  return recognise_python(command(std::string(kPip) + packages + " "));
}

TEST(Install, TheSdksOwnPackagesAreInstalledWithoutDependencies) {
  const auto install = recognise_python(command(std::string(kPip) + kKfp));
  ASSERT_TRUE(install);
  EXPECT_THAT(install->requirements, ElementsAre("kfp==2.14.6", "typing-extensions>=3.7.4,<5; python_version<\"3.9\""));
  EXPECT_EQ(install->no_deps, install->requirements);
  EXPECT_THAT(install->index_options, IsEmpty());
  EXPECT_EQ(install->argv_skip, 3U);
}

TEST(Install, UserPackagesKeepTheirOrderAndTheirDependencies) {
  const auto install = recognise_python(
      command(std::string(kPip) + "'zlib-ng' 'numpy>=1.26,<3' 'a @ git+https://host.example/a.git@v1' './local pkg.whl' && " +
              kPip + kKfp));
  ASSERT_TRUE(install);
  EXPECT_THAT(install->requirements,
              ElementsAre("zlib-ng", "numpy>=1.26,<3", "a @ git+https://host.example/a.git@v1", "./local pkg.whl", "kfp==2.14.6",
                          "typing-extensions>=3.7.4,<5; python_version<\"3.9\""));
  EXPECT_THAT(install->no_deps, ElementsAre("kfp==2.14.6", "typing-extensions>=3.7.4,<5; python_version<\"3.9\""));
}

// SDK 2.4 to 2.6 install themselves first; older ones in one line with the user's packages.
TEST(Install, OlderSdksAreRecognised) {
  const auto kfp_first = recognise_python(command(std::string(kPip) + kKfp + " &&  " + kPip + "'pandas' "));
  ASSERT_TRUE(kfp_first);
  EXPECT_EQ(kfp_first->requirements.back(), "pandas");
  EXPECT_EQ(kfp_first->no_deps.size(), 2U);
  const auto one_line = pip("'pandas' 'kfp==2.0.1'");
  ASSERT_TRUE(one_line);
  EXPECT_THAT(one_line->requirements, ElementsAre("pandas", "kfp==2.0.1"));
  EXPECT_THAT(one_line->no_deps, IsEmpty());
}

TEST(Install, IndexOptionsAreTakenOnce) {
  const std::string options =
      "--index-url https://a.example/simple --extra-index-url https://b.example/simple --trusted-host a.example ";
  const auto install = recognise_python(command(kPip + options + "'yapf' && " + kPip + options + kKfp));
  ASSERT_TRUE(install);
  EXPECT_THAT(install->index_options, ElementsAre("--index-url", "https://a.example/simple", "--extra-index-url",
                                                  "https://b.example/simple", "--trusted-host", "a.example"));
  const auto in_one_word = pip("'torch' '--extra-index-url=https://c.example/cpu'");
  ASSERT_TRUE(in_one_word);
  EXPECT_THAT(in_one_word->index_options, ElementsAre("--extra-index-url", "https://c.example/cpu"));
}

TEST(Install, AVirtualEnvironmentOfTheSdksIsPartOfTheInstallStage) {
  const auto install =
      recognise_python(command(std::string(kPip) +
                               "'yapf'  &&  \nexport PIP_DISABLE_PIP_VERSION_CHECK=1\ntmp=$(mktemp -d)\n"
                               "python3 -m venv \"$tmp/venv\" --system-site-packages\n. \"$tmp/venv/bin/activate\"\n " +
                               kPip + kKfp));
  ASSERT_TRUE(install);
  EXPECT_EQ(install->requirements.front(), "yapf");
  EXPECT_EQ(install->requirements.size(), 3U);
}

// The SDK writes repr(package): double quotes around a package that holds single ones.
TEST(Install, QuotesAreReadAsTheShellReadsThem) {
  const auto install = pip("\"a; python_version<'3.9'\" 'b'\"c\" d==1.0");
  ASSERT_TRUE(install);
  EXPECT_THAT(install->requirements, ElementsAre("a; python_version<'3.9'", "bc", "d==1.0"));
}

TEST(Install, NothingToInstallIsRecognisedToo) {
  const auto install = recognise_python(Words{"sh", "-ec", kRun, "def f(): pass"});
  ASSERT_TRUE(install);
  EXPECT_THAT(install->requirements, IsEmpty());
  EXPECT_EQ(install->argv_skip, 0U);
}

TEST(Install, WhatItDoesNotUnderstandIsLeftToRunAsItIs) {
  EXPECT_FALSE(pip("-r requirements.txt"));
  EXPECT_FALSE(pip("'--pre' 'a'"));
  EXPECT_FALSE(pip("'a' --index-url"));
  EXPECT_FALSE(pip("\"$PACKAGES\""));
  EXPECT_FALSE(pip("`packages`"));
  EXPECT_FALSE(pip("a; rm -rf x"));
  EXPECT_FALSE(pip("'a' || true"));
  EXPECT_FALSE(pip("'a' && && 'b'"));
  EXPECT_FALSE(pip("a>1"));
  EXPECT_FALSE(pip("'unclosed"));
  EXPECT_FALSE(pip("''"));
  EXPECT_FALSE(pip(""));
  EXPECT_FALSE(recognise_python(command(std::string("apt-get update\n") + kPip + kKfp)));
  Words no_run = command(std::string(kPip) + kKfp);
  no_run[2] = replace_all(no_run[2], "&& \"$0\" \"$@\"", "");
  EXPECT_FALSE(recognise_python(no_run));
}

TEST(Install, OtherCommandsAreNotPythonComponents) {
  EXPECT_FALSE(recognise_python({}));
  EXPECT_FALSE(recognise_python(Words{"python3", "-m", "kfp.dsl.executor_main"}));
  EXPECT_FALSE(recognise_python(Words{"sh", "-c", "echo \"$0\"", "kfp.dsl.executor_main"}));
  EXPECT_FALSE(recognise_python(Words{"sh", "-ec", "python3 train.py", "x"}));
  Words other_run = command(std::string(kPip) + kKfp);
  other_run[5] += "; echo done";
  EXPECT_FALSE(recognise_python(other_run));
}

}  // namespace
}  // namespace sluice
