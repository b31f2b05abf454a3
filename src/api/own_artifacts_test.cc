#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/test_server.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}
std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

// A run whose task has ended with one artifact, `data`.
template <class World>
std::string run_with(World& world, const Artifact& artifact) {
  const std::string run = world.submit(pipeline_text(step_line("a")));
  TaskData outputs = y_is(1);
  outputs.artifacts["data"] = {artifact};
  world.service.succeed("a", outputs);
  return run;
}

class OwnArtifacts : public ::testing::Test {
 protected:
  // Taken in by the store.
  Artifact stored(const fs::path& path) {
    const auto object = api_.service.objects().put(path.string());
    EXPECT_TRUE(object.has_value()) << object.error().message;
    return {.name = "data",
            .type = {.schema_title = "system.Dataset"},
            .uri = path.string(),
            .metadata = {{"rows", 3}},
            .digest = object->digest,
            .size_bytes = object->size_bytes};
  }
  std::string content(const HttpResponse& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    return response.file ? read_file(response.file->path) : response.body;
  }
  fs::path folder() const { return api_.service.dir().root() + "/runs/made"; }
  TestApi api_;
};

TEST_F(OwnArtifacts, AreListed) {
  write_file(folder() / "data.csv", "a,b\n");
  const std::string run = run_with(api_, stored(folder() / "data.csv"));
  const Value answer = api_.get_json("/api/v1/runs/" + run + "/artifacts");
  const Value& artifact = answer.find("artifacts")->as_list().front();
  EXPECT_EQ(artifact.string_or("path", ""), "root/a");
  EXPECT_EQ(artifact.string_or("key", ""), "data");
  EXPECT_EQ(artifact.int_or("index", -1), 0);
  EXPECT_EQ(artifact.string_or("type", ""), "system.Dataset");
  EXPECT_EQ(artifact.int_or("size_bytes", 0), 4);
  EXPECT_EQ(artifact.find("metadata")->int_or("rows", 0), 3);
}

TEST_F(OwnArtifacts, AFileIsADownloadInASandbox) {
  write_file(folder() / "page é.html", "<script>alert(1)</script>");
  const std::string run = run_with(api_, stored(folder() / "page é.html"));
  const HttpResponse response = api_.get("/api/v1/runs/" + run + "/artifacts/root%2Fa/data/0");
  EXPECT_EQ(content(response), "<script>alert(1)</script>");
  EXPECT_EQ(find_header(response.headers, "content-security-policy"), "sandbox");
  EXPECT_EQ(find_header(response.headers, "x-content-type-options"), "nosniff");
  EXPECT_EQ(find_header(response.headers, "content-disposition"),
            "attachment; filename=\"page __.html\"; filename*=UTF-8''page%20%C3%A9.html");
  const std::string etag(find_header(response.headers, "etag"));
  const HttpResponse again =
      api_.call("GET", "/api/v1/runs/" + run + "/artifacts/root%2Fa/data/0", "", {{"If-None-Match", etag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_FALSE(again.file.has_value());
}

TEST_F(OwnArtifacts, OfADirectoryAreItsFiles) {
  write_file(folder() / "model" / "weights.bin", "123");
  write_file(folder() / "model" / "sub" / "notes.txt", "hello");
  const std::string run = run_with(api_, stored(folder() / "model"));
  const std::string base = "/api/v1/runs/" + run + "/artifacts/1/data/0";
  EXPECT_EQ(to_json(api_.get_json(base)),
            R"({"files":[{"path":"sub/notes.txt","size_bytes":5},{"path":"weights.bin","size_bytes":3}]})");
  EXPECT_EQ(content(api_.get(base + "/sub/notes.txt")), "hello");
  EXPECT_EQ(content(api_.get(base + "/sub%2Fnotes.txt")), "hello");
  for (const char* path :
       {"/sub", "/gone", "/../weights.bin", "/%2E%2E/model/weights.bin", "/sub/../weights.bin", "//weights.bin"})
    EXPECT_EQ(api_.get(base + path).status, 404) << path;
}

TEST_F(OwnArtifacts, WhatIsNotThereIsNamed) {
  write_file(folder() / "data.csv", "a,b\n");
  const std::string run = run_with(api_, stored(folder() / "data.csv"));
  for (const char* rest : {"/root%2Fa/data/1", "/root%2Fa/other/0", "/root%2Fb/data/0", "/root%2Fa/data/x", "/root%2Fa/data/0/x"})
    EXPECT_EQ(api_.get("/api/v1/runs/" + run + "/artifacts" + rest).status, 404) << rest;
}

TEST_F(OwnArtifacts, ContentThatWeDoNotHoldComesFromTheRunsOwnFolderOnly) {
  const std::string run = api_.submit(pipeline_text(step_line("a")));
  const fs::path own = api_.service.dir().run(run);
  const fs::path outside = fs::path(api_.service.dir().root()) / "secrets" / "key";
  write_file(outside, "secret");
  write_file(own / "out" / "inside.txt", "inside");
  fs::create_symlink(outside, own / "out" / "link");
  fs::create_directory_symlink(outside.parent_path(), own / "out" / "folder");
  TaskData outputs = y_is(1);
  const auto add = [&](const std::string& key, const std::string& uri) { outputs.artifacts[key] = {{.name = key, .uri = uri}}; };
  add("data", (own / "out").string());
  api_.service.succeed("a", outputs);
  const std::string base = "/api/v1/runs/" + run + "/artifacts/root%2Fa/data/0";
  EXPECT_EQ(to_json(api_.get_json(base)), R"({"files":[{"path":"inside.txt","size_bytes":6}]})");
  EXPECT_EQ(content(api_.get(base + "/inside.txt")), "inside");
  for (const char* path : {"/link", "/folder/key", "/../../../secrets/key", "/%2Fetc%2Fpasswd", "/gone"})
    EXPECT_EQ(api_.get(base + path).status, 404) << path;
}

TEST_F(OwnArtifacts, AUriCannotNameAnyFileOfTheMachine) {
  write_file(folder() / "other.txt", "of another run");
  const fs::path secret = fs::path(api_.service.dir().root()) / "secrets" / "key";
  write_file(secret, "secret");
  for (const std::string& uri :
       {std::string("/etc/passwd"), secret.string(), (folder() / "other.txt").string(), std::string("s3://b/x"),
        std::string("relative"), std::string(), std::string("/proc/self/environ")}) {
    const std::string run = run_with(api_, {.name = "data", .uri = uri});
    EXPECT_EQ(api_.get("/api/v1/runs/" + run + "/artifacts/root%2Fa/data/0").status, 404) << uri;
  }
}

TEST(ServedArtifacts, ARangeOfAFileIsSent) {
  TestServer server;
  const std::string path = server.service.dir().root() + "/runs/data.txt";
  write_file(path, "0123456789");
  const auto object = server.service.objects().put(path);
  ASSERT_TRUE(object.has_value());
  const std::string run = run_with(server, {.name = "data", .uri = path, .digest = object->digest, .size_bytes = 10});
  const auto reply =
      server.client->call({.target = "/api/v1/runs/" + run + "/artifacts/root%2Fa/data/0", .headers = {{"Range", "bytes=2-4"}}});
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->status, 206);
  EXPECT_EQ(reply->body, "234");
}

}  // namespace
}  // namespace sluice
