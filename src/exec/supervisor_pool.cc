#include "exec/supervisor_pool.h"

#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <utility>

#include "base/match.h"
#include "exec/exit_file.h"

namespace sluice {
namespace {

// A supervisor answers within a millisecond; on a machine that swaps it may take seconds.
constexpr std::chrono::seconds kAnswerMax{10};
// Over the 2 s that the last attempts of a supervisor have to end, and the time it takes to tidy up after them.
constexpr std::chrono::seconds kEndMax{20};
// Between the end of its socket and that of the process.
constexpr std::chrono::seconds kDeathMax{1};

}  // namespace

SupervisorPool::SupervisorPool(SupervisorOptions options, Spawn spawn, int epoll)
    : options_(std::move(options)), spawn_(std::move(spawn)), epoll_(epoll) {
  options_.outlives = true;
  if (options_.program_identity.empty()) options_.program_identity = build_identity(options_);
}

SupervisorPool::~SupervisorPool() {
  members_.clear();
  ::close(epoll_);
}

Result<std::unique_ptr<SupervisorPool>> SupervisorPool::attach(SupervisorOptions options, Spawn spawn) {
  const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) return fail_errno("watch supervisors", errno);
  std::unique_ptr<SupervisorPool> pool(new SupervisorPool(std::move(options), std::move(spawn), epoll));
  for (const SupervisorFiles& files : list_supervisor_files(pool->options_.data_dir)) SLUICE_TRY_STATUS(pool->attach_to(files));
  pool->share_slots();
  return pool;
}

Status SupervisorPool::attach_to(const SupervisorFiles& files) {
  SLUICE_TRY(Life life, supervisor_life(files, Duration{0}));
  if (life == Life::kAlive) {
    // One that does not listen ends with its engine, whose end is near: it had the lock of this directory, which we have now.
    // So does one that has just given up waiting for a peer.
    if (auto socket = connect_to(files)) {
      SLUICE_TRY(auto client,
                 SupervisorClient::connect(socket->release(), -1, SupervisorClient::Parting::kLeave, options_.program_identity));
      const Status listed = client->await_listing(kAnswerMax);
      if (listed) return adopt({.files = files, .client = std::move(client)});
      if (client->is_refused())
        return fail(Code::kUnavailable,
                    "supervisor " + files.name() + " (process " + std::to_string(client->peer()->pid) +
                        ") still runs attempts: " + listed.error().message,
                    "start the version that it belongs to, or wait until its attempts have ended");
      if (listed.error().code == Code::kTimeout)
        return fail(Code::kUnavailable, "supervisor " + files.name() + " does not answer on " + files.socket(),
                    "see whether its process is stopped or hangs; its attempts end when it is killed");
    }
    SLUICE_TRY(life, supervisor_life(files, kEndMax));
    if (life == Life::kAlive)
      return fail(Code::kUnavailable, "the supervisor of an engine that is gone does not end: it has locked " + files.exits(),
                  "see who holds that file, and end that process");
  }
  if (life == Life::kDead) add_dead(files);
  return {};
}

Status SupervisorPool::adopt(Member member) {
  const SupervisorInventory listing = member.client->inventory();
  SLUICE_TRY_STATUS(watch(member));
  members_.push_back(std::move(member));
  Member& kept = members_.back();
  const auto own = [&](const std::string& id, bool ended) {
    kept.attempts[id] = ended;
    owners_[id] = &kept;
  };
  for (const AttemptBegan& began : listing.running) own(began.id, false);
  for (const std::string& id : listing.held) own(id, false);
  for (const AttemptExit& exit : listing.ended) own(exit.id, true);
  found_.running.insert(found_.running.end(), listing.running.begin(), listing.running.end());
  found_.held.insert(found_.held.end(), listing.held.begin(), listing.held.end());
  found_.ended.insert(found_.ended.end(), listing.ended.begin(), listing.ended.end());
  if (current_ == nullptr && kept.client->peer()->program == options_.program_identity) current_ = &kept;
  return {};
}

// What it had and did not write down, it alone knew.
void SupervisorPool::add_dead(const SupervisorFiles& files) {
  auto content = read_exit_file(files.exits());
  if (!content) content = ExitFileContent{};
  if (!content->ended_well) found_.is_complete = false;
  members_.push_back({.files = files});
  for (AttemptExit& exit : content->exits) {
    members_.back().attempts[exit.id] = true;
    owners_[exit.id] = &members_.back();
    found_.ended.push_back(std::move(exit));
  }
}

Status SupervisorPool::watch(const Member& member) const {
  epoll_event event{.events = EPOLLIN, .data = {}};
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, member.client->fd(), &event) != 0) return fail_errno("watch a supervisor", errno);
  return {};
}

Status SupervisorPool::make_ready() {
  if (current_ != nullptr) return {};
  return launch();
}

Status SupervisorPool::launch() {
  SLUICE_TRY(const NewSupervisor made, new_supervisor(options_.data_dir));
  const auto give_up = [&](Error error) {
    made.files.remove();
    return fail(std::move(error));
  };
  // It is bound before the supervisor lives, so that we need not wait until it can be reached.
  auto listener = listen_on(made.files);
  if (!listener) return give_up(std::move(listener).error());
  SupervisorOptions options = options_;
  options.name = made.files.name();
  auto socket = connect_to(made.files);
  if (!socket) return give_up(std::move(socket).error());
  auto child = spawn_(options, listener->get(), made.exits.get());
  if (!child) return give_up(std::move(child).error());
  // From here on it is there: it ends by itself if we fail.
  SLUICE_TRY(auto client,
             SupervisorClient::connect(socket->release(), -1, SupervisorClient::Parting::kLeave, options_.program_identity));
  Member member{.files = made.files, .client = std::move(client), .child = *child};
  SLUICE_TRY_STATUS(watch(member));
  members_.push_back(std::move(member));
  current_ = &members_.back();
  slots_given_ = options_.slots;
  share_slots();
  return {};
}

Status SupervisorPool::start(std::span<const AttemptSpec> attempts) {
  SLUICE_TRY_STATUS(make_ready());
  Status sent = current_->client->start(attempts);
  if (!sent && sent.error().code != Code::kUnavailable) return sent;
  // It may be dead: then receive() says that they are lost.
  for (const AttemptSpec& spec : attempts) {
    current_->attempts[spec.id] = false;
    owners_[spec.id] = current_;
  }
  return {};
}

Status SupervisorPool::stop(const std::string& id, Duration grace) {
  const auto owner = owners_.find(id);
  // Whatever goes wrong is seen by receive().
  if (owner != owners_.end() && owner->second->client != nullptr) (void)owner->second->client->stop(id, grace).has_value();
  return {};
}

template <class Send>
Status SupervisorPool::by_member(std::span<const std::string> ids, const Send& send) {
  std::map<Member*, std::vector<std::string>> shares;
  for (const std::string& id : ids)
    if (const auto owner = owners_.find(id); owner != owners_.end()) shares[owner->second].push_back(id);
  for (const auto& [member, share] : shares) send(*member, share);
  return {};
}

Status SupervisorPool::withdraw(std::span<const std::string> ids) {
  return by_member(ids, [](Member& member, const std::vector<std::string>& share) {
    if (member.client != nullptr) (void)member.client->withdraw(share).has_value();
  });
}

Status SupervisorPool::ack(std::span<const std::string> ids) {
  (void)by_member(ids, [&](Member& member, const std::vector<std::string>& share) {
    if (member.client != nullptr) (void)member.client->ack(share).has_value();
    for (const std::string& id : share) {
      member.attempts.erase(id);
      owners_.erase(id);
    }
  }).has_value();
  tidy();
  share_slots();
  return {};
}

Result<std::vector<SupervisorEvent>> SupervisorPool::receive() {
  std::vector<SupervisorEvent> events;
  for (Member& member : members_) {
    if (member.client == nullptr) continue;
    auto heard = member.client->receive();
    if (!heard) {
      bury(member, heard.error().message, events);
      continue;
    }
    for (SupervisorEvent& event : *heard) {
      note(member, event);
      events.push_back(std::move(event));
    }
  }
  if (!events.empty()) share_slots();
  return events;
}

void SupervisorPool::note(Member& member, const SupervisorEvent& event) {
  if (const auto* exit = std::get_if<AttemptExit>(&event)) {
    member.attempts[exit->id] = true;
    owners_[exit->id] = &member;
  } else if (const auto* withdrawn = std::get_if<AttemptsWithdrawn>(&event)) {
    for (const std::string& id : withdrawn->ids) {
      member.attempts.erase(id);
      owners_.erase(id);
    }
  }
}

// It has closed its socket. Its lock falls with its last breath; one that does not die cannot be talked to any more and is
// killed.
void SupervisorPool::bury(Member& member, const std::string& why, std::vector<SupervisorEvent>& events) {
  const pid_t pid = member.child > 0 ? member.child : member.client->peer() ? member.client->peer()->pid : 0;
  member.client.reset();
  if (current_ == &member) current_ = nullptr;
  if (const auto life = supervisor_life(member.files, kDeathMax); life && *life == Life::kAlive && pid > 0) {
    ::kill(pid, SIGKILL);
    (void)supervisor_life(member.files, kEndMax).has_value();
  }
  while (member.child > 0 && ::waitpid(member.child, nullptr, 0) < 0 && errno == EINTR) {}
  member.child = -1;
  auto content = read_exit_file(member.files.exits());
  if (!content) content = ExitFileContent{};
  for (AttemptExit& exit : content->exits) {
    const auto attempt = member.attempts.find(exit.id);
    if (attempt == member.attempts.end() || std::exchange(attempt->second, true)) continue;
    events.emplace_back(std::move(exit));
  }
  for (auto& [id, ended] : member.attempts)
    if (!std::exchange(ended, true)) events.emplace_back(AttemptLost{id, why});
}

// Those that are of no use any more: dead ones whose every word has been acknowledged, and idle ones of another program.
void SupervisorPool::tidy() {
  for (auto member = members_.begin(); member != members_.end();) {
    if (!member->attempts.empty() || &*member == current_) {
      ++member;
      continue;
    }
    if (member->client != nullptr)
      (void)member->client->ask_to_end().has_value();  // it removes its files itself
    else
      member->files.remove();
    member = members_.erase(member);
  }
}

// The slots are one number for all of them: those that an older supervisor still uses are not there for the current one.
void SupervisorPool::share_slots() {
  if (current_ == nullptr) return;
  std::ptrdiff_t used = 0;
  for (const Member& member : members_)
    if (&member != current_ && member.client != nullptr)
      used += std::count_if(member.attempts.begin(), member.attempts.end(), [](const auto& attempt) { return !attempt.second; });
  const int slots = static_cast<int>(std::max<std::ptrdiff_t>(options_.slots - used, 0));
  if (slots == slots_given_) return;
  slots_given_ = slots;
  (void)current_->client->set_slots(slots).has_value();
}

Status SupervisorPool::shut_down() {
  for (const Member& member : members_)
    if (member.client != nullptr) (void)member.client->ask_to_end().has_value();
  for (Member& member : members_) {
    if (member.client == nullptr) continue;
    SLUICE_TRY_STATUS(member.client->shut_down());
    member.client.reset();
    while (member.child > 0 && ::waitpid(member.child, nullptr, 0) < 0 && errno == EINTR) {}
    member.child = -1;
  }
  current_ = nullptr;
  return {};
}

}  // namespace sluice
