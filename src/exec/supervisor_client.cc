#include "exec/supervisor_client.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "base/match.h"
#include "exec/channel.h"

namespace sluice {
namespace {

// Over the 2 s that the supervisor gives its attempts between SIGTERM and SIGKILL; then the supervisor itself is killed.
constexpr std::chrono::seconds kShutDownMax{10};

class SupervisorClient final : public Supervisor {
 public:
  SupervisorClient(int socket, int epoll, pid_t pid) : channel_(socket), epoll_(epoll), pid_(pid) {
    append_frame(channel_.outbox(), Hello{});
    (void)send();
  }
  ~SupervisorClient() override {
    (void)shut_down();
    ::close(epoll_);
  }

  // An epoll descriptor rather than the socket: it is also readable when messages of ours wait and the socket has room again.
  int fd() const override { return epoll_; }

  Status start(std::span<const AttemptSpec> attempts) override {
    // All are checked before one is sent: a refused call has started nothing.
    const std::size_t before = channel_.outbox().size();
    for (const AttemptSpec& spec : attempts) {
      const std::size_t frame = channel_.outbox().size();
      append_frame(channel_.outbox(), spec);
      if (Status good = check_spec(spec, std::string_view(channel_.outbox()).substr(frame)); !good) {
        channel_.outbox().resize(before);
        return good;
      }
    }
    return send();
  }
  Status stop(const std::string& id, Duration grace) override { return send(WireStop{id, grace}); }
  Status ack(std::span<const std::string> ids) override {
    return ids.empty() ? Status{} : send(WireAck{{ids.begin(), ids.end()}});
  }

  Result<std::vector<SupervisorEvent>> receive() override {
    if (!gone_) take_in();
    if (!events_.empty()) return std::exchange(events_, {});
    if (gone_) return fail(Error(*gone_));
    return events_;
  }

  Status shut_down() override {
    if (pid_ <= 0) return {};
    if (!gone_) append_frame(channel_.outbox(), WireShutDown{});
    const auto deadline = std::chrono::steady_clock::now() + kShutDownMax;
    while (!gone_ && std::chrono::steady_clock::now() < deadline) {
      (void)send();
      pollfd waiting{epoll_, POLLIN, 0};
      ::poll(&waiting, 1, 100);
      take_in();
    }
    if (!gone_) {
      ::kill(pid_, SIGKILL);
      gone_ = Error{Code::kUnavailable, "the supervisor did not end and was killed", ""};
    }
    channel_.close();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
    pid_ = -1;
    return {};
  }

 private:
  Status send(const WireMessage& message) {
    append_frame(channel_.outbox(), message);
    return send();
  }

  Status send() {
    if (gone_) return fail(Error(*gone_));
    // A broken socket is reported by receive(), after the exits that arrived before it broke.
    const bool blocked = channel_.flush() && channel_.has_unsent();
    if (blocked != watching_room_) {
      watching_room_ = blocked;
      epoll_event event{.events = EPOLLIN | (blocked ? EPOLLOUT : 0U), .data = {}};
      ::epoll_ctl(epoll_, EPOLL_CTL_MOD, channel_.fd(), &event);
    }
    return {};
  }

  // Everything that has arrived goes to events_.
  void take_in() {
    if (watching_room_) (void)send();
    const auto open = channel_.fill();
    while (!gone_) {
      auto message = channel_.next();
      if (!message) {
        gone_ = std::move(message).error();
        gone_->code = Code::kUnavailable;
        channel_.close();
        return;
      }
      if (!*message) break;
      accept(std::move(**message));
    }
    if (!open || !*open) lose("the supervisor is gone: every attempt that it had not reported is lost");
  }

  void accept(WireMessage message) {
    std::visit(Match{
                   [&](const Hello& hello) {
                     if (Status good = check_hello(hello); !good) lose(good.error().message);
                   },
                   [&](AttemptBegan& began) { events_.emplace_back(std::move(began)); },
                   [&](AttemptExit& exit) { events_.emplace_back(std::move(exit)); },
                   [](const auto&) {},
               },
               message);
  }

  void lose(const std::string& why) {
    if (!gone_) gone_ = Error{Code::kUnavailable, why, ""};
  }

  Channel channel_;
  int epoll_;
  pid_t pid_;
  bool watching_room_ = false;
  std::vector<SupervisorEvent> events_;
  std::optional<Error> gone_;
};

// Own session, no descriptors but our stderr and the socket as 3, no blocked or ignored signals.
Result<pid_t> spawn_supervisor(const SupervisorOptions& options, int socket) {
  std::array<std::string, 9> words{
      options.program,   "supervise", "--data-dir", options.data_dir, "--fd", "3", "--slots", std::to_string(options.slots),
      "--no-private-tmp"};
  std::array<char*, 10> argv{};
  const std::size_t count = options.private_tmp ? words.size() - 1 : words.size();
  for (std::size_t i = 0; i < count; ++i) argv.at(i) = words.at(i).data();

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  // Duplicated upwards first: the socket may itself be below 3.
  posix_spawn_file_actions_adddup2(&files, socket, 3);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addclosefrom_np(&files, 4);
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

}  // namespace

Result<std::unique_ptr<Supervisor>> connect_supervisor(int fd, pid_t pid) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (epoll < 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    const int error = errno;
    if (epoll >= 0) ::close(epoll);
    ::close(fd);
    return fail_errno("watch the supervisor's socket", error);
  }
  return std::make_unique<SupervisorClient>(fd, epoll, pid);
}

Result<std::unique_ptr<Supervisor>> launch_supervisor(const SupervisorOptions& options) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return fail_errno("make the supervisor's socket", errno);
  const auto pid = spawn_supervisor(options, pair[1]);
  ::close(pair[1]);
  if (!pid) {
    ::close(pair[0]);
    return fail(pid.error());
  }
  return connect_supervisor(pair[0], *pid);
}

}  // namespace sluice
