// What workers and steps tell the pool.
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "base/match.h"
#include "exec/warm_pool.h"

namespace sluice {
namespace {

// Each of them leaves out one more of the modules that cannot be imported ahead.
constexpr int kTriesMax = 12;
// Of one turn: a step that never stops talking cannot keep us from the others.
constexpr int kStepPacketsMax = 64;

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

}  // namespace

void WarmPool::on_control(Worker& worker, std::vector<WarmNews>& out, Instant now) {
  while (!worker.is_gone) {
    auto packet = receive_packet(worker.control.get());
    if (!packet) return;
    const auto news = packet->bytes.empty() ? std::nullopt : read_worker_news(packet->bytes);
    if (!news) return give_up(worker, "its warm worker ended while it started", now);
    take(worker, *news, std::move(packet->fd), out, now);
  }
}

void WarmPool::take(Worker& worker, const WorkerNews& news, OwnedFd fd, std::vector<WarmNews>& out, Instant now) {
  std::visit(Match{
                 [&](const WorkerReady& ready) { on_ready(worker, ready, now); },
                 [&](const WorkerFailed& failed) { give_up(worker, "its warm worker cannot start: " + failed.why, now); },
                 [&](const WorkerAgain&) {
                   const Worker before{.environment = worker.environment,
                                       .variables = worker.variables,
                                       .tries = worker.tries,
                                       .replaces = worker.replaces};
                   give_up(worker, "", now);
                   if (before.tries >= kTriesMax)
                     trouble_[{before.environment, before.variables}] = {"too many of its modules cannot be imported ahead", now};
                   else
                     (void)start(before.environment, before.variables, now, before.tries + 1, before.replaces).has_value();
                 },
                 [&](const WorkerLearned&) { worker.is_stale = true; },
                 [&](const SpareSpoilt& spoilt) { on_spoilt(worker, spoilt.pid, now); },
                 [&](const SpareReady& spare) { on_spare(worker, spare.pid, std::move(fd), now); },
                 [&](const StepReaped& reaped) {
                   const auto found = forked_.find(reaped.pid);
                   if (found == forked_.end() || found->second.worker != worker.number) return;
                   if (found->second.state == Forked::State::kStep)
                     out.push_back({.pid = reaped.pid,
                                    .kind = WarmNews::Kind::kEnded,
                                    .wait_status = reaped.wait_status,
                                    .cpu = reaped.cpu,
                                    .max_rss_bytes = reaped.max_rss_bytes});
                   forked_.erase(found);
                 },
             },
             news);
}

// Those that wait for an older one ask again after this turn.
void WarmPool::on_ready(Worker& worker, const WorkerReady& ready, Instant now) {
  for (const std::string& package : ready.packages) worker.packages.push_back(upper(package));
  packages_[worker.environment] = worker.packages;
  worker.is_ready = true;
  worker.used = now;
  worker.bytes = resident_bytes(worker.pid);
  for (auto& [number, other] : workers_)
    if (number != worker.number && other.is_ready && other.environment == worker.environment &&
        can_serve(worker.variables, other.variables, worker.packages)) {
      other.is_replaced = true;
      other.is_stale = false;
    }
}

void WarmPool::on_spare(Worker& worker, pid_t pid, OwnedFd socket, Instant now) {
  worker.forking = std::max(0, worker.forking - 1);
  worker.has_forked = true;
  OwnedFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (socket.get() < 0 || pidfd.get() < 0) return;
  if (worker.spare_bytes == 0) worker.spare_bytes = private_bytes(pid);
  worker.used = std::max(worker.used, waiting_.empty() ? worker.used : now);
  watch(socket.get(), Source::kSocket, pid);
  watch(pidfd.get(), Source::kPidfd, pid);
  Forked& forked = forked_[pid];
  forked.worker = worker.number;
  forked.socket = std::move(socket);
  forked.pidfd = std::move(pidfd);
}

// To fork again at once would most likely fail again: without a spare its steps run cold for a while.
void WarmPool::on_spoilt(Worker& worker, pid_t pid, Instant now) {
  worker.forking = std::max(0, worker.forking - 1);
  if (pid > 0) {
    Forked& forked = forked_[pid];
    forked.worker = worker.number;
    forked.state = Forked::State::kDone;
    reap(pid);
  }
  if (spare_of(worker.number)) return;
  worker.is_stuck = true;
  trouble_[{worker.environment, worker.variables}] = {"its warm worker cannot fork", now};
}

void WarmPool::on_step_news(pid_t pid, Forked& forked, std::vector<WarmNews>& out, Instant now) {
  for (int i = 0; i < kStepPacketsMax; ++i) {
    const auto packet = receive_packet(forked.socket.get());
    if (!packet) return;
    if (packet->bytes.empty()) {  // the step has closed it, or is gone
      forked.socket = OwnedFd();
      return;
    }
    const auto news = read_step_news(packet->bytes);
    if (!news || forked.state != Forked::State::kStep) continue;
    if (const auto* done = std::get_if<StepDone>(&*news)) {
      forked.state = Forked::State::kDone;
      out.push_back({.pid = pid,
                     .kind = WarmNews::Kind::kDone,
                     .wait_status = done->exit_code << 8,
                     .cpu = done->cpu,
                     .max_rss_bytes = done->max_rss_bytes});
    } else if (const auto worker = workers_.find(forked.worker); worker != workers_.end()) {
      std::vector<std::string> words = std::get<StepModules>(*news).names;
      words.insert(words.begin(), "learn");
      worker->second.learned = now;
      send_packet(worker->second.control.get(), warm_packet(words));
    }
  }
}

void WarmPool::on_death(pid_t pid, Forked& forked, std::vector<WarmNews>& out) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, forked.pidfd.get(), nullptr);
  if (forked.state == Forked::State::kStep)
    out.push_back({.pid = pid, .kind = WarmNews::Kind::kDying});
  else
    reap(pid);
}

}  // namespace sluice
