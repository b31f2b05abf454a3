#include "exec/supervisor_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <thread>

#include "base/sha256.h"
#include "exec/spawn.h"

namespace sluice {
namespace {

namespace fs = std::filesystem;

// A supervisor that is about to end does so in less than this; asking costs one system call.
constexpr std::chrono::milliseconds kLookAgain{2};

// A socket's path has room for 107 characters: longer ones go through the folder's descriptor.
struct Address {
  sockaddr_un name{};
  OwnedFd folder;

  explicit Address(const std::string& path) {
    name.sun_family = AF_UNIX;
    std::string fits = path;
    if (path.size() >= sizeof name.sun_path) {
      folder = OwnedFd(::open(path.substr(0, path.rfind('/')).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
      fits = "/proc/self/fd/" + std::to_string(folder.get()) + path.substr(path.rfind('/'));
    }
    std::memcpy(name.sun_path, fits.data(), std::min(fits.size(), sizeof name.sun_path - 1));
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&name); }
};

Result<OwnedFd> new_socket() {
  OwnedFd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return fail_errno("make a socket", errno);
  return fd;
}

}  // namespace

void SupervisorFiles::remove() const {
  ::unlink(socket().c_str());
  ::unlink(exits().c_str());
}

std::string supervisors_folder(const std::string& data_dir) { return data_dir + "/supervisors"; }

SupervisorFiles supervisor_files(const std::string& data_dir, const std::string& name) {
  return {supervisors_folder(data_dir) + "/" + name};
}

std::vector<SupervisorFiles> list_supervisor_files(const std::string& data_dir) {
  std::vector<SupervisorFiles> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(supervisors_folder(data_dir), error))
    if (entry.path().extension() == ".exits") found.push_back(supervisor_files(data_dir, entry.path().stem()));
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.base < b.base; });
  return found;
}

Result<NewSupervisor> new_supervisor(const std::string& data_dir) {
  const std::string folder = supervisors_folder(data_dir);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno("make directory " + folder, errno);
  while (true) {
    std::uint32_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) return fail_errno("get a random number", errno);
    std::array<char, 9> name{};
    std::snprintf(name.data(), name.size(), "%08x", number);
    NewSupervisor made{.files = supervisor_files(data_dir, name.data())};
    const std::string path = made.files.exits();
    made.exits = OwnedFd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (made.exits.get() < 0 && errno == EEXIST) continue;
    if (made.exits.get() < 0) return fail_errno("make " + path, errno);
    if (::flock(made.exits.get(), LOCK_EX | LOCK_NB) == 0) return made;
    const int error = errno;
    made.files.remove();
    return fail_errno("lock " + path, error);
  }
}

Result<OwnedFd> listen_on(const SupervisorFiles& files) {
  SLUICE_TRY(OwnedFd fd, new_socket());
  const Address address(files.socket());
  if (::bind(fd.get(), address.get(), sizeof address.name) != 0 || ::listen(fd.get(), 8) != 0)
    return fail_errno("listen on " + files.socket(), errno);
  return fd;
}

Result<OwnedFd> connect_to(const SupervisorFiles& files) {
  SLUICE_TRY(OwnedFd fd, new_socket());
  const Address address(files.socket());
  while (::connect(fd.get(), address.get(), sizeof address.name) != 0) {
    if (errno == EINTR) continue;
    if (errno == ECONNREFUSED || errno == ENOENT) return fail(Code::kUnavailable, "nobody listens on " + files.socket());
    return fail_errno("connect to " + files.socket(), errno);
  }
  return fd;
}

Result<Life> supervisor_life(const SupervisorFiles& files, Duration patience) {
  const OwnedFd fd(::open(files.exits().c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) return Life::kGone;
  if (fd.get() < 0) return fail_errno("open " + files.exits(), errno);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock " + files.exits(), errno);
    if (std::chrono::steady_clock::now() >= deadline) return Life::kAlive;
    std::this_thread::sleep_for(kLookAgain);
  }
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno("look at " + files.exits(), errno);
  return status.st_nlink == 0 ? Life::kGone : Life::kDead;
}

std::string build_identity(const SupervisorOptions& options) {
  struct stat program{};
  (void)::stat("/proc/self/exe", &program);
  std::string facts = std::to_string(program.st_dev) + " " + std::to_string(program.st_ino) + " " +
                      std::to_string(program.st_mtim.tv_sec) + " " + std::to_string(program.st_mtim.tv_nsec) + " " +
                      (options.private_tmp ? "private" : "shared");
  facts += BaseEnvironment(environ).text();
  return std::string(SLUICE_VERSION) + " " + sha256_hex(facts).substr(0, 16);
}

}  // namespace sluice
