#include "plan/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

EnvironmentRequest request(const PythonInstall& install, std::string_view sdk_version = "kfp-2.17.0") {
  return environment_request(install, sdk_version, "/usr/bin/python3.11", "3.11.7");
}

TEST(Environment, RequirementsAreTrimmedSortedAndWithoutDoubles) {
  const auto out =
      request({.requirements = {" pandas==2.0 ", "kfp==2.18.0", "numpy", "pandas==2.0", "", "typing-extensions>=3.7"},
               .no_deps = {"typing-extensions>=3.7 ", "kfp==2.18.0", "kfp==2.18.0", "elsewhere"},
               .index_options = {"--index-url", "https://b", "--extra-index-url", "https://a"}});
  EXPECT_THAT(out.requirements, ElementsAre("kfp==2.18.0", "numpy", "pandas==2.0", "typing-extensions>=3.7"));
  EXPECT_THAT(out.no_deps, ElementsAre("kfp==2.18.0", "typing-extensions>=3.7"));
  // Their order decides where a package comes from.
  EXPECT_THAT(out.index_options, ElementsAre("--index-url", "https://b", "--extra-index-url", "https://a"));
  EXPECT_EQ(out.interpreter, "/usr/bin/python3.11");
  EXPECT_EQ(out.interpreter_version, "3.11.7");
}

TEST(Environment, TheExecutorOfTheSdkIsAddedWhereNothingInstallsIt) {
  EXPECT_THAT(request({}).requirements, ElementsAre("kfp==2.17.0"));
  EXPECT_THAT(request({}).no_deps, ElementsAre("kfp==2.17.0"));
  EXPECT_THAT(request({.requirements = {"numpy"}}).requirements, ElementsAre("kfp==2.17.0", "numpy"));
  EXPECT_THAT(request({.requirements = {"kfp-kubernetes", "kfpx"}}).requirements,
              ElementsAre("kfp-kubernetes", "kfp==2.17.0", "kfpx"));
  EXPECT_THAT(request({}, "kfp-2.0.0-beta.13").requirements, ElementsAre("kfp==2.0.0-beta.13"));
  for (const char* unknown : {"", "2.17.0", "kfp-", "kfp-2.17.0; import os", "kfp-dev", "tfx-1.2"})
    EXPECT_THAT(request({}, unknown).requirements, ElementsAre("kfp")) << unknown;
}

TEST(Environment, AnOldExecutorThatTheSdkPinnedIsLifted) {
  const auto kfp_for = [](const PythonInstall& install, const char* python) {
    return environment_request(install, "kfp-2.9.0", "/usr/bin/python3", python).requirements;
  };
  const PythonInstall pinned{.requirements = {"kfp==2.14.3"}, .no_deps = {"kfp==2.14.3"}};
  EXPECT_THAT(kfp_for(pinned, "3.11.7"), ElementsAre("kfp==2.17.0"));
  EXPECT_THAT(kfp_for(pinned, "3.8.1"), ElementsAre("kfp==2.14.3"));
  EXPECT_THAT(kfp_for({}, "3.11.7"), ElementsAre("kfp==2.17.0"));
  EXPECT_THAT(kfp_for({.requirements = {"kfp==2.14.3"}}, "3.11.7"), ElementsAre("kfp==2.14.3"));
  EXPECT_THAT(kfp_for({.requirements = {"kfp==2.18.1"}, .no_deps = {"kfp==2.18.1"}}, "3.11.7"), ElementsAre("kfp==2.18.1"));
  EXPECT_THAT(kfp_for({.requirements = {"kfp==1.8.22"}, .no_deps = {"kfp==1.8.22"}}, "3.11.7"), ElementsAre("kfp==1.8.22"));
}

TEST(Environment, KfpIsRecognisedHoweverItIsWritten) {
  for (const char* kfp :
       {"kfp", "KFP==2.9.0", "kfp>=2", " kfp", "kfp[all]==2.9", "kfp @ git+https://example.org/x", "kfp; python_version<'4'",
        "git+https://github.com/kubeflow/pipelines.git@master#egg=kfp&subdirectory=sdk/python",
        "git+https://github.com/kubeflow/pipelines#subdirectory=sdk/python", "./dist/kfp-2.17.0-py3-none-any.whl",
        "https://example.org/kfp-2.9.0.tar.gz#sha256=00"}) {
    const auto out = request({.requirements = {kfp}});
    EXPECT_EQ(out.requirements.size(), 1) << kfp;
    EXPECT_THAT(out.no_deps, IsEmpty()) << kfp;
  }
}

TEST(Environment, TheKeyCoversEverythingAndOnlyThat) {
  const PythonInstall install{.requirements = {"kfp==2.9.0", "numpy"}, .index_options = {"--index-url", "https://a"}};
  const EnvironmentRequest base = request(install);
  EXPECT_THAT(base.key(), testing::MatchesRegex("[0-9a-f]{64}"));
  PythonInstall same = install;
  same.requirements = {"numpy ", "kfp==2.9.0", "numpy"};
  same.argv_skip = 3;
  EXPECT_EQ(request(same, "kfp-1.0").key(), base.key());

  std::set<std::string> keys{base.key()};
  const auto differs = [&](auto change) {
    EnvironmentRequest other = base;
    change(other);
    EXPECT_TRUE(keys.insert(other.key()).second);
  };
  differs([](auto& r) { r.interpreter = "/usr/bin/python3.12"; });
  differs([](auto& r) { r.interpreter_version = "3.11.8"; });
  differs([](auto& r) { r.requirements = {"kfp==2.9.0numpy"}; });
  differs([](auto& r) { r.requirements = {"kfp==2.9.0\",\"numpy"}; });
  differs([](auto& r) { r.no_deps = {"numpy"}; });
  differs([](auto& r) { r.index_options = {"--index-url", "https://b"}; });
  differs([](auto& r) { std::swap(r.requirements, r.index_options); });
}

TEST(Images, ArePythonHostOrOther) {
  const std::vector<std::tuple<std::string, ImageKind, std::string>> rows{
      {"python:3.10-slim", ImageKind::kPython, "3.10"},
      {"python:3.11", ImageKind::kPython, "3.11"},
      {"python:3.7", ImageKind::kPython, "3.7"},
      {"python:3.12.4-slim-bookworm", ImageKind::kPython, "3.12"},
      {"python:3.13-rc", ImageKind::kPython, "3.13"},
      {"python:2.7", ImageKind::kPython, "2.7"},
      {"python:3", ImageKind::kPython, ""},
      {"python:3.", ImageKind::kPython, ""},
      {"python:3-slim", ImageKind::kPython, ""},
      {"python:latest", ImageKind::kPython, ""},
      {"python", ImageKind::kPython, ""},
      {"library/python:3.12", ImageKind::kPython, "3.12"},
      {"docker.io/library/python:3.9@sha256:0123", ImageKind::kPython, "3.9"},
      {"localhost:5000/python", ImageKind::kPython, ""},
      {"localhost:5000/python:3.9", ImageKind::kPython, "3.9"},
      {"ubi9/python-311:latest", ImageKind::kPython, "3.11"},
      {"registry.access.redhat.com/ubi8/python-39:1-77", ImageKind::kPython, "3.9"},
      {"ubi9/python-312:9.5", ImageKind::kPython, "3.12"},
      {"acme/python3.9-torch:2.1", ImageKind::kPython, "3.9"},
      {"acme/python-3:20", ImageKind::kPython, ""},
      {"acme/python-2024:latest", ImageKind::kPython, ""},
      {"acme/my-python-app:1.4", ImageKind::kPython, ""},
      {"Acme/Python:3.10", ImageKind::kPython, "3.10"},
      {"python.example.com/tool:3.9", ImageKind::kOther, ""},
      {"alpine", ImageKind::kHost, ""},
      {"alpine:3.23", ImageKind::kHost, ""},
      {"alpine:latest", ImageKind::kHost, ""},
      {"busybox:1.36", ImageKind::kHost, ""},
      {"containerd/busybox", ImageKind::kHost, ""},
      {"library/bash", ImageKind::kHost, ""},
      {"ghcr.io/acme/debian:12@sha256:00", ImageKind::kHost, ""},
      {"localhost:5000/ubuntu", ImageKind::kHost, ""},
      {"byrnedo/alpine-curl@sha256:548379d0a4a0c08b9e55d9d87a592b7d35d9ab3037f4936f5ccd09d0b625a342", ImageKind::kOther, ""},
      {"google/cloud-sdk:slim", ImageKind::kOther, ""},
      {"google/cloud-sdk", ImageKind::kOther, ""},
      {"ml-pipeline/google-cloud-pipeline-components:2.22.0", ImageKind::kOther, ""},
      {"argostub/createpvc", ImageKind::kOther, ""},
      {"dummy", ImageKind::kOther, ""},
      {"alpine/git", ImageKind::kOther, ""},
      {"{{$.inputs.parameters['python_image']}}", ImageKind::kOther, ""},
      {"", ImageKind::kOther, ""},
      {":", ImageKind::kOther, ""},
      {"@", ImageKind::kOther, ""},
      {"/", ImageKind::kOther, ""},
  };
  for (const auto& [image, kind, version] : rows) {
    EXPECT_EQ(image_kind(image), kind) << image;
    EXPECT_EQ(image_python_version(image), version) << image;
  }
}

}  // namespace
}  // namespace sluice
