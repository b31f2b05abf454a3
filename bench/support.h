// What the benchmarks share: a scratch folder, a server under test, percentiles.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "net/http_client.h"

namespace sluice::bench {

using Time = std::chrono::steady_clock::time_point;
inline Time now() { return std::chrono::steady_clock::now(); }
inline double seconds_since(Time begin) { return std::chrono::duration<double>(now() - begin).count(); }

[[noreturn]] inline void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

// The value below which `share` of the values lie.
inline double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(share * static_cast<double>(values.size())))];
}

class Scratch {
 public:
  Scratch() {
    std::string pattern = "/var/tmp/sluice-bench-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Scratch() { std::filesystem::remove_all(path_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline pid_t spawn(const std::vector<std::string>& argv, const std::string& log) {
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  for (const int fd : {1, 2}) posix_spawn_file_actions_addopen(&actions, fd, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  pid_t pid = 0;
  if (posix_spawn(&pid, words[0], &actions, nullptr, words.data(), environ) != 0) give_up("cannot start " + argv[0]);
  posix_spawn_file_actions_destroy(&actions);
  return pid;
}

// `sluice up` on DATA, on a free port.
class Server {
 public:
  Server(const std::string& sluice, const std::string& folder, const std::vector<std::string>& flags = {}) {
    const std::string ready = folder + "/ready.json";
    std::filesystem::remove(ready);
    std::vector<std::string> argv{sluice, "up", "--port", "0", "--data-dir", folder + "/data", "--ready-file", ready};
    argv.insert(argv.end(), flags.begin(), flags.end());
    const Time begin = now();
    pid_ = spawn(argv, folder + "/server.log");
    struct stat facts{};
    while (::stat(ready.c_str(), &facts) != 0) {
      if (waitpid(pid_, nullptr, WNOHANG) == pid_) give_up("the server ended: see " + folder + "/server.log");
      usleep(200);
    }
    start_seconds = seconds_since(begin);
    std::ifstream file(ready);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const auto value = parse_json(text);
    url = value ? std::string(value->string_or("url", "")) : "";
  }
  ~Server() { stop(); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void stop() {
    if (pid_ <= 0) return;
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  pid_t pid() const { return pid_; }
  double rss_mib() const {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
    for (std::string line; std::getline(file, line);)
      if (line.rfind("VmRSS:", 0) == 0) return std::atof(line.c_str() + 6) / 1024;
    return 0;
  }
  std::unique_ptr<HttpClient> client() const {
    auto made = HttpClient::to(url);
    if (!made) give_up(made.error().message);
    return std::move(*made);
  }

  std::string url;
  double start_seconds = 0;

 private:
  pid_t pid_ = -1;
};

inline Value must(HttpClient& client, const std::string& method, const std::string& target, const Value& body = {}) {
  HttpRequest request{.method = method, .target = target};
  request.headers.push_back({"Content-Type", "application/json"});
  if (!body.is_null()) request.body = to_json(body);
  const auto reply = client.call(std::move(request));
  if (!reply) give_up(method + " " + target + ": " + reply.error().message);
  if (reply->status >= 300)
    give_up(method + " " + target + ": " + std::to_string(reply->status) + " " + reply->body.substr(0, 300));
  const auto value = parse_json(reply->body);
  if (!value) give_up(method + " " + target + ": no JSON");
  return *value;
}

}  // namespace sluice::bench
