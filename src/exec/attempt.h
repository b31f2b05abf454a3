// One attempt inside the supervisor: its main process, the two pipes it writes to, its log.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "exec/limits.h"
#include "exec/log.h"
#include "exec/spawn.h"
#include "exec/supervisor.h"
#include "exec/tmp_slots.h"
#include "exec/warm_pool.h"

namespace sluice {

class AttemptProcess;

// What an epoll event of a pipe points to.
struct OutputPipe {
  AttemptProcess* attempt = nullptr;
  Stream stream = Stream::kStdout;
  int read_fd = -1;
  // Ours until the main process has ended: so the pipe does not report a hang-up before, which would wake us once more for every
  // attempt.
  int write_fd = -1;
};

class AttemptProcess {
 public:
  AttemptProcess(AttemptSpec spec, TmpSlots::Lease tmp);
  ~AttemptProcess();
  AttemptProcess(const AttemptProcess&) = delete;
  AttemptProcess& operator=(const AttemptProcess&) = delete;

  // Makes the working directory and the pipes, and starts the main process. False: it could not be started, and exit() says why.
  bool start(ProgramFinder& programs, const BaseEnvironment& environment, int devnull, Instant now);
  // The same in a process that a warm worker has forked. False without a word in exit(): there is none any more.
  bool start_warm(WarmPool& warm, const BaseEnvironment& environment, int devnull, Instant now);
  // Where it runs, for the exit of a Python component.
  void note_process(std::string process) { exit_.process = std::move(process); }
  bool is_warm() const { return is_warm_; }

  const std::string& id() const { return spec_.id; }
  const AttemptSpec& spec() const { return spec_; }
  pid_t pid() const { return pid_; }
  std::array<OutputPipe, 2>& pipes() { return pipes_; }
  TmpSlots::Lease& tmp() { return tmp_; }

  // Moves what a pipe holds to the log, at most one read. False: nothing more for now, or ever.
  bool read_output(OutputPipe& pipe, Instant now);
  void main_ended(int wait_status, const rusage& usage, Instant now);
  // The worker that it was forked from has died, and it with that.
  void note_lost() { exit_.lost = true; }
  bool has_main_ended() const { return has_main_ended_; }
  // Its number may soon be another process's.
  void note_dying() { is_dying_ = true; }
  bool can_be_signalled() const { return !has_main_ended_ && !is_dying_; }
  // After the last process is gone: the rest of the output. Then exit() is complete.
  void finish(Instant now);
  const AttemptExit& exit() const { return exit_; }
  // Null: it has no limit.
  AttemptLimit* limit() { return limit_.get(); }
  // The kernel has killed one of its processes, as the machine had no more memory.
  void note_oom() { exit_.out_of_memory = true; }

  // Until then, what is left of the attempt is not killed. Nothing: nobody has asked to stop it.
  std::optional<Instant> kill_at;

 private:
  bool refuse(int exit_code, std::string error);
  bool refuse(const std::string& what, int error);  // of a system call
  bool make_pipes();
  void make_limit();
  bool make_tmpdir(std::vector<std::pair<std::string, std::string>>& extra);
  bool run(const ProgramFinder::Found& program, const BaseEnvironment::Block& block, int devnull, SpawnOutcome& outcome);

  AttemptSpec spec_;
  TmpSlots::Lease tmp_;
  pid_t pid_ = -1;
  bool has_main_ended_ = false;
  bool is_warm_ = false;
  bool is_dying_ = false;
  std::array<OutputPipe, 2> pipes_;
  LogWriter log_;
  std::unique_ptr<AttemptLimit> limit_;
  AttemptExit exit_;
};

}  // namespace sluice
