// Pages of runs out of a store of 100,000 of them, each with its total, and beside each, turn by turn, the raw SELECT of the same
// page as its floor. Half of the runs are in one experiment, a third is
// archived.
//
//   bench_list [--runs N] [--rounds N]
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "store/run_store.h"
#include "store/sqlite.h"
#include "support.h"

namespace {
using namespace sluice;
using namespace sluice::bench;

struct Options {
  int runs = 100'000, rounds = 1000;
};

double processor_micros() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}
double micros_since(Time begin) { return seconds_since(begin) * 1e6; }

Uuid uuid_of(int n) {
  Uuid uuid;
  const std::uint64_t mixed = static_cast<std::uint64_t>(n) * 0x9E3779B97F4A7C15U;  // so that they come in no order
  for (unsigned i = 0; i < 8; ++i) uuid.bytes.at(i) = static_cast<std::uint8_t>(mixed >> (8 * i));
  uuid.bytes[15] = 1;
  return uuid;
}

// Creates as the server does it, one transaction each; archives some runs, and 16 experiments of 2,000 runs each.
void fill(RunStore& store, int runs) {
  std::vector<double> creates;
  for (int n = 1; n <= runs; ++n) {
    NewRun run{.uuid = uuid_of(n),
               .name = "training " + std::to_string((n * 7919) % runs),
               .pipeline_name = "iris",
               .experiment = n % 2 == 0 ? "large" : "experiment " + std::to_string(n % 50),
               .spec = "pipelineInfo: {name: iris}\n",
               .spec_file = "iris.yaml",
               .parameters = {{"rows", 100}, {"rate", 0.1}, {"source", "https://data.example/iris.csv"}},
               .context = Value::of({{"pipeline_root", "/data/runs"}}),
               .options = Value::of({{"cache", true}}),
               .created = from_micros(1'700'000'000'000'000 + std::int64_t{n} * 1'000'000)};
    const Time begin = now();
    const auto id = store.create(run, Sync::kNormal);
    creates.push_back(micros_since(begin));
    if (!id) give_up(id.error().message);
    const RunChange done{.state = RunState::kSucceeded,
                         .at = run.created,
                         .began = run.created,
                         .ended = run.created + std::chrono::seconds(n % 600)};
    const Write write{.run = *id, .change = done};
    if (const auto status = store.commit({&write, 1}, Sync::kNormal); !status) give_up(status.error().message);
    if (n % 50 == 0)
      if (const auto status = store.set_run_storage(run.uuid, StorageState::kArchived); !status) give_up(status.error().message);
  }
  for (const int n : {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31}) {
    const auto experiment = store.catalog().experiment_by_name("experiment " + std::to_string(n));
    if (!experiment) give_up(experiment.error().message);
    const auto status = store.catalog().set_experiment_storage(experiment->id, StorageState::kArchived);
    if (!status) give_up(status.error().message);
  }
  std::printf("%d runs created: p50 %.0f us, p99 %.0f us each\n", runs, percentile(creates, 0.5), percentile(creates, 0.99));
}

// The statement alone: prepared once, its columns read and thrown away.
class RawPage {
 public:
  RawPage(const std::string& path, const std::string& rest)
      : db_(open(path)),
        page_(db_,
              "SELECT runs.id, uuid, experiments.name, state, seq, runs.created, began, ended, runs.name, pipeline_name, "
              "spec_digest, spec_file, error, parameters, context, options, outputs, experiment, runs.storage, runs.description, "
              "pipeline, version FROM runs CROSS JOIN experiments ON experiments.id = experiment WHERE " +
                  rest + " LIMIT 20") {}

  int read() {
    int rows = 0;
    const auto status = page_.each([&] {
      ++rows;
      for (int column = 0; column < 22; ++column) bytes_ += page_.blob(column).size();
      return Status{};
    });
    if (!status) give_up(status.error().message);
    return rows;
  }

 private:
  static SqliteConnection open(const std::string& path) {
    auto db = SqliteConnection::open(path, true);
    if (!db) give_up(db.error().message);
    return std::move(*db);
  }

  SqliteConnection db_;
  SqliteStatement page_;
  std::size_t bytes_ = 0;
};

struct Case {
  const char* name;
  ListQuery query;
  std::string raw;  // the same page, as a condition and an order
};

void measure(RunStore& store, const std::string& path, const Case& what, int rounds) {
  RawPage floor(path, what.raw);
  std::vector<double> lists, floors, processor;
  std::int64_t total = 0;
  for (int round = -10; round < rounds; ++round) {  // ten to warm up
    const double busy = processor_micros();
    Time begin = now();
    const auto page = store.list_runs(what.query);
    const double list = micros_since(begin);
    const double used = processor_micros() - busy;
    if (!page) give_up(page.error().message);
    begin = now();
    const int rows = floor.read();
    const double raw = micros_since(begin);
    if (std::cmp_not_equal(rows, page->rows.size())) give_up(std::string(what.name) + ": not the same page");
    total = page->total;
    if (round < 0) continue;
    lists.push_back(list);
    processor.push_back(used);
    floors.push_back(raw);
  }
  const double p50 = percentile(lists, 0.5);
  const double floor50 = percentile(floors, 0.5);
  std::printf(
      "%-44s total %6lld   list p50 %5.0f us  p99 %5.0f us (processor %5.0f us)   floor p50 %5.0f us  p99 %5.0f us   ratio "
      "%.1f\n",
      what.name, static_cast<long long>(total), p50, percentile(lists, 0.99), percentile(processor, 0.99), floor50,
      percentile(floors, 0.99), p50 / floor50);
}

std::vector<Case> cases(int runs) {
  const Predicate available{"storage", Compare::kEquals, {"AVAILABLE"}};
  const Predicate large{"experiment", Compare::kEquals, {std::int64_t{2}}};
  const std::int64_t middle = 1'700'000'000'000'000 + std::int64_t{runs / 2} * 1'000'000;
  const std::string key = std::to_string(middle), id = std::to_string(runs / 2);
  return {
      {"newest first", {.sort = "created", .descending = true}, "TRUE ORDER BY runs.created DESC, runs.id DESC"},
      {"by name", {.sort = "name"}, "TRUE ORDER BY runs.name, runs.id"},
      {"newest end first", {.sort = "ended", .descending = true}, "TRUE ORDER BY runs.ended DESC, runs.id DESC"},
      {"newest first, available",
       {.where = {available}, .sort = "created", .descending = true},
       "runs.storage = 'AVAILABLE' ORDER BY runs.created DESC, runs.id DESC"},
      {"by name, available", {.where = {available}, .sort = "name"}, "runs.storage = 'AVAILABLE' ORDER BY runs.name, runs.id"},
      {"large experiment, available, newest first",
       {.where = {large, available}, .sort = "created", .descending = true},
       "runs.experiment = 2 AND runs.storage = 'AVAILABLE' ORDER BY runs.created DESC, runs.id DESC"},
      {"large experiment, available, by name",
       {.where = {large, available}, .sort = "name"},
       "runs.experiment = 2 AND runs.storage = 'AVAILABLE' ORDER BY runs.name, runs.id"},
      {"a middle page, newest first",
       {.sort = "created", .descending = true, .from = Cursor{middle, runs / 2}},
       "(runs.created, runs.id) <= (" + key + ", " + id + ") ORDER BY runs.created DESC, runs.id DESC"},
      {"a middle page by name, available",
       {.where = {available}, .sort = "name", .from = Cursor{"training 5", 1}},
       "runs.storage = 'AVAILABLE' AND runs.name > 'training 5' ORDER BY runs.name, runs.id"}};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--runs") options.runs = std::atoi(argv[i + 1]);
    if (flag == "--rounds") options.rounds = std::atoi(argv[i + 1]);
  }
  const Scratch scratch;
  const std::string file = scratch.path() + "/sluice.db";
  {
    const auto store = open_sqlite_store({.path = file});
    if (!store) give_up(store.error().message);
    fill(**store, options.runs);
  }
  const auto store = open_sqlite_store({.path = file, .read_only = true});
  if (!store) give_up(store.error().message);
  std::printf("database of %.0f MiB; pages of 20, %d rounds each\n",
              static_cast<double>(std::filesystem::file_size(file)) / (1 << 20), options.rounds);
  for (const Case& each : cases(options.runs)) measure(**store, file, each, options.rounds);
}
