#include "exec/warm_pool.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/match.h"

namespace sluice {
namespace {

// A worker that is not ready after so long will not be: its steps run cold.
constexpr std::chrono::seconds kStartMax{30};
// What did not start once may start when the machine has other worries.
constexpr std::chrono::minutes kTroubleMax{10};
// Memory and idle workers are looked at so often while there are workers.
constexpr std::chrono::seconds kLookEvery{5};
// A worker whose socket is full (hundreds of ends at once) is told again after this.
constexpr int kTellAgainMs = 5;
// So long it may take a worker to note down what a step has imported.
constexpr std::chrono::seconds kLearnMax{2};
// A worker that is not older has been asked for what it has: no other is started in its place.
constexpr std::chrono::seconds kReplaceMin{1};

// Of what an attempt has of its own, that which a worker must have been started with.
Variables start_variables(const AttemptSpec& spec, std::span<const std::string> packages) {
  Variables variables = variables_of(spec.env);
  std::erase_if(variables, [&](const auto& variable) { return effect_of(variable.first, packages) == VariableEffect::kAnytime; });
  return variables;
}

}  // namespace

WarmPool::WarmPool(const SupervisorOptions& options, const BaseEnvironment& base) : options_(options), base_(base) {}

WarmPool::~WarmPool() {
  if (epoll_ >= 0) ::close(epoll_);
}

bool WarmPool::set_up(int devnull) {
  devnull_ = devnull;
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  return epoll_ >= 0;
}

bool WarmPool::watch(int fd, Source source, int number) const {
  const std::uint64_t where = (static_cast<std::uint64_t>(source) << 32U) | static_cast<std::uint32_t>(number);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = where}};
  return ::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0;
}

std::optional<pid_t> WarmPool::spare_of(int worker) const {
  for (const auto& [pid, forked] : forked_)
    if (forked.worker == worker && forked.state == Forked::State::kSpare) return pid;
  return std::nullopt;
}

// The newest that will do: it has imported the most.
WarmPool::Worker* WarmPool::find_worker(const std::string& environment, const Variables& wanted, bool ready) {
  for (auto at = workers_.rbegin(); at != workers_.rend(); ++at) {
    Worker& worker = at->second;
    if (worker.is_gone || worker.is_stuck || worker.is_ready != ready || worker.environment != environment) continue;
    if (can_serve(worker.variables, wanted, ready ? worker.packages : packages_[environment])) return &worker;
  }
  return nullptr;
}

WarmPool::Answer WarmPool::ask(const AttemptSpec& spec, Instant now) {
  waiting_.erase(spec.id);
  const std::string& environment = spec.warm->environment;
  if (spec.id.size() > kWarmIdMax) return {Way::kCold, "its id is too long"};
  if (const auto name = cold_variable(spec.env); !name.empty()) return {Way::kCold, std::string(name) + " is set"};
  const Variables wanted = start_variables(spec, packages_[environment]);
  Worker* worker = find_worker(environment, wanted, true);
  if (worker != nullptr && spare_of(worker->number)) return {Way::kWarm, ""};
  if (worker == nullptr) {
    if (const auto known = trouble_.find({environment, wanted}); known != trouble_.end()) {
      if (now - known->second.at < kTroubleMax) return {Way::kCold, known->second.why};
      trouble_.erase(known);
    }
    worker = find_worker(environment, wanted, false);
  }
  if (worker == nullptr) {
    if (const Status started = start(environment, wanted, now, 1, 0); !started) return {Way::kCold, started.error().message};
    worker = &workers_.rbegin()->second;
  }
  waiting_[spec.id] = worker->number;
  carry_out(now);
  return {Way::kWait, ""};
}

Status WarmPool::start(const std::string& environment, const Variables& wanted, Instant now, int tries, int replaces) {
  auto process = start_worker(environment, base_, wanted, devnull_);
  if (!process) {
    trouble_[{environment, wanted}] = {process.error().message, now};
    return fail(std::move(process).error());
  }
  const int number = ++numbers_;
  Worker& worker = workers_[number];
  worker.number = number;
  worker.pid = process->pid;
  worker.control = std::move(process->control);
  worker.environment = environment;
  worker.variables = wanted;
  worker.tries = tries;
  worker.replaces = replaces;
  worker.since = worker.used = now;
  watch(worker.control.get(), Source::kControl, number);
  return {};
}

pid_t WarmPool::hand(const AttemptSpec& spec, std::span<char* const> envp, const Place& place, Instant now) {
  Worker* worker = find_worker(spec.warm->environment, start_variables(spec, packages_[spec.warm->environment]), true);
  const OwnedFd request(::memfd_create("sluice-step", MFD_CLOEXEC));
  const std::string text = warm_request(spec, envp);
  if (worker == nullptr || request.get() < 0) return -1;
  if (::write(request.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return -1;
  std::string kinds = "jioe";
  std::vector<int> fds{request.get(), place.stdin_fd, place.stdout_fd, place.stderr_fd};
  for (const auto& [kind, fd] :
       {std::pair{'u', place.tmp.user_namespace}, {'m', place.tmp.mount_namespace}, {'r', place.tmp.root}})
    if (fd >= 0) {
      kinds += kind;
      fds.push_back(fd);
    }
  worker->used = now;
  while (const auto pid = spare_of(worker->number)) {
    Forked& forked = forked_.at(*pid);
    if (send_packet(forked.socket.get(), kinds, fds)) {
      forked.state = Forked::State::kStep;
      carry_out(now);
      return *pid;
    }
    drop(forked);
  }
  return -1;
}

std::vector<WarmNews> WarmPool::turn(Instant now) {
  std::vector<WarmNews> out;
  for (const pid_t pid : std::exchange(reaps_, {})) reap(pid);
  std::array<epoll_event, 32> events;
  const int count = ::epoll_wait(epoll_, events.data(), events.size(), 0);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t source = events.at(static_cast<std::size_t>(i)).data.u64;
    const int number = static_cast<int>(source & 0xFFFFFFFFU);
    if (source >> 32U == static_cast<std::uint64_t>(Source::kControl)) {
      if (const auto found = workers_.find(number); found != workers_.end()) on_control(found->second, out, now);
      continue;
    }
    const auto found = forked_.find(number);
    if (found == forked_.end()) continue;
    // What it has said comes before that it is gone.
    if (found->second.socket.get() >= 0) on_step_news(number, found->second, out, now);
    if (source >> 32U == static_cast<std::uint64_t>(Source::kPidfd)) on_death(number, found->second, out);
  }
  if (now - looked_ >= kLookEvery || now < looked_) {
    looked_ = now;
    look_at_starts(now);
    look_at_memory();
  }
  carry_out(now);
  return out;
}

void WarmPool::reap(pid_t pid) {
  const auto found = forked_.find(pid);
  if (found == forked_.end() || found->second.is_asked) return;
  const auto worker = workers_.find(found->second.worker);
  if (worker == workers_.end() || worker->second.is_gone) return;
  const std::vector<std::string> words{"reap", std::to_string(pid)};
  found->second.is_asked = send_packet(worker->second.control.get(), warm_packet(words));
  if (!found->second.is_asked) reaps_.push_back(pid);
}

std::vector<WarmNews> WarmPool::child_reaped(pid_t pid) {
  std::vector<WarmNews> out;
  const auto gone = std::find_if(workers_.begin(), workers_.end(), [&](const auto& worker) { return worker.second.pid == pid; });
  if (gone == workers_.end()) {
    forked_.erase(pid);
    return out;
  }
  // What it has forked is a child of ours now; what is not, it had waited for without a word.
  std::erase_if(forked_, [&](const auto& entry) {
    const auto& [forked_pid, forked] = entry;
    if (forked.worker != gone->first) return false;
    siginfo_t info{};
    const bool is_ours = ::waitid(P_PID, static_cast<id_t>(forked_pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    if (forked.state == Forked::State::kStep && !is_ours) out.push_back({.pid = forked_pid, .kind = WarmNews::Kind::kLost});
    return true;
  });
  std::erase_if(waiting_, [&](const auto& entry) { return entry.second == gone->first; });
  workers_.erase(gone);
  return out;
}

// Nothing is asked of it any more; where it was about to start, its steps run cold.
void WarmPool::give_up(Worker& worker, const std::string& why, Instant now) {
  if (!worker.has_forked && !why.empty() && worker.replaces == 0) trouble_[{worker.environment, worker.variables}] = {why, now};
  worker.is_gone = true;
  worker.control = OwnedFd();
  ::kill(worker.pid, SIGKILL);
}

void WarmPool::end(Worker& worker, Instant now) {
  worker.is_gone = true;
  worker.control = OwnedFd();
  for (auto& [pid, forked] : forked_)
    if (forked.worker == worker.number) forked.socket = OwnedFd();
  if (now - worker.learned > kLearnMax) ::kill(worker.pid, SIGKILL);
}

void WarmPool::end(Instant now) {
  for (auto& [number, worker] : workers_)
    if (!worker.is_gone) end(worker, now);
}

// Its socket's end is the end of one that waits; that is seen as any other death.
void WarmPool::drop(Forked& forked) {
  forked.state = Forked::State::kDone;
  forked.socket = OwnedFd();
}

std::size_t WarmPool::steps() const {
  return static_cast<std::size_t>(std::count_if(forked_.begin(), forked_.end(),
                                                [](const auto& entry) { return entry.second.state == Forked::State::kStep; }));
}

bool WarmPool::is_due(Instant now) const {
  return !reaps_.empty() || (!workers_.empty() && (now - looked_ >= kLookEvery || now < looked_));
}

int WarmPool::wait_ms(Instant now) const {
  if (!reaps_.empty()) return kTellAgainMs;
  if (workers_.empty()) return -1;
  return static_cast<int>(std::clamp<std::int64_t>((kLookEvery - (now - looked_)).count() / 1000 + 1, 1, 5000));
}

// A spare that died before it said a word (killed for want of memory) is not counted on for ever.
void WarmPool::look_at_starts(Instant now) {
  for (auto& [number, worker] : workers_) {
    if (worker.is_gone) continue;
    if (!worker.is_ready && now - worker.since > kStartMax) {
      give_up(worker, "its warm worker took longer than 30 s to start", now);
    } else if (worker.forking > 0 && now - worker.told > kStartMax) {
      worker.forking = 0;
      worker.is_stuck = !spare_of(number);
      if (worker.is_stuck) trouble_[{worker.environment, worker.variables}] = {"its warm worker does not answer", now};
    }
  }
}

void WarmPool::look_at_memory() {
  if (workers_.empty()) return;
  memory_ = machine_memory();
  for (auto& [number, worker] : workers_)
    if (!worker.is_gone) worker.bytes = resident_bytes(worker.pid);
}

WarmView WarmPool::view(Instant now) const {
  WarmView view{.slots = options_.slots,
                .bytes_max = options_.warm.memory_bytes > 0 ? options_.warm.memory_bytes : memory_.total_bytes / 4,
                .bytes_available = memory_.available_bytes,
                .bytes_spare = memory_.total_bytes / 16,
                .idle_max = options_.warm.idle,
                .now = now};
  for (const auto& [number, worker] : workers_) {
    if (worker.is_gone) continue;
    WarmWorkerState state{
        .number = number,
        .is_ready = worker.is_ready,
        .is_replaced = worker.is_replaced || worker.is_stuck,
        .is_stale = worker.is_stale && !worker.is_replaced && now - worker.since > kReplaceMin && !is_being_replaced(number),
        .spares = worker.forking,
        .bytes = worker.bytes,
        .spare_bytes = worker.spare_bytes,
        .used = worker.used};
    for (const auto& [pid, forked] : forked_) {
      if (forked.worker != number) continue;
      state.spares += forked.state == Forked::State::kSpare ? 1 : 0;
      state.steps += forked.state == Forked::State::kStep ? 1 : 0;
    }
    for (const auto& [id, waited_for] : waiting_) state.waiting += waited_for == number ? 1 : 0;
    view.workers.push_back(state);
  }
  return view;
}

bool WarmPool::is_being_replaced(int worker) const {
  return std::any_of(workers_.begin(), workers_.end(), [&](const auto& entry) {
    return entry.second.replaces == worker && !entry.second.is_ready && !entry.second.is_gone;
  });
}

void WarmPool::carry_out(Instant now) {
  if (workers_.empty()) return;
  if (memory_.total_bytes == 0) memory_ = machine_memory();
  for (const WarmMove& move : next_warm_moves(view(now))) perform(move, now);
}

void WarmPool::perform(const WarmMove& move, Instant now) {
  std::visit(Match{
                 [&](const ForkSpares& fork) {
                   Worker& worker = workers_.at(fork.worker);
                   worker.told = now;
                   for (int i = 0; i < fork.count; ++i)
                     if (send_packet(worker.control.get(), "fork")) ++worker.forking;
                 },
                 [&](const DropSpares& some) {
                   for (int i = 0; i < some.count; ++i)
                     if (const auto pid = spare_of(some.worker)) drop(forked_.at(*pid));
                 },
                 [&](const EndWorker& ended) { end(workers_.at(ended.worker), now); },
                 [&](const ReplaceWorker& old) {
                   Worker& worker = workers_.at(old.worker);
                   worker.is_stale = false;
                   (void)start(worker.environment, worker.variables, now, 1, worker.number).has_value();
                 },
             },
             move);
}

}  // namespace sluice
