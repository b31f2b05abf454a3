#include "exec/command.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <deque>
#include <map>

#include "base/check.h"
#include "base/owned_fd.h"

extern char** environ;

namespace sluice {
namespace {

using Monotonic = std::chrono::steady_clock;

// How often the flag is looked at while a program says nothing: a person who cancels does not notice 50 ms.
constexpr int kPollMs = 50;
constexpr auto kGrace = std::chrono::seconds(3);
constexpr std::size_t kLinesMax = 200;
// A program that never ends its line may not fill our memory.
constexpr std::size_t kLineBytesMax = 64 * 1024;

std::vector<std::string> environment_with(const VariableChanges& changes) {
  std::map<std::string, std::string, std::less<>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (const auto at = text.find('='); at != std::string_view::npos)
      variables[std::string(text.substr(0, at))] = text.substr(at + 1);
  }
  for (const auto& [name, value] : changes) {
    if (value)
      variables[name] = *value;
    else
      variables.erase(name);
  }
  std::vector<std::string> out;
  out.reserve(variables.size());
  for (const auto& [name, value] : variables) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  out.reserve(texts.size() + 1);
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// The spawn attributes: a process group of its own (so that all of it can be signalled), and no signal settings of ours.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
};

class Lines {
 public:
  explicit Lines(const Command& command) : command_(command) {}
  void take(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n' || c == '\r' || open_.size() >= kLineBytesMax) end_line();
      if (c != '\n' && c != '\r') open_ += c;
    }
  }
  void end_line() {
    if (open_.empty()) return;
    if (command_.on_line) command_.on_line(open_);
    if (last_.size() == kLinesMax) last_.pop_front();
    last_.push_back(std::move(open_));
    open_.clear();
  }
  std::vector<std::string> last() const { return {last_.begin(), last_.end()}; }

 private:
  const Command& command_;
  std::string open_;
  std::deque<std::string> last_;
};

// Reads what there is. False at the end of the stream.
bool drain(int fd, Lines& lines) {
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    const ssize_t count = ::read(fd, buffer.data(), buffer.size());
    if (count > 0)
      lines.take({buffer.data(), static_cast<std::size_t>(count)});
    else if (count == 0)
      return false;
    else if (errno != EINTR)
      return errno == EAGAIN;
  }
}

// Whether it has ended; it is not reaped yet, so its process group cannot be somebody else's.
bool has_ended(pid_t pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

void end_group(pid_t pid, int fd, Lines& lines) {
  ::kill(-pid, SIGTERM);
  const auto until = Monotonic::now() + kGrace;
  while (!has_ended(pid) && Monotonic::now() < until) {
    pollfd waiting{fd, POLLIN, 0};
    ::poll(&waiting, 1, kPollMs);
    if (!drain(fd, lines)) ::poll(nullptr, 0, 5);  // it has closed its output: only its end is left to wait for
  }
  ::kill(-pid, SIGKILL);
}

// Why it was ended before its time, or nothing when it ended by itself. Something it left behind may keep the pipe open, so the
// end of the program counts and not only the end of the stream.
Status wait_for_end(const Command& command, pid_t pid, int fd, Lines& lines, const std::atomic<bool>& cancelled) {
  const auto began = Monotonic::now();
  bool open = true;
  for (;;) {
    if (cancelled.load()) {
      end_group(pid, fd, lines);
      return fail(Code::kCancelled, command.argv[0] + ": cancelled");
    }
    if (command.time_max > Duration{0} && Monotonic::now() - began > command.time_max) {
      end_group(pid, fd, lines);
      return fail(Code::kTimeout, command.argv[0] + ": no end after " + format_duration(command.time_max));
    }
    if (open) {
      pollfd waiting{fd, POLLIN, 0};
      const int ready = ::poll(&waiting, 1, kPollMs);
      if (ready > 0) open = drain(fd, lines);
      if (ready > 0 && open) continue;
    } else {
      ::poll(nullptr, 0, 1);  // between the end of its output and its own end lies less than that
    }
    if (has_ended(pid)) {
      drain(fd, lines);
      return {};
    }
  }
}

Result<pid_t> spawn(const Command& command, int input, int output) {
  std::vector<std::string> argv = command.argv;
  std::vector<std::string> variables = environment_with(command.variables);
  SpawnSettings settings;
  if (input >= 0)
    posix_spawn_file_actions_adddup2(&settings.actions, input, 0);
  else
    posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&settings.actions, output, 1);
  posix_spawn_file_actions_adddup2(&settings.actions, output, 2);
  if (command.keep_fd >= 0) posix_spawn_file_actions_adddup2(&settings.actions, command.keep_fd, 3);
  if (!command.directory.empty()) posix_spawn_file_actions_addchdir_np(&settings.actions, command.directory.c_str());
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, argv[0].c_str(), &settings.actions, &settings.attributes, pointers(argv).data(),
                                   pointers(variables).data());
  if (error != 0) return fail_errno("start " + command.argv[0], error);
  return pid;
}

}  // namespace

namespace {

// A file in memory with the text in it, to be read from its beginning. No descriptor if there is none.
Result<OwnedFd> input_of(const Command& command) {
  if (command.input.empty()) return OwnedFd();
  OwnedFd file(::memfd_create("input", MFD_CLOEXEC));
  if (file.get() < 0) return fail_errno("make the input of " + command.argv[0], errno);
  for (std::string_view rest = command.input; !rest.empty();) {
    const ssize_t count = ::write(file.get(), rest.data(), rest.size());
    if (count < 0 && errno != EINTR) return fail_errno("make the input of " + command.argv[0], errno);
    rest.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  if (::lseek(file.get(), 0, SEEK_SET) != 0) return fail_errno("make the input of " + command.argv[0], errno);
  return file;
}

}  // namespace

Result<CommandResult> run_command(const Command& command, const std::atomic<bool>& cancelled) {
  SLUICE_CHECK(!command.argv.empty());
  SLUICE_TRY(const OwnedFd input, input_of(command));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno("pipe", errno);
  const auto pid = spawn(command, input.get(), ends[1]);
  ::close(ends[1]);
  if (!pid) {
    ::close(ends[0]);
    return fail(pid.error());
  }
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  Lines lines(command);
  const Status ended = wait_for_end(command, *pid, ends[0], lines, cancelled);
  ::close(ends[0]);
  lines.end_line();
  int status = 0;
  pid_t reaped = 0;
  do reaped = ::waitpid(*pid, &status, 0);
  while (reaped < 0 && errno == EINTR);
  if (!ended) return fail(ended.error());
  if (reaped < 0) return fail_errno("wait for " + command.argv[0], errno);
  return CommandResult{.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
                       .last_lines = lines.last()};
}

}  // namespace sluice
