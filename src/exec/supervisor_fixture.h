// A supervisor in a forked child, for tests of this module.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "exec/log.h"
#include "exec/supervisor.h"
#include "exec/supervisor_client.h"

namespace sluice {

inline std::string make_directory(const std::string& parent) {
  std::string path = parent + "/sluice-exec-XXXXXX";
  SLUICE_CHECK(::mkdtemp(path.data()) != nullptr);
  return path;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// What an attempt wrote to one stream.
inline std::string output_of(const AttemptSpec& spec, Stream stream = Stream::kStdout) {
  std::string text;
  const Status status = read_log(spec.log_path, [&](const LogChunk& chunk) {
    if (chunk.stream == stream) text += chunk.bytes;
    return true;
  });
  EXPECT_TRUE(status.has_value()) << status.error().message;
  return text;
}

// Bounded, so that a failure is a failure: some 20 s.
template <class Condition>
bool wait_until(const Condition& holds) {
  for (int i = 0; i < 20'000; ++i) {
    if (holds()) return true;
    ::usleep(1000);
  }
  return false;
}

// `data` is the data directory, on the disk of the build folder: below /tmp, private /tmp has to take another way.
class SupervisorTest : public ::testing::Test {
 protected:
  void SetUp() override { data_ = make_directory(std::filesystem::current_path()); }
  void TearDown() override {
    supervisor_.reset();
    std::filesystem::remove_all(data_);
  }

  void launch(bool private_tmp = false) {
    std::array<int, 2> pair{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    SupervisorOptions options{.program = "", .data_dir = data_, .slots = 2, .private_tmp = private_tmp};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(pair[0]);
      ::setsid();
      ::_exit(supervise_main(pair[1], -1, options));
    }
    ::close(pair[1]);
    auto connected = SupervisorClient::connect(pair[0], pid_, SupervisorClient::Parting::kShutDown, "this build");
    ASSERT_TRUE(connected) << connected.error().message;
    supervisor_ = std::move(*connected);
  }

  AttemptSpec attempt(std::vector<std::string> argv) {
    AttemptSpec spec;
    spec.id = prefix() + std::to_string(++count_);
    spec.argv = std::move(argv);
    spec.directory = data_ + "/attempt" + std::to_string(count_);
    spec.log_path = spec.directory + ".log";
    spec.private_tmp = false;
    std::filesystem::create_directories(spec.directory);
    return spec;
  }
  AttemptSpec shell(const std::string& script) { return attempt({"sh", "-c", script}); }
  // Ids of this test are nobody else's, also when two builds are tested at once.
  std::string prefix() const { return "test-" + std::filesystem::path(data_).filename().string() + "/"; }

  void start(const AttemptSpec& spec) {
    const Status started = supervisor_->start(std::span(&spec, 1));
    ASSERT_TRUE(started) << started.error().message;
  }

  // Waits for the next events, as long as it takes (ctest has the last word).
  void wait_events() {
    pollfd ready{supervisor_->fd(), POLLIN, 0};
    ::poll(&ready, 1, -1);
    auto events = supervisor_->receive();
    ASSERT_TRUE(events) << events.error().message;
    for (SupervisorEvent& event : *events) {
      if (auto* began = std::get_if<AttemptBegan>(&event)) began_[began->id] = *began;
      if (auto* exit = std::get_if<AttemptExit>(&event)) exits_[exit->id] = *exit;
      if (auto* lost = std::get_if<AttemptLost>(&event)) lost_[lost->id] = lost->why;
      if (auto* back = std::get_if<AttemptsWithdrawn>(&event)) withdrawn_.insert(back->ids.begin(), back->ids.end());
    }
  }
  AttemptExit wait_exit(const AttemptSpec& spec) {
    while (exits_.count(spec.id) == 0 && !HasFatalFailure()) wait_events();
    return exits_[spec.id];
  }
  AttemptExit run(const AttemptSpec& spec) {
    start(spec);
    return wait_exit(spec);
  }
  // Waits until the attempt has made this file in its working directory.
  static void wait_file(const AttemptSpec& spec, const std::string& name) {
    while (!std::filesystem::exists(spec.directory + "/" + name)) ::usleep(1000);
  }
  static pid_t read_pid(const AttemptSpec& spec, const std::string& name) {
    return std::stoi(read_file(spec.directory + "/" + name));
  }

  std::string data_;
  pid_t pid_ = -1;
  int count_ = 0;
  std::unique_ptr<Supervisor> supervisor_;
  std::map<std::string, AttemptBegan> began_;
  std::map<std::string, AttemptExit> exits_;
  std::map<std::string, std::string> lost_;
  std::set<std::string> withdrawn_;
};

}  // namespace sluice
