#include "exec/supervisor_client.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

#include "base/match.h"

namespace sluice {
namespace {

// Over the 2 s that the supervisor gives its attempts between SIGTERM and SIGKILL; then the supervisor itself is killed.
constexpr std::chrono::seconds kShutDownMax{10};

}  // namespace

Result<std::unique_ptr<SupervisorClient>> SupervisorClient::connect(int fd, pid_t pid, Parting parting,
                                                                    const std::string& identity) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (epoll < 0 || ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    const int error = errno;
    if (epoll >= 0) ::close(epoll);
    ::close(fd);
    return fail_errno("watch the supervisor's socket", error);
  }
  std::unique_ptr<SupervisorClient> client(new SupervisorClient(fd, epoll, pid, parting));
  append_frame(client->channel_.outbox(), Hello{.program = identity, .pid = ::getpid()});
  (void)client->send();
  return client;
}

SupervisorClient::SupervisorClient(int socket, int epoll, pid_t pid, Parting parting)
    : channel_(socket), epoll_(epoll), pid_(pid), parting_(parting), is_listing_(parting == Parting::kLeave) {}

SupervisorClient::~SupervisorClient() {
  if (parting_ == Parting::kShutDown) (void)shut_down();
  ::close(epoll_);
}

Status SupervisorClient::start(std::span<const AttemptSpec> attempts) {
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

Status SupervisorClient::withdraw(std::span<const std::string> ids) {
  return ids.empty() ? Status{} : send(WireWithdraw{{ids.begin(), ids.end()}});
}

Status SupervisorClient::ack(std::span<const std::string> ids) {
  return ids.empty() ? Status{} : send(WireAck{{ids.begin(), ids.end()}});
}

Result<std::vector<SupervisorEvent>> SupervisorClient::receive() {
  if (!gone_) take_in();
  if (!events_.empty()) return std::exchange(events_, {});
  if (gone_) return fail(Error(*gone_));
  return events_;
}

Status SupervisorClient::await_listing(Duration patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (is_listing_) {
    if (!gone_) take_in();
    if (gone_) return fail(Error(*gone_));
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return fail(Code::kTimeout, "a supervisor does not answer");
    pollfd waiting{epoll_, POLLIN, 0};
    if (is_listing_) ::poll(&waiting, 1, static_cast<int>(left));
  }
  return {};
}

Status SupervisorClient::shut_down() {
  if (!gone_) append_frame(channel_.outbox(), WireShutDown{});
  const auto deadline = std::chrono::steady_clock::now() + kShutDownMax;
  while (!gone_ && std::chrono::steady_clock::now() < deadline) {
    (void)send();
    pollfd waiting{epoll_, POLLIN, 0};
    ::poll(&waiting, 1, 100);
    take_in();
  }
  if (!gone_) {
    if (const pid_t pid = pid_ > 0 ? pid_ : peer_ ? peer_->pid : 0; pid > 0) ::kill(pid, SIGKILL);
    gone_ = Error{Code::kUnavailable, "the supervisor did not end and was killed", ""};
  }
  channel_.close();
  while (pid_ > 0 && ::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
  pid_ = -1;
  return {};
}

Status SupervisorClient::send(const WireMessage& message) {
  append_frame(channel_.outbox(), message);
  return send();
}

Status SupervisorClient::send() {
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
void SupervisorClient::take_in() {
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
  if (!open || !*open) lose("it has ended without a word");
}

void SupervisorClient::accept(WireMessage message) {
  std::visit(Match{
                 [&](Hello& hello) {
                   peer_ = std::move(hello);
                   if (Status good = check_hello(*peer_); !good) lose(good.error().message);
                 },
                 [&](AttemptBegan& began) {
                   if (is_listing_)
                     listing_.running.push_back(std::move(began));
                   else
                     events_.emplace_back(std::move(began));
                 },
                 [&](AttemptExit& exit) {
                   if (is_listing_)
                     listing_.ended.push_back(std::move(exit));
                   else
                     events_.emplace_back(std::move(exit));
                 },
                 [&](AttemptsWithdrawn& withdrawn) { events_.emplace_back(std::move(withdrawn)); },
                 [&](WireListed& listed) {
                   listing_.held = std::move(listed.held);
                   is_listing_ = false;
                 },
                 [](const auto&) {},
             },
             message);
}

void SupervisorClient::lose(const std::string& why) {
  if (!gone_) gone_ = Error{Code::kUnavailable, why, ""};
}

}  // namespace sluice
