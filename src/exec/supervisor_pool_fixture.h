// For tests: supervisors that outlive their engine. The engine of these tests is a SupervisorPool: for a supervisor, its
// destruction is the engine's death.
#pragma once

#include <linux/close_range.h>
#include <sys/wait.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "exec/supervisor_fixture.h"
#include "exec/supervisor_pool.h"

namespace sluice {

// A supervisor has nothing of ours open but what it is given.
inline void close_all_but(int socket, int exits) {
  const int low = std::min(socket, exits);
  const int high = std::max(socket, exits);
  ::close_range(3, static_cast<unsigned>(low) - 1, 0);
  if (high > low + 1) ::close_range(static_cast<unsigned>(low) + 1, static_cast<unsigned>(high) - 1, 0);
  ::close_range(static_cast<unsigned>(high) + 1, ~0U, 0);
}

class SupervisorPoolTest : public SupervisorTest {
 protected:
  void TearDown() override {
    if (supervisor_ != nullptr) {
      EXPECT_TRUE(supervisor_->shut_down());
    }
    supervisor_.reset();
    for (const pid_t pid : pids_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);  // of some the pool has done that
    }
    SupervisorTest::TearDown();
  }

  Result<std::unique_ptr<SupervisorPool>> attach(const std::string& identity = "1.0.0 test", int slots = 2) {
    const SupervisorOptions options{
        .program = "", .data_dir = data_, .slots = slots, .private_tmp = false, .program_identity = identity};
    return SupervisorPool::attach(options, [this](const SupervisorOptions& given, int socket, int exits) -> Result<pid_t> {
      const pid_t pid = ::fork();
      if (pid == 0) {
        close_all_but(socket, exits);
        ::setsid();
        ::_exit(supervise_main(socket, exits, given));
      }
      pids_.push_back(pid);
      return pid;
    });
  }
  // A new engine comes.
  void come(const std::string& identity = "1.0.0 test", int slots = 2) {
    auto pool = attach(identity, slots);
    ASSERT_TRUE(pool) << pool.error().message;
    found_ = (*pool)->inventory();
    supervisor_ = std::move(*pool);
  }
  // It is killed.
  void go() { supervisor_.reset(); }

  void acknowledge(const std::vector<std::string>& ids) { ASSERT_TRUE(supervisor_->ack(ids)); }
  // An attempt that makes `ready` and ends with 7 when let_end() is called.
  AttemptSpec patient() { return shell("mkfifo go; touch ready; read x < go; exit 7"); }
  static void let_end(const AttemptSpec& spec) { std::ofstream(spec.directory + "/go") << "\n"; }
  void start_patient(const AttemptSpec& spec) {
    start(spec);
    wait_file(spec, "ready");
  }
  std::vector<SupervisorFiles> files() const { return list_supervisor_files(data_); }
  // The newest supervisor, or any other, has written down the end of this attempt.
  bool is_written(const AttemptSpec& spec) const { return read_file(files().at(0).exits()).find(spec.id) != std::string::npos; }
  std::vector<std::string> found_running() const {
    std::vector<std::string> ids;
    for (const AttemptBegan& began : found_.running) ids.push_back(began.id);
    return ids;
  }
  std::vector<std::string> found_ended() const {
    std::vector<std::string> ids;
    for (const AttemptExit& exit : found_.ended) ids.push_back(exit.id);
    return ids;
  }
  static bool is_gone(pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; }
  void kill_supervisor(pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }

  std::vector<pid_t> pids_;
  SupervisorInventory found_;
};

}  // namespace sluice
