// One attempt inside the supervisor: its main process, the two pipes it writes to, its log.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "exec/limits.h"
#include "exec/log.h"
#include "exec/spawn.h"
#include "exec/supervisor.h"
#include "exec/tmp_slots.h"

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

  const std::string& id() const { return spec_.id; }
  const AttemptSpec& spec() const { return spec_; }
  pid_t pid() const { return pid_; }
  std::array<OutputPipe, 2>& pipes() { return pipes_; }
  TmpSlots::Lease& tmp() { return tmp_; }

  // Moves what a pipe holds to the log, at most one read. False: nothing more for now, or ever.
  bool read_output(OutputPipe& pipe, Instant now);
  void main_ended(int wait_status, const rusage& usage, Instant now);
  bool has_main_ended() const { return has_main_ended_; }
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
  bool run(const ProgramFinder::Found& program, const BaseEnvironment::Block& block, int devnull, SpawnOutcome& outcome);

  AttemptSpec spec_;
  TmpSlots::Lease tmp_;
  pid_t pid_ = -1;
  bool has_main_ended_ = false;
  std::array<OutputPipe, 2> pipes_;
  LogWriter log_;
  std::unique_ptr<AttemptLimit> limit_;
  AttemptExit exit_;
};

}  // namespace sluice
