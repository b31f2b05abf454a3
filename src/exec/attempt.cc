#include "exec/attempt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "base/text.h"

namespace sluice {
namespace {

// 64 KiB: one read fills a pipe's default capacity, so a chatty task costs one wake-up instead of sixteen.
constexpr std::size_t kOutputBytes = 64 * 1024;
// More than any pipe holds (1 MiB unless root raised it): a stranger who got hold of the pipe and never stops writing cannot keep
// us.
constexpr int kLastReadsMax = 64;

void close_fd(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

Duration duration_of(const timeval& time) { return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec); }

}  // namespace

AttemptProcess::AttemptProcess(AttemptSpec spec, TmpSlots::Lease tmp)
    : spec_(std::move(spec)), tmp_(std::move(tmp)), log_(spec_.log_path, spec_.log_bytes_max) {
  pipes_[0].stream = Stream::kStdout;
  pipes_[1].stream = Stream::kStderr;
  exit_.id = spec_.id;
  exit_.note = tmp_.note;
  if (!spec_.redact.empty()) log_.hide(spec_.redact);
  if (!spec_.cold_because.empty()) exit_.process = "cold: " + spec_.cold_because;
}

AttemptProcess::~AttemptProcess() {
  for (OutputPipe& pipe : pipes_) {
    close_fd(pipe.read_fd);
    close_fd(pipe.write_fd);
  }
}

bool AttemptProcess::refuse(int exit_code, std::string error) {
  exit_.exit_code = exit_code;
  exit_.error = std::move(error);
  return false;
}

bool AttemptProcess::refuse(const std::string& what, int error) {
  const Error failure = fail_errno(what, error).value();
  exit_.unavailable = failure.code == Code::kUnavailable;
  return refuse(126, failure.message);
}

bool AttemptProcess::make_tmpdir(std::vector<std::pair<std::string, std::string>>& extra) {
  const bool has_own =
      std::any_of(spec_.env.begin(), spec_.env.end(), [](const auto& variable) { return variable.first == "TMPDIR"; });
  if (!tmp_.use_tmpdir || has_own) return true;
  const std::string tmp = spec_.directory + ".tmp";
  if (::mkdir(tmp.c_str(), 0700) != 0 && errno != EEXIST) return refuse("make " + tmp, errno);
  extra.emplace_back("TMPDIR", tmp);
  return true;
}

bool AttemptProcess::make_pipes() {
  for (OutputPipe& pipe : pipes_) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return refuse("make a pipe", errno);
    pipe.attempt = this;
    pipe.read_fd = ends[0];
    pipe.write_fd = ends[1];
    ::fcntl(pipe.read_fd, F_SETFL, O_NONBLOCK);
  }
  return true;
}

void AttemptProcess::make_limit() {
  if (spec_.memory_bytes > 0 || spec_.cpu_milli > 0) limit_ = std::make_unique<AttemptLimit>(spec_);
}

bool AttemptProcess::start(ProgramFinder& programs, const BaseEnvironment& environment, int devnull, Instant now) {
  exit_.began = exit_.ended = now;
  if (!tmp_.refusal.empty()) return refuse(126, tmp_.refusal);
  std::vector<std::pair<std::string, std::string>> extra;
  if (!make_tmpdir(extra)) return false;
  const auto block = environment.with(spec_, extra);
  const std::string path(environment.value(spec_, "PATH"));
  auto program = programs.find(spec_.argv[0], path, spec_.directory);
  if (!program.error.empty()) return refuse(program.exit_code, std::move(program.error));
  if (!make_pipes()) return false;
  make_limit();
  SpawnOutcome outcome;
  if (run(program, block, devnull, outcome)) return true;
  if (outcome.error == ENOENT) {
    // What we remembered may have moved.
    programs.forget(spec_.argv[0], path);
    program = programs.find(spec_.argv[0], path, spec_.directory);
    if (!program.error.empty()) return refuse(program.exit_code, std::move(program.error));
    if (run(program, block, devnull, outcome)) return true;
  }
  auto failure = explain_exec_failure(spec_, program.path, outcome);
  exit_.unavailable = fail_errno("", outcome.error).value().code == Code::kUnavailable;
  return refuse(failure.exit_code, std::move(failure.error));
}

bool AttemptProcess::start_warm(WarmPool& warm, const BaseEnvironment& environment, int devnull, Instant now) {
  exit_.began = exit_.ended = now;
  if (!tmp_.refusal.empty()) return refuse(126, tmp_.refusal);
  std::vector<std::pair<std::string, std::string>> extra;
  if (!make_tmpdir(extra) || !make_pipes()) return false;
  make_limit();
  const auto block = environment.with(spec_, extra);
  pid_ = warm.hand(spec_, block.envp, {devnull, pipes_[0].write_fd, pipes_[1].write_fd, tmp_}, now);
  if (pid_ < 0) return false;
  if (limit_ != nullptr) limit_->add(pid_);  // what its worker has made before is not counted
  is_warm_ = true;
  exit_.process = "warm";
  return true;
}

// A text file without a #! line is a shell script, as execvp has it.
bool AttemptProcess::run(const ProgramFinder::Found& program, const BaseEnvironment::Block& block, int devnull,
                         SpawnOutcome& outcome) {
  std::vector<char*> argv{nullptr};  // room for the shell's name
  argv.reserve(spec_.argv.size() + 2);
  for (std::string& argument : spec_.argv) argv.push_back(argument.data());
  argv.push_back(nullptr);
  SpawnRequest request{.program = program.path.c_str(),
                       .argv = argv.data() + 1,
                       .envp = block.envp.data(),
                       .directory = spec_.directory.c_str(),
                       .stdin_fd = devnull,
                       .stdout_fd = pipes_[0].write_fd,
                       .stderr_fd = pipes_[1].write_fd,
                       .user_namespace = tmp_.user_namespace,
                       .mount_namespace = tmp_.mount_namespace,
                       .root = tmp_.root};
  if (limit_ != nullptr) request.cgroups = limit_->doors();
  outcome = spawn(request);
  if (outcome.error == ENOEXEC && outcome.failed_call == std::string_view("execve")) {
    std::string shell = "/bin/sh";
    std::string script = program.path;
    argv[0] = shell.data();
    argv[1] = script.data();
    request.program = shell.c_str();
    request.argv = argv.data();
    outcome = spawn(request);
  }
  pid_ = outcome.pid;
  if (limit_ != nullptr && pid_ > 0) limit_->confirm(pid_);
  return outcome.failed_call == nullptr;
}

bool AttemptProcess::read_output(OutputPipe& pipe, Instant now) {
  static std::array<char, kOutputBytes> buffer;
  if (pipe.read_fd < 0) return false;
  const auto got = ::read(pipe.read_fd, buffer.data(), buffer.size());
  if (got > 0) {
    log_.write(pipe.stream, {buffer.data(), static_cast<std::size_t>(got)}, now);
    return true;
  }
  return got < 0 && errno == EINTR;
}

void AttemptProcess::main_ended(int wait_status, const rusage& usage, Instant now) {
  has_main_ended_ = true;
  exit_.ended = now;
  exit_.signal = WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0;
  exit_.exit_code = exit_.signal != 0 ? 128 + exit_.signal : WEXITSTATUS(wait_status);
  // The shell says so of a cold one, but not of these two.
  const bool is_quiet = exit_.signal == 0 || exit_.signal == SIGINT || exit_.signal == SIGPIPE;
  if (is_warm_ && !is_quiet && !kill_at && !exit_.lost)
    log_.write(Stream::kStderr, std::string(::strsignal(exit_.signal)) + (WCOREDUMP(wait_status) ? " (core dumped)\n" : "\n"),
               now);
  exit_.cpu = duration_of(usage.ru_utime) + duration_of(usage.ru_stime);
  exit_.max_rss_bytes = std::int64_t{usage.ru_maxrss} * 1024;
}

void AttemptProcess::finish(Instant now) {
  if (limit_ != nullptr) {
    const bool has_run_out = limit_->look(pid_);
    exit_.max_rss_bytes = std::max(exit_.max_rss_bytes, limit_->peak_bytes());
    exit_.out_of_memory = has_run_out && exit_.exit_code != 0;
    limit_.reset();
  }
  for (OutputPipe& pipe : pipes_) {
    close_fd(pipe.write_fd);
    for (int reads = 0; reads < kLastReadsMax && read_output(pipe, now);) ++reads;
    close_fd(pipe.read_fd);
  }
  log_.finish(now);
  if (log_.dropped_bytes() > 0) {
    if (!exit_.note.empty()) exit_.note += "; ";
    exit_.note += "the last " + format_bytes(static_cast<double>(log_.dropped_bytes())) +
                  " of its output are lost: writing the log failed: " + std::strerror(log_.error());
  }
}

}  // namespace sluice
