// The server as clients meet it: start and idle memory; requests/s of creating runs; GET while 1,000 runs are in flight; a list
// of runs with 100,000 in the store. Each beside its floor in the same run: starting `true`; a no-op request to the same server
// (/livez) on the same connection.
//
//   bench_server [--sluice PATH] [--runs N] [--in-flight N] [--creates N] [--only start|create|flight|list]
#include <atomic>
#include <thread>

#include "store/sqlite.h"
#include "support.h"

namespace {
using namespace sluice;
using namespace sluice::bench;

struct Options {
  std::string sluice = "build/release/sluice", only;
  int runs = 100'000, in_flight = 1000, creates = 2000;
  bool wants(const char* what) const { return only.empty() || only == what; }
};

constexpr const char* kHead =
    R"({"pipelineInfo": {"name": "bench"}, "schemaVersion": "2.1.0", "sdkVersion": "kfp-2.17.0", "components": {"comp": )"
    R"({"executorLabel": "exec"}}, "deploymentSpec": {"executors": {"exec": {"container": {"image": "alpine", "command": )";
std::string pipeline(const std::string& command, int tasks) {
  std::string text = kHead + command + R"(}}}}, "root": {"dag": {"tasks": {)";
  for (int i = 0; i < tasks; ++i)
    text += (i > 0 ? ",\"t" : "\"t") + std::to_string(i) + R"(": {"componentRef": {"name": "comp"}})";
  return text + "}}}}";
}

// Milliseconds of `count` calls on one connection.
std::vector<double> timed(HttpClient& client, const std::string& target, int count) {
  std::vector<double> took;
  for (int i = 0; i < count; ++i) {
    const Time begin = now();
    (void)must(client, "GET", target);
    took.push_back(seconds_since(begin) * 1000);
  }
  return took;
}
void print(const std::string& what, const std::vector<double>& ms) {
  std::printf("  %-44s p50 %7.3f ms  p99 %7.3f ms  max %7.3f ms\n", what.c_str(), percentile(ms, 0.5), percentile(ms, 0.99),
              percentile(ms, 1));
}

void start(const Options& options) {
  std::vector<double> empty, again, rss, floor;
  for (int round = 0; round < 10; ++round) {
    const Scratch scratch;
    const Time begin = now();
    waitpid(spawn({"/bin/true"}, "/dev/null"), nullptr, 0);
    floor.push_back(seconds_since(begin) * 1000);
    {
      Server server(options.sluice, scratch.path());
      empty.push_back(server.start_seconds * 1000);
      (void)timed(*server.client(), "/livez", 100);
      rss.push_back(server.rss_mib());
    }
    const Server server(options.sluice, scratch.path());
    again.push_back(server.start_seconds * 1000);
  }
  std::printf("start (10 rounds; starting /bin/true takes %.1f ms)\n", percentile(floor, 0.5));
  print("until the ready file, empty directory", empty);
  print("until the ready file, existing directory", again);
  std::printf("  idle memory after 100 requests: %.1f MiB resident\n", percentile(rss, 0.5));
}

void create(const Options& options) {
  const Scratch scratch;
  const Server server(options.sluice, scratch.path(), {"--slots", "1"});
  // One task that sleeps holds the slot, so that what is measured is creation and not the work of the runs.
  (void)must(*server.client(), "POST", "/api/v1/runs", Value::of({{"spec", pipeline(R"(["sleep", "600"])", 1)}}));
  for (const int connections : {1, 8}) {
    std::vector<std::thread> threads;
    std::atomic<int> left{options.creates};
    const Time begin = now();
    for (int i = 0; i < connections; ++i)
      threads.emplace_back([&] {
        const auto client = server.client();
        const Value body = Value::of({{"spec", pipeline(R"(["true"])", 3)}});
        while (left.fetch_sub(1) > 0) (void)must(*client, "POST", "/api/v1/runs", body);
      });
    for (std::thread& thread : threads) thread.join();
    const double rate = options.creates / seconds_since(begin);
    const auto noop_client = server.client();
    const Time noop_begin = now();
    (void)timed(*noop_client, "/livez", 2000);
    const double noop = 2000 / seconds_since(noop_begin);
    std::printf("create-run, %d connection%s: %.0f/s (each synced to the disk; a no-op request on one connection: %.0f/s)\n",
                connections, connections > 1 ? "s" : "", rate, noop);
  }
}

void flight(const Options& options) {
  const Scratch scratch;
  const Server server(options.sluice, scratch.path(), {"--slots", "2"});
  const auto client = server.client();
  print("no-op request, nothing else", timed(*client, "/livez", 2000));
  std::string one;
  const Value body = Value::of({{"spec", pipeline(R"(["sh", "-c", "sleep 0.02"])", 40)}});
  for (int i = 0; i < options.in_flight; ++i) one = must(*client, "POST", "/api/v1/runs", body).string_or("run_id", "");
  const auto active = [&] { return must(*client, "GET", "/api/v1/runs?state=RUNNING&limit=1").number_or("total", 0); };
  std::printf("%.0f runs in flight of 40 tasks each\n", active());
  print("no-op request (the floor)", timed(*client, "/livez", 2000));
  print("GET /api/v1/runs/ID", timed(*client, "/api/v1/runs/" + one, 2000));
  print("GET /api/v1/runs?limit=50", timed(*client, "/api/v1/runs?limit=50", 1000));
  print("GET /apis/v2beta1/runs/ID", timed(*client, "/apis/v2beta1/runs/" + one, 2000));
  std::printf("  still in flight: %.0f; resident %.0f MiB\n", active(), server.rss_mib());
}

// Rows as finished runs leave them, made by copying the one run that the server itself has made.
Status multiply(const std::string& database, int runs) {
  SLUICE_TRY(SqliteConnection db, SqliteConnection::open(database, false));
  std::string columns;
  std::string values;
  {
    SqliteStatement names(db, "SELECT name FROM pragma_table_info('runs') WHERE name NOT IN ('id', 'key')");
    SLUICE_TRY_STATUS(names.each([&] {
      const std::string name(names.text(0));
      columns += (columns.empty() ? "" : ", ") + name;
      values += values.empty() ? "" : ", ";
      if (name == "uuid")
        values += "randomblob(16)";
      else if (name == "created" || name == "began" || name == "ended")
        values += name + " + value";
      else if (name == "name")
        values += "'run ' || (value * 7919 % 100003)";
      else
        values += name;
      return Status{};
    }));
  }
  const std::string sql = "INSERT INTO runs (" + columns + ") SELECT " + values +
                          " FROM runs, (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < " +
                          std::to_string(runs) + ") SELECT value FROM n) WHERE runs.id = 1";
  SLUICE_TRY_STATUS(db.execute(sql.c_str()));
  return db.execute("UPDATE experiments SET runs = (SELECT count(*) FROM runs WHERE experiment = experiments.id)");
}

void list(const Options& options) {
  const Scratch scratch;
  {
    const Server server(options.sluice, scratch.path());
    const auto client = server.client();
    (void)must(*client, "POST", "/api/v1/runs", Value::of({{"spec", pipeline(R"(["true"])", 1)}}));
    while (must(*client, "GET", "/api/v1/runs?state=SUCCEEDED").number_or("total", 0) < 1) usleep(20'000);
  }
  if (const Status filled = multiply(scratch.path() + "/data/sluice.db", options.runs); !filled)
    give_up("cannot fill the store: " + filled.error().message);
  const Server server(options.sluice, scratch.path());
  const auto client = server.client();
  std::printf("%d runs in the store\n", options.runs);
  print("no-op request (the floor)", timed(*client, "/livez", 1000));
  print("/apis/v2beta1/runs?page_size=20", timed(*client, "/apis/v2beta1/runs?page_size=20", 1000));
  print("... newest first", timed(*client, "/apis/v2beta1/runs?page_size=20&sort_by=created_at%20desc", 1000));
  print("... of one experiment",
        timed(*client, "/apis/v2beta1/runs?page_size=20&experiment_id=0&sort_by=created_at%20desc", 1000));
  print("... by name", timed(*client, "/apis/v2beta1/runs?page_size=20&sort_by=name", 1000));
  print("/api/v1/runs?limit=50", timed(*client, "/api/v1/runs?limit=50", 1000));
}
}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--sluice") options.sluice = argv[i + 1];
    if (flag == "--only") options.only = argv[i + 1];
    if (flag == "--runs") options.runs = std::atoi(argv[i + 1]);
    if (flag == "--in-flight") options.in_flight = std::atoi(argv[i + 1]);
    if (flag == "--creates") options.creates = std::atoi(argv[i + 1]);
  }
  if (options.wants("start")) start(options);
  if (options.wants("create")) create(options);
  if (options.wants("flight")) flight(options);
  if (options.wants("list")) list(options);
  return 0;
}
