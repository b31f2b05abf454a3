// Starting the supervisor's process.
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <utility>
#include <vector>

#include "exec/supervisor_client.h"
#include "exec/supervisor_files.h"

namespace sluice {
namespace {

// Above those that the new process will have, so that none is overwritten before it is copied.
Result<OwnedFd> lifted(int fd) {
  OwnedFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 10));
  if (copy.get() < 0) return fail_errno("copy a descriptor", errno);
  return copy;
}

std::vector<std::string> command_of(const SupervisorOptions& options) {
  std::vector<std::string> words{options.program, "supervise",  "--data-dir", options.data_dir,
                                 "--fd",          "3",          "--exits-fd", "4",
                                 "--name",        options.name, "--slots",    std::to_string(options.slots)};
  if (options.warm.memory_bytes > 0) {
    words.emplace_back("--warm-memory");
    words.push_back(std::to_string(options.warm.memory_bytes));
  }
  words.emplace_back("--warm-idle");
  words.push_back(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(options.warm.idle).count()));
  if (options.outlives) words.emplace_back("--outlives");
  if (!options.private_tmp) words.emplace_back("--no-private-tmp");
  return words;
}

}  // namespace

// No blocked or ignored signals.
Result<pid_t> spawn_supervisor(const SupervisorOptions& options, int socket, int exits) {
  std::vector<std::string> words = command_of(options);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  SLUICE_TRY(const OwnedFd socket_copy, lifted(socket));
  SLUICE_TRY(const OwnedFd exits_copy, lifted(exits));

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, socket_copy.get(), 3);
  posix_spawn_file_actions_adddup2(&files, exits_copy.get(), 4);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  // Whoever reads our stderr to its end must not have to wait for one that outlives us.
  if (options.outlives)
    posix_spawn_file_actions_addopen(&files, 2, (supervisors_folder(options.data_dir) + "/log").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_addclosefrom_np(&files, 5);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t all;
  sigfillset(&all);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, options.program.c_str(), &files, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) return fail_errno("start the supervisor " + options.program, error);
  return pid;
}

Result<std::unique_ptr<Supervisor>> launch_supervisor(const SupervisorOptions& given) {
  SupervisorOptions options = given;
  options.outlives = false;
  SLUICE_TRY(const NewSupervisor made, new_supervisor(options.data_dir));
  options.name = made.files.name();
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    const int error = errno;
    made.files.remove();
    return fail_errno("make the supervisor's socket", error);
  }
  OwnedFd ours(pair[0]);
  const OwnedFd its(pair[1]);
  auto pid = spawn_supervisor(options, its.get(), made.exits.get());
  if (!pid) {
    made.files.remove();
    return fail(std::move(pid).error());
  }
  SLUICE_TRY(std::unique_ptr<Supervisor> client,
             SupervisorClient::connect(ours.release(), *pid, SupervisorClient::Parting::kShutDown, build_identity(options)));
  return client;
}

}  // namespace sluice
