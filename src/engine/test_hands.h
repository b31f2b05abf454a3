// For tests: LocalHands with supervisors that do what the test says.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/match.h"
#include "engine/local_hands.h"
#include "engine/test_attempt.h"

namespace sluice {

// What a supervisor was told, and what it will say. The test keeps it longer than the hands keep the supervisor.
struct SupervisorScript {
  SupervisorScript() : fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { SLUICE_CHECK(fd >= 0); }
  ~SupervisorScript() { ::close(fd); }
  SupervisorScript(const SupervisorScript&) = delete;
  SupervisorScript& operator=(const SupervisorScript&) = delete;

  void say(SupervisorEvent event) {
    events.push_back(std::move(event));
    wake();
  }
  void die(const std::string& why) {
    gone = Error{Code::kUnavailable, why, ""};
    wake();
  }
  void wake() const { SLUICE_CHECK(::eventfd_write(fd, 1) == 0); }

  int fd;
  std::vector<AttemptSpec> started;
  std::vector<std::string> stopped, acked, withdrawn;
  SupervisorInventory inventory;     // that an owner before us has left
  std::optional<Error> not_ready;    // nothing can be started for now
  std::vector<SupervisorEvent> events;
  std::optional<Error> gone;
  std::optional<Error> refusal;  // of the start of `refused`, or of any if that is empty
  std::string refused;
  bool shut_down = false;
  bool released = false;  // nobody holds it any more
};

class ScriptedSupervisor final : public Supervisor {
 public:
  explicit ScriptedSupervisor(std::shared_ptr<SupervisorScript> script) : script_(std::move(script)) {}
  ~ScriptedSupervisor() override { script_->released = true; }
  int fd() const override { return script_->fd; }
  SupervisorInventory inventory() const override { return script_->inventory; }
  Status make_ready() override { return script_->not_ready ? Status(fail(*script_->not_ready)) : Status{}; }
  Status start(std::span<const AttemptSpec> attempts) override {
    for (const AttemptSpec& spec : attempts)
      if (script_->refusal && (script_->refused.empty() || spec.id == script_->refused)) return fail(*script_->refusal);
    script_->started.insert(script_->started.end(), attempts.begin(), attempts.end());
    return {};
  }
  Status stop(const std::string& id, Duration) override {
    script_->stopped.push_back(id);
    return {};
  }
  Status withdraw(std::span<const std::string> ids) override {
    script_->withdrawn.insert(script_->withdrawn.end(), ids.begin(), ids.end());
    return {};
  }
  Status ack(std::span<const std::string> ids) override {
    script_->acked.insert(script_->acked.end(), ids.begin(), ids.end());
    return {};
  }
  Result<std::vector<SupervisorEvent>> receive() override {
    eventfd_t count = 0;
    (void)::eventfd_read(script_->fd, &count);
    if (!script_->events.empty()) return std::exchange(script_->events, {});
    if (script_->gone) return fail(*script_->gone);
    return std::vector<SupervisorEvent>{};
  }
  Status shut_down() override {
    script_->shut_down = true;
    return {};
  }

 private:
  std::shared_ptr<SupervisorScript> script_;
};

class HandsWorld : public AttemptWorld {
 public:
  struct Report {
    Event event;
    std::string note;
    std::string process{};
    std::string gpus{};
  };

  explicit HandsWorld(int slots = 2, Capacity machine = {}) {
    LocalHandsOptions options{
        .slots = slots, .machine = std::move(machine), .ahead = 0, .trouble_pause = std::chrono::milliseconds(1)};
    options.launch_supervisor = [this]() -> Result<std::unique_ptr<Supervisor>> {
      if (launch_error) return fail(*launch_error);
      scripts.push_back(next_script ? std::exchange(next_script, nullptr) : std::make_shared<SupervisorScript>());
      return std::make_unique<ScriptedSupervisor>(scripts.back());
    };
    hands = std::make_unique<LocalHands>(loop, dir, objects, environments, std::move(options));
    hands->listen(
        {.report =
             [this](const Uuid& run, Event event, Aside aside) {
               EXPECT_EQ(run, uuid);
               EXPECT_FALSE(ordering) << "an answer from within a call";
               reports.push_back({std::move(event), std::move(aside.note), std::move(aside.process), std::move(aside.gpus)});
             },
         .building = [this](const BuildNotice& notice) { builds.push_back(notice); },
         .waiting =
             [this](const Uuid&, TaskId task, const std::string& what) {
               EXPECT_FALSE(ordering);
               waits.push_back(std::to_string(task.value) + ": " + what);
             },
         .trouble = [this](const Error& error) { troubles.push_back(error.message); },
         .uncached = [this](const Uuid&, TaskId task,
                            int attempt) { uncached.push_back(std::to_string(task.value) + "#" + std::to_string(attempt)); }});
    loop.at_round_end([this] {
      if (flushes) hands->flush();
    });
  }

  void start(AttemptOrder order) {
    ordering = true;
    hands->start(std::move(order));
    ordering = false;
  }
  // As an owner that comes after another one, whose supervisors have this.
  void attach(SupervisorInventory inventory) {
    next_script = std::make_shared<SupervisorScript>();
    next_script->inventory = std::move(inventory);
    EXPECT_TRUE(hands->attach().has_value());
  }
  AttemptOrder again(const std::string& task, std::int64_t id = 1, TaskData inputs = {}) const {
    AttemptOrder given = order(task, id, 1, std::move(inputs));
    given.again = true;
    return given;
  }
  void stop(std::int64_t task, FailureKind why = FailureKind::kExit) {
    ordering = true;
    hands->stop(uuid, TaskId{task}, 1, why);
    ordering = false;
  }
  // What is under way on the loop is worked off.
  void settle() {
    loop.post([this] { loop.stop(); });
    loop.run();
  }
  // Serves until so many answers are there; work threads post them.
  void serve_until_reports(std::size_t count) {
    serve_until([this, count] { return reports.size() >= count; });
  }
  void serve_until(const std::function<bool()>& done) {
    for (int i = 0; i < 20'000; ++i) {
      if (done()) return;
      loop.after(std::chrono::milliseconds(1), [this] { loop.stop(); });
      loop.run();
    }
    ADD_FAILURE() << "it does not happen";
  }

  SupervisorScript& supervisor() { return *scripts.back(); }
  std::string id(std::int64_t task, int attempt = 1) const {
    return uuid.text() + "/" + std::to_string(task) + "/" + std::to_string(attempt);
  }
  // The tasks that the newest supervisor was told to start: "1 2".
  std::string started() {
    std::string text;
    if (scripts.empty()) return text;
    for (const AttemptSpec& spec : supervisor().started) {
      const auto begin = spec.id.find('/') + 1;
      text += (text.empty() ? "" : " ") + spec.id.substr(begin, spec.id.rfind('/') - begin);
    }
    return text;
  }
  void exits(std::int64_t task, int exit_code = 0, std::string note = "") {
    supervisor().say(AttemptExit{.id = id(task), .exit_code = exit_code, .note = std::move(note)});
    settle();
  }
  // "2#1 failed exit 3 exit code 3", "1#1 ok", "1#1 started"; "none" without one.
  std::string told(std::size_t index) const {
    if (index >= reports.size()) return "none";
    const auto name = [](const auto& e) { return std::to_string(e.task.value) + "#" + std::to_string(e.attempt); };
    return std::visit(Match{
                          [&](const AttemptStarted& e) { return name(e) + " started"; },
                          [&](const AttemptSucceeded& e) { return name(e) + " ok"; },
                          [&](const AttemptCached& e) { return name(e) + " cached"; },
                          [&](const AttemptFailed& e) {
                            return name(e) + " failed " + std::string(failure_name(e.kind)) + " " + std::to_string(e.exit_code) +
                                   " " + e.message;
                          },
                          [](const auto&) { return std::string("something else"); },
                      },
                      reports.at(index).event);
  }
  std::string last_told() const { return told(reports.size() - 1); }

  EnvironmentStore environments{folder.path() + "/envs", "none"};
  Loop loop;
  std::vector<std::shared_ptr<SupervisorScript>> scripts;
  std::optional<Error> launch_error;
  std::unique_ptr<LocalHands> hands;
  std::vector<Report> reports;
  std::vector<BuildNotice> builds;
  std::vector<std::string> troubles, waits;
  std::vector<std::string> uncached;  // "1#1": its content was gone
  std::shared_ptr<SupervisorScript> next_script;  // of the next supervisor, if the test wants to say
  bool flushes = true;
  bool ordering = false;
};

}  // namespace sluice
