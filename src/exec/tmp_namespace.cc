#include "exec/tmp_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "exec/mount_steps.h"

namespace sluice {
namespace {

// What the helper tells: 0 or the errno of the call that failed.
struct Report {
  int error = 0;
  bool has_user_namespace = false;
  std::array<char, 32> call{};
  bool is_mount = false;  // of what was asked for, and which
  bool is_step = false;
  std::size_t number = 0;
};

// Everything the helper needs, made before the fork: the caller may have threads, so the helper only makes system calls.
struct Plan {
  TmpKind kind;
  const char* root;
  std::vector<const char*> shown;
  std::vector<int> shown_fds;
  std::vector<std::array<char, 32>> shown_links;  // /proc/self/fd/N, filled in by the helper
  std::string uid_map, gid_map;
  MountSteps steps;
};

bool write_file(const char* path, std::string_view text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto written = ::write(fd, text.data(), text.size());
  ::close(fd);
  return written == static_cast<ssize_t>(text.size());
}

// As root in the namespaces that we are in; everybody else (and root in a container) in a user namespace, as the same user.
const char* enter_namespaces(const Plan& plan, bool& has_user_namespace) {
  if (::unshare(CLONE_NEWNS) == 0) return nullptr;
  if (errno != EPERM) return "unshare";
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return "unshare";
  has_user_namespace = true;
  if (!write_file("/proc/self/setgroups", "deny")) return "setgroups";
  if (!write_file("/proc/self/uid_map", plan.uid_map)) return "uid_map";
  if (!write_file("/proc/self/gid_map", plan.gid_map)) return "gid_map";
  return nullptr;
}

const char* set_up_tmp(Plan& plan, bool has_user_namespace) {
  if (plan.kind == TmpKind::kHost) return nullptr;
  for (std::size_t i = 0; i < plan.shown.size(); ++i) {
    plan.shown_fds[i] = ::open(plan.shown[i], O_PATH | O_CLOEXEC);
    if (plan.shown_fds[i] < 0) return "open what shows";
    write_descriptor_link(plan.shown_links[i], plan.shown_fds[i]);
  }
  // Relative, so that no comma or colon in the path needs an escape in the options.
  if (::chdir(plan.root) != 0) return "chdir";
  if (plan.kind == TmpKind::kBind) {
    if (::mount("upper", "/tmp", nullptr, MS_BIND, nullptr) != 0) return "bind mount";
  } else {
    const char* options =
        has_user_namespace ? "lowerdir=/tmp,upperdir=upper,workdir=work,userxattr" : "lowerdir=/tmp,upperdir=upper,workdir=work";
    if (::mount("overlay", "/tmp", "overlay", 0, options) != 0) return "overlay mount";
  }
  for (std::size_t i = 0; i < plan.shown.size(); ++i)
    if (::mount(plan.shown_links[i].data(), plan.shown[i], nullptr, MS_BIND | MS_REC, nullptr) != 0) return "bind what shows";
  return nullptr;
}

// Returns the call that failed, with errno set; null if all is done.
const char* set_up(Plan& plan, bool& has_user_namespace) {
  if (const char* failed = enter_namespaces(plan, has_user_namespace)) return failed;
  // Slave: what the host mounts later still arrives here, what we mount stays here.
  if (::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return "make / a slave";
  if (!plan.steps.open_sources()) return "open what is mounted";
  if (const char* failed = set_up_tmp(plan, has_user_namespace)) return failed;
  return plan.steps.carry_out() ? nullptr : "mount";
}

[[noreturn]] void run_helper(Plan& plan, int socket) {
  Report report;
  const char* failed = set_up(plan, report.has_user_namespace);
  report.error = failed != nullptr ? (errno != 0 ? errno : EIO) : 0;
  // The steps are the last thing to be done, and the sources the first: a call in between is not about a mount.
  report.is_step = failed != nullptr && plan.steps.has_begun();
  report.is_mount = failed != nullptr && failed == std::string_view("open what is mounted");
  report.number = plan.steps.failed();
  for (std::size_t i = 0; failed != nullptr && failed[i] != '\0' && i + 1 < report.call.size(); ++i) report.call[i] = failed[i];
  if (::write(socket, &report, sizeof report) != sizeof report) ::_exit(1);
  // The namespace needs us until our parent has taken hold of it.
  char end = 0;
  while (::read(socket, &end, 1) < 0 && errno == EINTR) {}
  ::_exit(0);
}

// In bind mode /tmp starts empty: what is to show needs a place to be mounted on.
Status make_places(const std::string& root, const std::vector<std::string>& shown) {
  std::error_code error;
  for (const std::string& path : shown) {
    const std::string place = root + "/upper" + path.substr(std::string_view("/tmp").size());
    const bool is_folder = std::filesystem::is_directory(path, error);
    std::filesystem::create_directories(is_folder ? std::filesystem::path(place) : std::filesystem::path(place).parent_path(),
                                        error);
    const int fd = is_folder || error ? -1 : ::open(place.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0) ::close(fd);
    if (error) return fail(Code::kUnavailable, "make " + place + ": " + error.message());
  }
  return {};
}

std::string what_failed(const TmpNamespaceRequest& request, const Report& report) {
  if (report.is_mount) return "open " + request.mounts.at(report.number).source;
  if (!report.is_step) return report.call.data();
  const MountStep& step = request.steps.at(report.number);
  if (step.kind == MountStep::Kind::kMount) return "mount " + request.mounts.at(step.mount).source + " at " + step.path;
  return (step.kind == MountStep::Kind::kReadOnly ? "make read-only " : "make ") + step.path;
}

Result<TmpNamespace> take_hold(pid_t helper, bool has_user_namespace) {
  const std::string folder = "/proc/" + std::to_string(helper);
  TmpNamespace made;
  made.mount = ::open((folder + "/ns/mnt").c_str(), O_RDONLY | O_CLOEXEC);
  made.root = ::open((folder + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (has_user_namespace) made.user = ::open((folder + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC);
  if (made.mount >= 0 && made.root >= 0 && (made.user >= 0 || !has_user_namespace)) return made;
  const int error = errno;
  for (const int fd : {made.mount, made.root, made.user})
    if (fd >= 0) ::close(fd);
  return fail_errno("open the namespaces", error);
}

}  // namespace

Result<TmpNamespace> make_tmp_namespace(const TmpNamespaceRequest& request) {
  const std::vector<std::string>& shown = request.shown;
  if (request.kind == TmpKind::kBind) SLUICE_TRY_STATUS(make_places(request.root, shown));
  Plan plan{.kind = request.kind, .root = request.root.c_str(), .steps = MountSteps(request.mounts, request.steps)};
  for (const std::string& path : shown) plan.shown.push_back(path.c_str());
  plan.shown_fds.resize(shown.size(), -1);
  plan.shown_links.resize(shown.size());
  plan.uid_map = std::to_string(::geteuid()) + " " + std::to_string(::geteuid()) + " 1";
  plan.gid_map = std::to_string(::getegid()) + " " + std::to_string(::getegid()) + " 1";

  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) return fail_errno("make a socket", errno);
  const pid_t helper = ::fork();
  if (helper == 0) {
    ::close(pair[0]);
    run_helper(plan, pair[1]);
  }
  ::close(pair[1]);
  Report report{.error = helper < 0 ? errno : EIO};
  if (helper > 0) {
    ssize_t got = 0;
    do {
      got = ::read(pair[0], &report, sizeof report);
    } while (got < 0 && errno == EINTR);
  }
  Result<TmpNamespace> made = fail(Code::kUnavailable, what_failed(request, report) + ": " + std::strerror(report.error));
  if (helper > 0 && report.error == 0) made = take_hold(helper, report.has_user_namespace);
  ::close(pair[0]);
  while (helper > 0 && ::waitpid(helper, nullptr, 0) < 0 && errno == EINTR) {}
  return made;
}

}  // namespace sluice
