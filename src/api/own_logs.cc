// GET /api/v1/runs/{run}/logs: what a run's tasks printed, also while they run.
#include <algorithm>
#include <map>
#include <set>

#include "api/log_answer.h"
#include "api/own.h"
#include "api/run_document.h"
#include "base/text.h"
#include "exec/log.h"

namespace sluice {
namespace {

// What one turn reads at most: it runs on a network thread, and 256 KiB are read and framed in well under a millisecond.
constexpr std::size_t kTurnBytes = 256 * 1024;
// With more than this waiting for the peer, nothing more is read.
constexpr std::size_t kBacklogMax = std::size_t{1} << 20U;
constexpr Duration kLookAgainAfter = std::chrono::milliseconds(100);
constexpr Duration kBacklogWait = std::chrono::milliseconds(20);

Result<LogQuery> log_query(const Call& call) {
  LogQuery query{.task = std::string(call.argument("task"))};
  SLUICE_TRY(const std::int64_t attempt, call.integer("attempt", 0, 0, 1'000'000));
  query.attempt = static_cast<int>(attempt);
  SLUICE_TRY(query.stdout_only, flag_argument(call, "stdout", false));
  SLUICE_TRY(query.follow, flag_argument(call, "follow", false));
  const auto format = call.argument("format");
  if (!format.empty() && format != "text" && format != "ndjson")
    return fail(Code::kInvalid, "format: '" + std::string(format) + "' is neither text nor ndjson");
  query.ndjson = format == "ndjson";
  return query;
}

// A task is named by its path, by its last name (all of that name), or by a DAG or loop it lies in.
bool is_named(const TaskRow& row, const std::string& task) {
  if (task.empty() || row.path == task || row.path.ends_with("/" + task)) return true;
  return row.path.starts_with(task + "/") || row.path.starts_with(task + "[");
}

Result<std::vector<TaskRow>> tasks_asked_for(RunStore& store, const RunRow& run, const LogQuery& query) {
  SLUICE_TRY(auto all, store.tasks(run.id));
  std::vector<TaskRow> chosen;
  std::vector<std::string> known;
  for (TaskRow& row : all) {
    known.push_back(row.path);
    if (is_named(row, query.task)) chosen.push_back(std::move(row));
  }
  const std::string name = "run " + run.uuid.text();
  if (chosen.empty() && !query.task.empty())
    return fail(Code::kNotFound, name + " has no task '" + query.task + "'" + did_you_mean(query.task, known),
                "sluice get run " + run.uuid.text().substr(0, 8) + " lists them");
  int attempts_max = 0;
  for (const TaskRow& row : chosen) attempts_max = std::max(attempts_max, row.attempts);
  if (query.attempt > attempts_max)
    return fail(Code::kNotFound, name + (query.task.empty() ? "" : ", task '" + query.task + "'") + ": there is no attempt " +
                                     std::to_string(query.attempt) + ", the newest is " + std::to_string(attempts_max));
  return chosen;
}

// Makes text of chunks: as they are for one task, by whole lines with the task in front for several, or a JSON line each.
class LogText {
 public:
  explicit LogText(const LogQuery& query) : query_(query) {}

  void set_several() { several_ = true; }

  void add(std::string& out, const std::string& path, int attempt, const LogChunk& chunk) {
    if (query_.stdout_only && chunk.stream != Stream::kStdout) return;
    if (query_.ndjson) return add_json(out, path, attempt, chunk);
    if (!several_) return void(out.append(chunk.bytes));
    std::string& rest = rests_[path];
    rest.append(chunk.bytes);
    std::size_t start = 0;
    for (std::size_t end = 0; (end = rest.find('\n', start)) != std::string::npos; start = end + 1)
      out.append("[").append(path).append("] ").append(rest, start, end + 1 - start);
    rest.erase(0, start);
  }
  // Lines without an end.
  void finish(std::string& out) {
    for (const auto& [path, rest] : rests_)
      if (!rest.empty()) out.append("[").append(path).append("] ").append(rest).append("\n");
  }

 private:
  static void add_json(std::string& out, const std::string& path, int attempt, const LogChunk& chunk) {
    const char* stream = chunk.stream == Stream::kStdout ? "stdout" : chunk.stream == Stream::kStderr ? "stderr" : "note";
    JsonWriter json;
    json.begin_object().field("task", path).field("attempt", attempt).field("stream", stream);
    json.field("at", format_rfc3339(chunk.at, true)).field("text", chunk.bytes).end_object();
    out.append(json.text()).append("\n");
  }

  const LogQuery query_;
  bool several_ = false;
  std::map<std::string, std::string> rests_;  // by task: what has no newline yet
};

// One reader of logs: goes on turn by turn, each a bounded piece.
class LogFeed {
 public:
  LogFeed(Service& service, const Uuid& uuid, LogQuery query)
      : service_(service), uuid_(uuid), query_(std::move(query)), text_(query_) {}

  enum class Next { kMore, kLookAgain, kEnd };
  // Appends what comes next. kLookAgain: there may be more later.
  Result<Next> turn(std::string& out) {
    SLUICE_TRY_STATUS(look());
    for (Source& source : sources_) {
      if (source.is_read) continue;
      bool whole = true;
      const auto take = [&](const LogChunk& chunk) {
        text_.add(out, source.path, source.attempt, chunk);
        whole = out.size() < kTurnBytes;
        return whole;
      };
      SLUICE_TRY_STATUS(source.follower.poll_until(take));
      if (!whole) return Next::kMore;
      source.is_read = source.is_over;
    }
    if (!is_over_) return Next::kLookAgain;
    text_.finish(out);
    return Next::kEnd;
  }

 private:
  struct Source {
    std::string path;
    int attempt;
    LogFollower follower;
    bool is_over;  // nothing more is written to it
    bool is_read = false;  // to its end
  };

  // How the run is now. Asked before the logs are read: what a task that has ended wrote is all there.
  Status look() {
    if (is_over_) return {};
    SLUICE_TRY(const Service::Reader reader, service_.reader());
    SLUICE_TRY(const RunRow run, reader->run(uuid_));
    const bool goes_on = query_.follow && service_.owner() != Service::Owner::kNone && !is_final(run.state);
    // Attempts come and tasks end by entries of the journal, so without a new one there is nothing new to look at.
    if (goes_on && run.seq == seen_seq_) return {};
    seen_seq_ = run.seq;
    auto tasks = tasks_asked_for(*reader, run, query_);
    // A task that is not there yet may come.
    if (!tasks && !(goes_on && tasks.error().code == Code::kNotFound)) return fail(tasks.error());
    is_over_ = !goes_on;
    if (!tasks) return {};
    const bool all_ended = !query_.task.empty() &&
                           std::all_of(tasks->begin(), tasks->end(), [](const TaskRow& task) { return is_final(task.state); });
    is_over_ = is_over_ || all_ended;
    if (tasks->size() > 1 || query_.task.empty()) text_.set_several();
    for (const TaskRow& task : *tasks) add_source(run, task);
    return {};
  }

  void add_source(const RunRow& run, const TaskRow& task) {
    if (task.attempts < std::max(1, query_.attempt)) return;
    const int attempt = query_.attempt > 0 ? query_.attempt : task.attempts;
    const bool is_over = is_over_ || is_final(task.state) || attempt < task.attempts;
    const auto known = index_.try_emplace({task.id, attempt}, sources_.size());
    if (!known.second) {
      sources_[known.first->second].is_over = is_over;
      return;
    }
    // An attempt before this one will not write any more.
    for (std::size_t i = 0; attempt > 1 && i < sources_.size(); ++i)
      if (sources_[i].path == task.path) sources_[i].is_over = true;
    sources_.push_back({task.path, attempt, LogFollower(attempt_log_path(service_.dir(), run, task, attempt)), is_over});
  }

  Service& service_;
  const Uuid uuid_;
  const LogQuery query_;
  LogText text_;
  std::vector<Source> sources_;
  std::map<std::pair<TaskId, int>, std::size_t> index_;  // into sources_
  std::optional<std::uint64_t> seen_seq_;  // of the run's journal
  bool is_over_ = false;
};

using After = std::function<void(Duration, std::function<void()>)>;

// Sends turn after turn while the peer takes them.
void pump(const After& after, const std::shared_ptr<LogFeed>& feed, const HttpStream& stream) {
  const auto again = [&](Duration delay) { after(delay, [&after, feed, stream] { pump(after, feed, stream); }); };
  if (stream.is_gone()) return;
  if (stream.backlog() > kBacklogMax) return again(kBacklogWait);
  std::string out;
  const auto next = feed->turn(out);
  if (!out.empty() && !stream.write(std::move(out))) return;
  // The head is sent by now, so that an error can only end the text.
  if (!next || *next == LogFeed::Next::kEnd) return stream.close();
  again(*next == LogFeed::Next::kMore ? Duration{0} : kLookAgainAfter);
}

}  // namespace

Status answer_logs(const Call& call, Service& service, const ApiOptions& options, const RunRow& run, LogQuery query) {
  const bool streams = call.responder.can_stream() && options.after != nullptr;
  query.follow = query.follow && streams;
  const auto feed = std::make_shared<LogFeed>(service, run.uuid, query);
  HttpResponse response{.content_type = query.ndjson ? "application/x-ndjson" : "text/plain; charset=utf-8"};
  // The first turn is made before the head is sent, so that its errors have a status.
  SLUICE_TRY(auto next, feed->turn(response.body));
  if (streams && next != LogFeed::Next::kEnd) {
    const std::string first = std::exchange(response.body, {});
    const HttpStream stream = call.responder.stream(std::move(response));
    if (first.empty() || stream.write(first))
      options.after(Duration{0}, [&options, feed, stream] { pump(options.after, feed, stream); });
    return {};
  }
  while (next == LogFeed::Next::kMore) {
    std::string more;
    SLUICE_TRY(next, feed->turn(more));
    response.body += more;
  }
  call.responder.send(std::move(response));
  return {};
}

void add_log_route(OwnRoutes& routes, const ApiOptions& options) {
  routes.add({.method = "GET",
              .pattern = "/api/v1/runs/{run}/logs",
              .summary = "What its tasks printed: of one task as it is, of several by lines with the task in front",
              .query = {{"task", "a task by its path or last name, or all below a DAG or loop"},
                        {"attempt", "the newest if it is not given", "integer"},
                        {"stdout", "only standard output", "boolean"},
                        {"follow", "go on until the task, or the run, has ended", "boolean"},
                        {"format", "text, or ndjson: one chunk per line, as LogChunk"}},
              .response_type = "text/plain"},
             [&service = routes.service(), &options](const Call& call) -> Status {
               SLUICE_TRY(LogQuery query, log_query(call));
               SLUICE_TRY(const Service::Reader reader, service.reader());
               SLUICE_TRY(const RunRow run, run_of(call, *reader));
               return answer_logs(call, service, options, run, std::move(query));
             });
}

}  // namespace sluice
