#include "engine/attempt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/test_attempt.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class AttemptTest : public testing::Test, public AttemptWorld {
 protected:
  // A laid out attempt of `make` whose output folders are there.
  Attempt made() {
    Attempt attempt(order("make"), dir);
    EXPECT_TRUE(lay_out(attempt, objects).has_value());
    const auto spec = make_spec(attempt, "");
    EXPECT_TRUE(spec.has_value()) << spec.error().message;
    return attempt;
  }
  static void write(const std::string& path, std::string_view text) { std::ofstream(path) << text; }
  // What collect() says of `make` after it wrote `report` as its executor_output.json.
  Collected collect_report(const Attempt& attempt, std::string_view artifact) {
    write(attempt.outputs.executor_output,
          R"({"parameterValues": {"y": 1}, "artifacts": {"data": {"artifacts": [)" + std::string(artifact) + "]}}}");
    return collect(attempt, objects);
  }
  static std::string error_of(const Collected& collected) {
    return collected.outputs ? "none" : collected.outputs.error().message;
  }
  TaskData uri_is(const std::string& uri) const {
    TaskData inputs;
    inputs.parameters.emplace("uri", uri);
    return inputs;
  }
};

TEST_F(AttemptTest, EachAttemptHasADirectoryOfItsOwn) {
  Attempt attempt(order("plain", 17, 2), dir);
  EXPECT_EQ(attempt.id, uuid.text() + "/17/2");
  EXPECT_EQ(attempt.directory, dir.root() + "/runs/" + uuid.text() + "/17-plain.2");
  EXPECT_FALSE(attempt.has_outputs());
  ASSERT_TRUE(lay_out(attempt, objects).has_value());
  const auto spec = make_spec(attempt, "");
  ASSERT_TRUE(spec.has_value());
  EXPECT_THAT(spec->argv, ElementsAre("echo", "hello"));
  EXPECT_EQ(spec->directory, attempt.directory);
  EXPECT_EQ(spec->log_path, attempt.directory + ".log");
  EXPECT_THAT(spec->env, Contains(Pair("KFP_RETRY_INDEX", "1")));
  EXPECT_THAT(spec->env, Contains(Pair("KFP_POD_UID", attempt.id)));
  EXPECT_TRUE(fs::is_empty(attempt.directory)) << "folders for outputs are made where they are wanted";
}

TEST_F(AttemptTest, WhatAnAttemptThatWasForgottenLeftIsRemoved) {
  write(folder.write("data/runs/" + uuid.text() + "/1-eat.1/in-the-way", "old"), "older");
  write(folder.write("data/runs/" + uuid.text() + "/1-eat.1.in/data/rows.csv", "old"), "older");
  TaskData inputs;
  inputs.artifacts["data"] = {stored("rows.csv", "new")};
  Attempt attempt(order("eat", 1, 1, inputs), dir);
  const auto laid_out = lay_out(attempt, objects);
  ASSERT_TRUE(laid_out.has_value()) << laid_out.error().message;
  EXPECT_EQ(text_of(attempt.directory + ".in/data/rows.csv"), "new");
  EXPECT_TRUE(fs::is_empty(attempt.directory));
}

TEST_F(AttemptTest, InputsArePrivateCopiesUnderTheNameOfTheirProducer) {
  TaskData inputs;
  inputs.artifacts["data"] = {stored("rows.csv", "1,2")};
  inputs.artifacts["data"][0].metadata = {{"_kfp_workspace", true}, {"rows", 1}};
  Attempt attempt(order("eat", 3, 1, inputs), dir);
  ASSERT_TRUE(lay_out(attempt, objects).has_value());
  const Artifact& copy = attempt.inputs.artifacts["data"][0];
  EXPECT_EQ(copy.uri, attempt.directory + ".in/data/rows.csv");
  EXPECT_EQ(copy.metadata, (Struct{{"rows", 1}}));
  write(copy.uri, "changed");
  EXPECT_EQ(text_of(inputs.artifacts["data"][0].uri), "1,2") << "the producer's file stays as it is";
  const auto spec = make_spec(attempt, "");
  ASSERT_TRUE(spec.has_value());
  EXPECT_THAT(spec->argv, ElementsAre("eat-it", copy.uri));
  EXPECT_THAT(spec->env, Contains(Pair("A", "b")));
  EXPECT_TRUE(collect(attempt, objects).outputs.has_value()) << "a copy is the task's own";
}

TEST_F(AttemptTest, TheItemsOfAListHaveAFolderEach) {
  TaskData inputs;
  inputs.artifacts["many"] = {stored("a/part.txt", "a"), stored("b/part.txt", "b"),
                              Artifact{.name = "far", .uri = "s3://bucket/part.txt"}};
  Attempt attempt(order("eat", 3, 1, inputs), dir);
  ASSERT_TRUE(lay_out(attempt, objects).has_value());
  const ArtifactList& many = attempt.inputs.artifacts["many"];
  EXPECT_EQ(many[0].uri, attempt.directory + ".in/many/0/part.txt");
  EXPECT_EQ(many[1].uri, attempt.directory + ".in/many/1/part.txt");
  EXPECT_EQ(text_of(many[0].uri) + text_of(many[1].uri), "ab");
  EXPECT_EQ(many[2].uri, "s3://bucket/part.txt");
}

TEST_F(AttemptTest, ADirectoryComesAsADirectory) {
  folder.write("made/model/weights/w.bin", "w");
  TaskData inputs;
  inputs.artifacts["data"] = {take(folder.path() + "/made/model")};
  Attempt attempt(order("eat", 3, 1, inputs), dir);
  ASSERT_TRUE(lay_out(attempt, objects).has_value());
  EXPECT_EQ(text_of(attempt.directory + ".in/data/model/weights/w.bin"), "w");
}

TEST_F(AttemptTest, AnInputWhoseContentIsGoneSaysWhich) {
  TaskData inputs;
  inputs.artifacts["data"] = {Artifact{.uri = "/x/rows.csv", .digest = "sha256:" + std::string(64, 'a')}};
  Attempt attempt(order("eat", 3, 1, inputs), dir);
  const auto laid_out = lay_out(attempt, objects);
  ASSERT_FALSE(laid_out.has_value());
  EXPECT_THAT(laid_out.error().message, HasSubstr("input artifact 'data': "));
}

TEST_F(AttemptTest, AKeyThatIsNoNameMakesNoFolder) {
  TaskData inputs;
  inputs.artifacts["../../escaped"] = {stored("rows.csv", "1")};
  Attempt attempt(order("eat", 3, 1, inputs), dir);
  EXPECT_FALSE(lay_out(attempt, objects).has_value());
  EXPECT_FALSE(fs::exists(dir.run(uuid.text()) + "/3-eat/escaped"));
}

TEST_F(AttemptTest, ABigInputIsALinkThatMustNotBeChanged) {
  const std::string big = folder.write("made/big.bin", "x");
  ASSERT_EQ(::truncate(big.c_str(), 65LL << 20U), 0);
  TaskData inputs;
  inputs.artifacts["data"] = {take(big)};
  const std::string digest = inputs.artifacts["data"][0].digest;
  Attempt attempt(order("eat", 3, 1, inputs), dir);
  ASSERT_TRUE(lay_out(attempt, objects).has_value());
  if (attempt.linked.empty()) GTEST_SKIP() << "this file system copies without cost";
  EXPECT_TRUE(collect(attempt, objects).outputs.has_value()) << "read only";

  const std::string path = attempt.linked.at(0).path;
  fs::permissions(path, fs::perms::owner_all);
  ASSERT_EQ(::truncate(path.c_str(), 5), 0);
  const Collected collected = collect(attempt, objects);
  EXPECT_EQ(collected.failure, FailureKind::kInput);
  EXPECT_EQ(error_of(collected), "changed its input " + path);
  EXPECT_FALSE(objects.has(digest)) << "nobody is given other bytes under this digest";
}

TEST_F(AttemptTest, ALinkThatWasRemovedHarmsNobody) {
  const std::string big = folder.write("made/big.bin", "x");
  ASSERT_EQ(::truncate(big.c_str(), 65LL << 20U), 0);
  TaskData inputs;
  inputs.artifacts["data"] = {take(big)};
  Attempt attempt(order("eat", 3, 1, inputs), dir);
  ASSERT_TRUE(lay_out(attempt, objects).has_value());
  fs::remove(attempt.inputs.artifacts["data"][0].uri);
  EXPECT_TRUE(collect(attempt, objects).outputs.has_value());
  EXPECT_TRUE(objects.verify(inputs.artifacts["data"][0].digest).has_value());
}

TEST_F(AttemptTest, OutputsAreReadAndTheirContentIsStored) {
  const Attempt attempt = made();
  write(attempt.outputs.parameters_dir + "/y", "42\n");
  write(attempt.outputs.artifacts_dir + "/data", "rows");
  const Collected collected = collect(attempt, objects);
  ASSERT_TRUE(collected.outputs.has_value()) << error_of(collected);
  EXPECT_EQ(collected.outputs->parameters.at("y"), Value(42));
  const Artifact& data = collected.outputs->artifacts.at("data").at(0);
  EXPECT_EQ(data.uri, attempt.directory + ".out/data");
  EXPECT_EQ(data.size_bytes, 4);
  EXPECT_TRUE(objects.has(data.digest));
  EXPECT_EQ(text_of(data.uri), "rows") << "it stays readable at its place";
}

TEST_F(AttemptTest, AnArtifactThatWasNotWrittenHasNoContent) {
  const Attempt attempt = made();
  write(attempt.outputs.parameters_dir + "/y", "1");
  const Collected collected = collect(attempt, objects);
  ASSERT_TRUE(collected.outputs.has_value()) << error_of(collected);
  EXPECT_EQ(collected.outputs->artifacts.at("data").at(0).digest, "");
}

TEST_F(AttemptTest, AParameterThatWasNotWrittenIsAFault) {
  const Collected collected = collect(made(), objects);
  EXPECT_EQ(collected.failure, FailureKind::kOutput);
  EXPECT_THAT(error_of(collected), HasSubstr("output parameter \"y\": expect NUMBER_INTEGER, got nothing"));
}

TEST_F(AttemptTest, WhatLiesElsewhereIsLeftToItsOwner) {
  const Attempt attempt = made();
  const std::string elsewhere = folder.write("elsewhere/model.bin", "mine");
  const std::vector<std::string> uris{"s3://bucket/model", elsewhere,
                                      attempt.directory + ".out/../../../../../../elsewhere/model.bin"};
  for (const std::string& uri : uris) {
    const Collected collected = collect_report(attempt, R"({"uri": ")" + uri + R"("})");
    ASSERT_TRUE(collected.outputs.has_value()) << error_of(collected);
    EXPECT_EQ(collected.outputs->artifacts.at("data").at(0).uri, uri);
    EXPECT_EQ(collected.outputs->artifacts.at("data").at(0).digest, "") << uri;
  }
  struct stat facts{};
  ASSERT_EQ(::lstat(elsewhere.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_nlink, 1U) << "it has not become a link to an object";
}

TEST_F(AttemptTest, ACustomPathIsBroughtHome) {
  const Attempt attempt = made();
  const std::string custom = folder.write("elsewhere/tree/model.bin", "mine");
  const Collected collected = collect_report(attempt, R"({"customPath": ")" + folder.path() + R"(/elsewhere/tree"})");
  ASSERT_TRUE(collected.outputs.has_value()) << error_of(collected);
  const Artifact& data = collected.outputs->artifacts.at("data").at(0);
  EXPECT_EQ(data.uri, attempt.directory + ".out/data");
  EXPECT_EQ(text_of(data.uri + "/model.bin"), "mine");
  EXPECT_TRUE(objects.has(data.digest));
  EXPECT_EQ(text_of(custom), "mine");
}

// A process that died in the middle had taken in some of them, or all.
TEST_F(AttemptTest, CollectingAgainGivesTheSame) {
  const Attempt attempt = made();
  const std::string home = attempt.outputs.artifacts_dir + "/data";
  write(attempt.outputs.parameters_dir + "/y", "1");
  for (const bool is_tree : {false, true}) {
    fs::remove_all(home);
    if (is_tree) {
      fs::create_directories(home + "/deep");
      write(home + "/deep/rows", "rows");
      write(home + "/same", "rows");
      write(home + "/tool", "#!/bin/sh\n");
      fs::permissions(home + "/tool", fs::perms::owner_all);
      fs::create_symlink("same", home + "/link");
    } else {
      write(home, "rows");
    }
    const Collected first = collect(attempt, objects);
    ASSERT_TRUE(first.outputs.has_value()) << error_of(first);
    ASSERT_EQ(fs::hard_link_count(is_tree ? home + "/same" : home) > 1, true) << "it is a link to the object now";
    for (int i = 0; i < 2; ++i) {
      const Collected again = collect(attempt, objects);
      ASSERT_TRUE(again.outputs.has_value()) << error_of(again);
      EXPECT_EQ(*again.outputs, *first.outputs);
      EXPECT_TRUE(objects.verify(again.outputs->artifacts.at("data").at(0).digest));
    }
  }
}

TEST_F(AttemptTest, ACustomPathIsBroughtHomeAgain) {
  const Attempt attempt = made();
  const std::string home = attempt.outputs.artifacts_dir + "/data";
  folder.write("elsewhere/tree/model.bin", "mine");
  // Below its own home, too: what is copied must not go before the copy is whole.
  for (const std::string& custom : {folder.path() + "/elsewhere/tree", home + "/inner"}) {
    if (custom.starts_with(home)) {
      fs::remove_all(home);
      fs::create_directories(custom);
      write(custom + "/model.bin", "mine");
    }
    const Collected first = collect_report(attempt, R"({"customPath": ")" + custom + R"("})");
    ASSERT_TRUE(first.outputs.has_value()) << error_of(first);
    EXPECT_EQ(text_of(home + "/model.bin"), "mine");
    const Collected again = collect_report(attempt, R"({"customPath": ")" + custom + R"("})");
    ASSERT_TRUE(again.outputs.has_value()) << error_of(again);
    EXPECT_EQ(again.outputs->artifacts.at("data").at(0).digest, first.outputs->artifacts.at("data").at(0).digest);
    EXPECT_FALSE(fs::exists(home + ".part"));
  }
}

TEST_F(AttemptTest, InputsThatAnOwnerBeforeUsHasLaidOutAreFound) {
  TaskData inputs;
  inputs.artifacts["data"] = {stored("rows.csv", "1")};
  inputs.artifacts["many"] = {stored("a.txt", "a"), stored("b.txt", "b")};
  Attempt before(order("eat", 1, 1, inputs), dir);
  ASSERT_TRUE(lay_out(before, objects).has_value());
  Attempt after(order("eat", 1, 1, inputs), dir);
  find_inputs(after, objects);
  EXPECT_EQ(after.inputs, before.inputs);
  EXPECT_EQ(after.linked.size(), before.linked.size());
  for (const auto& [key, list] : after.inputs.artifacts)
    for (const Artifact& artifact : list) EXPECT_TRUE(fs::exists(artifact.uri)) << key;
}

TEST_F(AttemptTest, WhatCannotBeStoredNamesTheOutput) {
  const Attempt attempt = made();
  write(attempt.outputs.parameters_dir + "/y", "1");
  fs::create_symlink("/etc/hostname", attempt.outputs.artifacts_dir + "/data");
  const Collected collected = collect(attempt, objects);
  EXPECT_EQ(collected.failure, FailureKind::kOutput);
  EXPECT_THAT(error_of(collected), HasSubstr("output artifact 'data': "));
  EXPECT_THAT(error_of(collected), HasSubstr("is a symbolic link"));
}

TEST_F(AttemptTest, APipeInThePlaceOfAnOutputDoesNotMakeUsWait) {
  const Attempt attempt = made();
  ASSERT_EQ(::mkfifo((attempt.outputs.parameters_dir + "/y").c_str(), 0600), 0);
  EXPECT_THAT(error_of(collect(attempt, objects)), HasSubstr(".params/y is no file"));
}

TEST_F(AttemptTest, AParameterOfManyMegabytesIsRefused) {
  const Attempt attempt = made();
  write(attempt.outputs.parameters_dir + "/y", "1");
  ASSERT_EQ(::truncate((attempt.outputs.parameters_dir + "/y").c_str(), (64LL << 20U) + 1), 0);
  EXPECT_THAT(error_of(collect(attempt, objects)), HasSubstr("a parameter's value has at most 64"));
}

TEST_F(AttemptTest, AnImportedUriIsRecordedAsItIs) {
  const std::string file = folder.write("elsewhere/rows.csv", "1");
  for (const std::string& uri : {std::string("gs://bucket/rows.csv"), file, dir.root() + "/runs/../../elsewhere/rows.csv"}) {
    const auto outputs = import_artifact(Attempt(order("load", 4, 1, uri_is(uri)), dir), objects);
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message;
    EXPECT_EQ(outputs->artifacts.at("artifact").at(0).uri, uri);
    EXPECT_EQ(outputs->artifacts.at("artifact").at(0).digest, "") << uri;
  }
  EXPECT_FALSE(import_artifact(Attempt(order("load", 4, 1, uri_is("")), dir), objects).has_value());
}

TEST_F(AttemptTest, WhatIsImportedFromOurOwnRunsIsStored) {
  const std::string file = folder.write("data/runs/another/1-make.1.out/data", "rows");
  const auto outputs = import_artifact(Attempt(order("load", 4, 1, uri_is(file)), dir), objects);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message;
  EXPECT_TRUE(objects.has(outputs->artifacts.at("artifact").at(0).digest));
  EXPECT_EQ(text_of(file), "rows");
}

TEST_F(AttemptTest, AnImportToTheWorkspaceIsACopy) {
  const std::string file = folder.write("elsewhere/rows.csv", "rows");
  const Attempt attempt(order("keep", 5, 1, uri_is(file)), dir);
  const auto outputs = import_artifact(attempt, objects);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message;
  const Artifact& artifact = outputs->artifacts.at("artifact").at(0);
  EXPECT_EQ(artifact.uri, attempt.directory + ".out/rows.csv");
  EXPECT_TRUE(objects.has(artifact.digest));
  const auto again = import_artifact(attempt, objects);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(*again, *outputs) << "an owner that died may have done it before";
  std::ofstream(file) << "changed";
  EXPECT_EQ(text_of(artifact.uri), "rows");

  const auto far = import_artifact(Attempt(order("keep", 6, 1, uri_is("s3://bucket/x")), dir), objects);
  ASSERT_FALSE(far.has_value());
  EXPECT_THAT(far.error().message, HasSubstr("cannot copy 's3://bucket/x' to the workspace"));
}

TEST_F(AttemptTest, TheEnvironmentComesFirstOnThePath) {
  Site site{.path_prefix = "/opt/python/bin", .python = true};
  AttemptOrder given = order("plain");
  given.site = &site;
  given.env = {{"TOKEN", "t"}};
  Attempt attempt(given, dir);
  ASSERT_TRUE(lay_out(attempt, objects).has_value());
  const auto spec = make_spec(attempt, "/envs/1/bin");
  ASSERT_TRUE(spec.has_value());
  EXPECT_EQ(spec->env.at(0).first, "PATH");
  EXPECT_THAT(spec->env.at(0).second, testing::StartsWith("/envs/1/bin:/opt/python/bin:"));
  EXPECT_THAT(spec->env, Contains(Pair("PYTHONUNBUFFERED", "1")));
  EXPECT_THAT(spec->env, Contains(Pair("TOKEN", "t")));
  EXPECT_EQ(spec->cold_because, "its command is not that of a lightweight Python component");
  EXPECT_FALSE(spec->warm);
  const auto off = make_spec(attempt, "/envs/1/bin", false);
  ASSERT_TRUE(off.has_value());
  EXPECT_THAT(off->cold_because, HasSubstr("SLUICE_WARM=0"));
}

}  // namespace
}  // namespace sluice
