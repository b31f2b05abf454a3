// The supervisor and its engine: one peer at a time, or none for as long as it takes.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <utility>

#include "base/match.h"
#include "exec/supervisor_files.h"
#include "exec/supervisor_loop.h"

namespace sluice {
namespace {

// How long the last events may take to go out when the engine does not read.
constexpr int kFlushMaxMs = 5000;
// Of 1 MiB each: more than a socket's buffer holds.
constexpr int kLastFillsMax = 32;

}  // namespace

// The newest peer is the one that counts: the one before has died, or will see that it has lost its place. What it said before is
// heard first, so that the new one is told of it.
void SupervisorLoop::on_connect() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  part_with_peer();
  peer_.emplace(fd);
  watch(fd, &peer_);
  greet();
}

void SupervisorLoop::greet() {
  append_frame(peer_->outbox(), Hello{.program = options_.program_identity, .pid = ::getpid()});
  has_news_ = true;
}

// Hears what it has still said.
void SupervisorLoop::part_with_peer() {
  for (int i = 0; peer_ && i < kLastFillsMax; ++i) {
    const auto open = peer_->fill();
    read_messages();
    if (!open || !*open) break;
  }
  lose_peer();
}

void SupervisorLoop::on_peer() {
  if (!peer_) return;  // lost in this turn
  const auto open = peer_->fill();
  read_messages();
  if (peer_ && (!open || !*open)) lose_peer();
}

void SupervisorLoop::read_messages() {
  for (bool more = true; peer_ && more;) {
    auto message = peer_->next();
    if (!message) {
      // We cannot know what a peer wants that we do not understand; parting with it is the one safe answer.
      std::fprintf(stderr, "sluice supervise: %s\n", message.error().message.c_str());
      return lose_peer();
    }
    more = message->has_value();
    if (more) accept(std::move(**message));
  }
}

void SupervisorLoop::lose_peer() {
  if (!peer_) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, peer_->fd(), nullptr);
  peer_.reset();
  watches_room_ = false;
  has_heard_all_ = false;
  if (listener_ < 0) end_all(Ending::kAlone);
}

void SupervisorLoop::accept(WireMessage message) {
  std::visit(Match{
                 [&](const Hello& hello) {
                   if (listener_ >= 0 && check_hello(hello)) return list_everything();
                   // The peer reads our hello and knows why; of one that ends with its peer nothing runs yet that could be lost.
                   if (listener_ < 0 && !check_hello(hello)) end_all(Ending::kAlone);
                 },
                 [&](WireStart& m) { start(std::move(m.spec)); },
                 [&](const WireStop& m) {
                   if (const auto found = attempts_.find(m.id); found != attempts_.end())
                     stop(*found->second, m.grace);
                   else
                     stop_held(m.id);
                 },
                 [&](const WireWithdraw& m) { withdraw(m.ids); },
                 [&](const WireAck& m) { acknowledge(m.ids); },
                 [&](const WireSlots& m) {
                   slots_ = static_cast<std::size_t>(m.slots);
                   start_held();
                 },
                 [&](const WireShutDown&) { end_all(Ending::kAsked); },
                 [](const auto&) {},
             },
             message);
}

// From here on it hears what is new.
void SupervisorLoop::list_everything() {
  has_heard_all_ = true;
  for (const auto& [id, attempt] : attempts_) say(AttemptBegan{id, attempt->pid(), attempt->exit().began});
  for (const auto& [id, exit] : exits_) say(exit);
  WireListed listed;
  for (const AttemptSpec& spec : held_) listed.held.push_back(spec.id);
  for (const AttemptSpec& spec : warming_) listed.held.push_back(spec.id);
  say(listed);
}

void SupervisorLoop::withdraw(const std::vector<std::string>& ids) {
  AttemptsWithdrawn withdrawn;
  for (const std::string& id : ids)
    if (take_back(id)) withdrawn.ids.push_back(id);
  start_held();  // one that waited for a worker has had a slot
  say(withdrawn);
}

void SupervisorLoop::acknowledge(const std::vector<std::string>& ids) {
  for (const std::string& id : ids) exits_.erase(id);
  if (exits_.empty()) exit_file_.all_acknowledged();
}

void SupervisorLoop::say(const WireMessage& message) {
  has_news_ = true;
  if (has_heard_all_) append_frame(peer_->outbox(), message);
}

// An attempt that we end because all must end has not failed by itself. Whoever asked for that is told; it is written down for
// nobody, so that the next engine finds neither an end nor a beginning of it.
void SupervisorLoop::tell(const AttemptExit& exit) {
  const bool cut_short = ending_ != Ending::kNo && (exit.exit_code != 0 || !exit.error.empty());
  if (!cut_short) {
    if (!exit.unavailable) exit_file_.append(exit);  // else it has not begun: it may begin later
    exits_[exit.id] = exit;
  }
  if (cut_short && ending_ == Ending::kAlone) {
    has_cut_short_ = true;
    if (listener_ >= 0) return;
  }
  say(exit);
}

void SupervisorLoop::send_waiting() {
  if (!peer_) return;
  if (!peer_->flush()) return listener_ >= 0 ? part_with_peer() : lose_peer();
  if (peer_->has_unsent() == watches_room_) return;
  watches_room_ = peer_->has_unsent();
  epoll_event event{.events = EPOLLIN | (watches_room_ ? EPOLLOUT : 0U), .data = {.ptr = &peer_}};
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, peer_->fd(), &event);
}

// Only a peer that is still there is waited for.
void SupervisorLoop::send_last_words() {
  for (int waited = 0; has_unsent() && waited < kFlushMaxMs; waited += 100) {
    pollfd room{peer_->fd(), POLLOUT, 0};
    ::poll(&room, 1, 100);
    if (!peer_->flush()) return;
  }
}

// What stays behind says to the next engine whether attempts may have begun that it finds nowhere.
void SupervisorLoop::leave_files() {
  if (options_.name.empty()) return;
  const SupervisorFiles files = supervisor_files(options_.data_dir, options_.name);
  if (listener_ < 0) return files.remove();  // its engine knew that all would end with it
  if (!has_cut_short_ && exits_.empty()) return files.remove();
  ::unlink(files.socket().c_str());
  if (!has_cut_short_) exit_file_.append(WireEnded{});
}

}  // namespace sluice
