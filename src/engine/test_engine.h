// What the tests of this module share: pipelines in few words, a clock that is set by hand, hands that do nothing by themselves,
// a store that fails when it is told to.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "exec/test_folder.h"
#include "sched/sched.h"
#include "store/run_store.h"

namespace sluice {

// A pipeline of the tasks given, as YAML lines below `tasks:`. `step` has the optional input x and the outputs y and data.
inline std::string pipeline_text(const std::string& tasks, const std::string& components = "", const std::string& rest = "") {
  return R"(pipelineInfo: {name: test}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
components:
  comp-step:
    executorLabel: exec-step
    inputDefinitions: {parameters: {x: {parameterType: NUMBER_INTEGER, isOptional: true}}}
    outputDefinitions:
      artifacts: {data: {artifactType: {schemaTitle: system.Dataset, schemaVersion: 0.0.1}}}
      parameters: {y: {parameterType: NUMBER_INTEGER}}
)" + components +
         R"(deploymentSpec:
  executors:
    exec-step: {container: {image: alpine, command: [sh, -c, 'true']}}
root:
  dag:
    tasks:
)" + tasks +
         rest;
}

// One line: a task of comp-step. `more`: further fields, ", retryPolicy: {...}".
inline std::string step_line(const std::string& name, const std::string& after = "", const std::string& more = "") {
  return "      " + name + ": {componentRef: {name: comp-step}, dependentTasks: [" + after + "]" + more + "}\n";
}

class FakeClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  void advance(Duration duration) { now_ += duration; }

 private:
  Instant now_ = from_micros(1'000'000'000'000'000);
};

// Notes what is ordered; what becomes of it is the test's decision.
class FakeHands final : public Hands {
 public:
  void prepare(const Uuid&, const std::vector<EnvironmentSpec>&) override {}
  void release(const Uuid& run) override { calls.push_back("release " + run.text().substr(35)); }
  void hold(const Uuid& run) override { calls.push_back("hold " + run.text().substr(35)); }
  void let_go(const Uuid& run) override { calls.push_back("let go " + run.text().substr(35)); }
  struct Stop {
    TaskId task;
    int attempt = 0;
    FailureKind why = FailureKind::kExit;
    friend bool operator==(const Stop&, const Stop&) = default;
  };

  void listen(Listener given) override { listener = std::move(given); }
  void start(AttemptOrder order) override {
    if (on_start) on_start(order);
    calls.push_back((order.again    ? "again "
                     : order.cached ? "known "
                                    : "start ") +
                    order.task_name + "#" + std::to_string(order.attempt));
    orders.push_back(std::move(order));
  }
  void stop(const Uuid&, TaskId task, int attempt, FailureKind why) override {
    calls.push_back("stop " + std::to_string(task.value) + "#" + std::to_string(attempt));
    stops.push_back({task, attempt, why});
  }
  void flush() override { ++flushes; }

  const AttemptOrder& newest(std::string_view task) const {
    const auto found = std::find_if(orders.rbegin(), orders.rend(), [&](const auto& order) { return order.task_name == task; });
    if (found == orders.rend()) throw std::out_of_range("nobody ordered " + std::string(task));
    return *found;
  }
  void began(std::string_view task, std::string note = {}) {
    const AttemptOrder& order = newest(task);
    listener.report(order.run, AttemptStarted{order.task, order.attempt}, {.note = std::move(note)});
  }
  void succeed(std::string_view task, TaskData outputs = {}) {
    const AttemptOrder& order = newest(task);
    listener.report(order.run, AttemptSucceeded{order.task, order.attempt, std::move(outputs)}, {});
  }
  // What was ordered as known is so, at its maker's places; or its content is gone.
  void cached(std::string_view task) {
    const AttemptOrder& order = newest(task);
    listener.report(order.run, AttemptCached{order.task, order.attempt, order.cached.value()}, {});
  }
  void uncached(std::string_view task) {
    const AttemptOrder& order = newest(task);
    listener.uncached(order.run, order.task, order.attempt);
  }
  void fail(std::string_view task, FailureKind kind = FailureKind::kExit, int exit_code = 1, std::string message = "") {
    const AttemptOrder& order = newest(task);
    listener.report(order.run, AttemptFailed{order.task, order.attempt, kind, exit_code, std::move(message)}, {});
  }
  // "a#1 b#1", in the order of their starts.
  std::string started() const {
    std::string text;
    for (const AttemptOrder& order : orders)
      text += (text.empty() ? "" : " ") + order.task_name + "#" + std::to_string(order.attempt);
    return text;
  }

  Listener listener;
  std::vector<AttemptOrder> orders;
  std::vector<Stop> stops;
  std::vector<std::string> calls;  // "hold 1", "start a#1", ...; runs by the last digit of their ids
  int flushes = 0;
  std::function<void(const AttemptOrder&)> on_start;
};

// Passes calls on to a store in memory; unless `compacts` journals stay when a run has succeeded, so that they can be looked at.
class FaultyStore final : public RunStore {
 public:
  Result<RunId> create(const NewRun& run, Sync sync) override {
    syncs.push_back(sync);
    if (effect) effect();
    auto created = inner_->create(run, sync);
    if (effect) effect();
    return created;
  }
  Status commit(std::span<const Write> writes, Sync sync) override {
    ++tries;
    const bool fails = failures != 0;
    if (failures > 0) --failures;
    if (fails && !writes_before_it_fails) return fail(error);
    if (effect) effect();
    if (Status done = inner_->commit(writes, sync); !done) return done;
    if (fails) return fail(error);
    ++commits;
    syncs.push_back(sync);
    if (on_commit) on_commit(writes);
    if (effect) effect();
    return {};
  }
  Status compact(RunId run) override {
    ++compacted;
    return compacts ? inner_->compact(run) : Status{};
  }
  Result<RunRow> run(const Uuid& uuid) override { return inner_->run(uuid); }
  Result<RunRow> run_by_prefix(std::string_view prefix) override { return inner_->run_by_prefix(prefix); }
  Result<std::vector<RunRow>> list(const RunFilter& filter, const Page& page) override { return inner_->list(filter, page); }
  Result<Listed<RunRow>> list_runs(const ListQuery& query) override { return inner_->list_runs(query); }
  Result<std::optional<Uuid>> run_of_key(std::string_view key) override { return inner_->run_of_key(key); }
  Result<std::vector<StateChange>> state_history(RunId run) override { return inner_->state_history(run); }
  Status set_run_storage(const Uuid& run, StorageState storage) override { return inner_->set_run_storage(run, storage); }
  Status remove(const Uuid& run) override {
    if (failures != 0) return fail(error);
    if (effect) effect();
    Status removed = inner_->remove(run);
    if (effect) effect();
    return removed;
  }
  Status restart(const Restart& restart, Sync sync) override {
    if (failures != 0) return fail(error);
    if (effect) effect();
    Status restarted = inner_->restart(restart, sync);
    if (effect) effect();
    return restarted;
  }
  Result<std::vector<KeptResult>> kept_results(RunId run) override { return inner_->kept_results(run); }
  Result<std::vector<TaskRow>> tasks(RunId run) override { return inner_->tasks(run); }
  Result<std::vector<ArtifactRow>> artifacts(RunId run) override { return inner_->artifacts(run); }
  Result<std::string> spec(const std::string& digest) override { return inner_->spec(digest); }
  Result<std::vector<JournalEntry>> journal(RunId run) override { return inner_->journal(run); }
  Result<std::vector<JournalEntry>> journal_after(RunId run, std::uint64_t after) override {
    if (run == has_lost_journal_of) return std::vector<JournalEntry>{};
    auto entries = inner_->journal_after(run, after);
    if (entries) entries_read += entries->size();
    return entries;
  }
  Result<std::optional<Snapshot>> snapshot(RunId run) override {
    if (cannot_read) return fail(error);
    return inner_->snapshot(run);
  }
  Result<std::vector<PendingNotice>> notices() override { return inner_->notices(); }
  Status note_told(const PendingNotice& notice) override { return inner_->note_told(notice); }
  Status each_data(const std::function<void(std::string_view)>& use, const DataFilter& filter) override {
    return inner_->each_data(use, filter);
  }
  ResultStore& results() override { return inner_->results(); }
  Catalog& catalog() override { return inner_->catalog(); }
  Status copy_to(const std::string& path) override { return inner_->copy_to(path); }

  int failures = 0;  // so many of the next commits fail; negative: all of them
  bool writes_before_it_fails = false;  // as when the answer of the disk got lost
  Error error{Code::kUnavailable, "disk full", "make room"};
  bool compacts = false;
  bool cannot_read = false;
  std::optional<RunId> has_lost_journal_of;
  int tries = 0, commits = 0, compacted = 0;
  std::size_t entries_read = 0;  // of journals
  std::vector<Sync> syncs;
  std::function<void(std::span<const Write>)> on_commit;
  std::function<void()> effect;  // called before and after each write: a place to die

 private:
  std::unique_ptr<RunStore> inner_ = make_memory_store();
};

// An engine on all of these. forget_engine() is a crash of its process.
class EngineWorld {
 public:
  explicit EngineWorld(EngineOptions given = {}) : options(std::move(given)) {
    options.begun_waits = Duration{0};  // a test must not wait for time
    options.store_pause = std::chrono::milliseconds(1);
    EXPECT_TRUE(dir.create().has_value());
    make_engine();
  }

  void make_engine() {
    hands = std::make_unique<FakeHands>();
    engine = std::make_unique<Engine>(loop, dir, store, *hands, clock, options);
    engine->observe({.task = [this](const TaskNotice& notice) { task_notices.push_back(notice); },
                     .run = [this](const RunNotice& notice) { run_notices.push_back(notice); },
                     .building = {},
                     .trouble = [this](const Error& error) { troubles.push_back(error); }});
  }
  void forget_engine() {
    engine.reset();
    make_engine();
  }

  static Uuid uuid_of(std::uint8_t number) {
    Uuid uuid;
    uuid.bytes.back() = number;
    return uuid;
  }
  Result<Uuid> try_submit(const Submission& submission, std::uint8_t number = 1) {
    Prepared prepared = prepare(submission, options.sites, new_run_context(dir, uuid_of(number), clock.now()));
    EXPECT_TRUE(prepared.errors.empty()) << prepared.errors.front().text();
    return engine->submit(submission, std::move(prepared));
  }
  // The run is there, and what it ordered first was ordered.
  Uuid submit(const std::string& text, std::uint8_t number = 1) {
    const auto run = try_submit({.spec = text, .spec_file = "p.yaml"}, number);
    EXPECT_TRUE(run.has_value()) << run.error().message;
    settle();
    return run.value_or(Uuid{});
  }

  // Everything that is under way, except timers, is worked off.
  void settle() {
    loop.post([this] { loop.stop(); });
    loop.run();
  }
  // Serves until `done`; timers of a millisecond or so are waited for.
  ::testing::AssertionResult serve_until(const std::function<bool()>& done) {
    for (int i = 0; i < 10'000; ++i) {
      if (done()) return ::testing::AssertionSuccess();
      loop.after(std::chrono::milliseconds(1), [this] { loop.stop(); });
      loop.run();
    }
    return ::testing::AssertionFailure() << "it does not happen";
  }

  RunRow row(const Uuid& run) { return store.run(run).value(); }
  TaskRow task(const Uuid& run, std::string_view path) {
    const auto tasks = store.tasks(row(run).id).value();
    for (const TaskRow& task : tasks)
      if (task.path == path) return task;
    ADD_FAILURE() << "no row of " << path;
    return {};
  }
  // "RUNNING FAILED", as the observer heard it.
  std::string told_states() const {
    std::string text;
    for (const RunNotice& notice : run_notices) text += (text.empty() ? "" : " ") + std::string(state_name(notice.state));
    return text;
  }
  std::string state_of(const Uuid& run, std::string_view path) { return std::string(state_name(task(run, path).state)); }
  std::vector<JournalEntry> journal(const Uuid& run) { return store.journal(row(run).id).value(); }
  // "run_began attempt_succeeded"
  std::string journal_kinds(const Uuid& run) {
    std::string text;
    for (const JournalEntry& entry : journal(run)) text += (text.empty() ? "" : " ") + entry.kind;
    return text;
  }

  TestFolder folder;
  DataDir dir = DataDir::at(folder.path() + "/data").value();
  FakeClock clock;
  FaultyStore store;
  Loop loop;
  std::unique_ptr<FakeHands> hands;
  std::unique_ptr<Engine> engine;
  std::vector<TaskNotice> task_notices;
  std::vector<RunNotice> run_notices;
  std::vector<Error> troubles;
  EngineOptions options;  // of the next engine
};

inline TaskData y_is(int number) {
  TaskData outputs;
  outputs.parameters.emplace("y", number);
  return outputs;
}

// What the rows of a run say is what its journal gives when it is read back. Only AttemptStarted tells when a leaf began.
inline void expect_journal_agrees(RunStore& store, const Plan& plan, const Uuid& uuid) {
  const RunRow row = store.run(uuid).value();
  State state;
  Instant before{};
  const auto journal = store.journal(row.id).value();
  for (const JournalEntry& entry : journal) {
    const auto event = event_from(entry.kind, entry.payload);
    ASSERT_TRUE(event.has_value()) << event.error().message;
    EXPECT_GE(entry.at, before) << "the journal's clock goes back";
    before = entry.at;
    (void)step(plan, state, *event, entry.at);
  }
  EXPECT_EQ(row.state, state.run);
  EXPECT_EQ(row.error, state.run == RunState::kCanceled ? state.cancel_reason : state.error);
  EXPECT_EQ(row.began, state.began);
  EXPECT_EQ(row.ended, state.ended);
  const auto tasks = store.tasks(row.id).value();
  ASSERT_EQ(tasks.size() + 1, state.nodes.size());
  for (const TaskRow& task : tasks) {
    const Node& node = state.at(task.id);
    SCOPED_TRACE(task.path);
    EXPECT_EQ(task.path, task_path(plan, state, task.id));
    const bool runs = task.state == TaskState::kRunning && node.kind == NodeKind::kLeaf;
    EXPECT_EQ(runs ? TaskState::kQueued : task.state, node.state);
    EXPECT_EQ(task.attempts, node.attempt);
    EXPECT_EQ(task.exit_code, node.exit_code);
    EXPECT_EQ(task.error, node.error);
    EXPECT_EQ(task.ended, node.ended);
    EXPECT_EQ(task.outputs.empty(), node.outputs.empty());
    if (node.kind != NodeKind::kLeaf) {
      EXPECT_EQ(task.began, node.began);
    }
  }
}

}  // namespace sluice
