#include "app/run_events.h"

#include <poll.h>

#include "app/run_sheet.h"
#include "app/task_tree.h"
#include "base/json.h"

namespace sluice {
namespace {

// A server that is restarted is back within seconds; one that recovers from a crash may have many journals to read.
constexpr auto kPatience = std::chrono::seconds(30);
constexpr Duration kGreetingWait = std::chrono::seconds(5);

HttpRequest events_request(const std::string& target, const std::string& last_id) {
  HttpRequest request = get_request(target);
  request.headers.push_back({"Accept", "text/event-stream"});
  if (!last_id.empty()) request.headers.push_back({"Last-Event-ID", last_id});
  return request;
}

}  // namespace

RunEvents::RunEvents(ApiClient& connection, const Uuid& run, std::string mark)
    : connection_(connection), run_(run), last_id_(std::move(mark)), knows_state_(!last_id_.empty()) {}

Result<std::vector<Notice>> RunEvents::next(Duration wait) {
  if (stream_ == nullptr) {
    auto stream = connection_.stream(events_request("/api/v1/events?run=" + run_.text(), last_id_));
    if (!stream) return reconnect(wait, stream.error());
    stream_ = std::move(*stream);
    reader_ = EventReader();
  }
  auto bytes = stream_->next(wait);
  std::vector<Notice> out;
  if (bytes && !*bytes) return out;
  if (!bytes || (*bytes)->empty()) {
    stream_.reset();
    return reconnect(Duration{0},
                     bytes ? Error{Code::kUnavailable, connection_.name() + " has ended the stream", ""} : bytes.error());
  }
  reader_.append(**bytes);
  while (const auto event = reader_.next()) {
    if (const Status taken = take(*event, out); !taken) {
      stream_.reset();
      SLUICE_TRY(const auto nothing, reconnect(Duration{0}, taken.error()));
      (void)nothing;
      return out;
    }
  }
  return out;
}

Result<std::vector<Notice>> RunEvents::reconnect(Duration wait, const Error& why) {
  if (why.code != Code::kUnavailable && why.code != Code::kTimeout) return fail(why);
  const auto now = std::chrono::steady_clock::now();
  if (!cut_since_) cut_since_ = now;
  if (connection_.is_gone_for_good() || now - *cut_since_ > kPatience) return fail(why);
  if (wait.count() > 0) poll(nullptr, 0, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
  return std::vector<Notice>();
}

Status RunEvents::take(const ServerEvent& event, std::vector<Notice>& out) {
  if (event.event == "hello") {
    cut_since_.reset();
    if (!knows_state_) {
      SLUICE_TRY_STATUS(tell_state(out));
    }
    knows_state_ = true;
  } else if (event.event == "reset") {
    SLUICE_TRY_STATUS(tell_state(out));
  } else if (const auto value = parse_json(event.data)) {
    if (auto notice = notice_from_value(*value)) out.push_back(std::move(*notice));
  }
  // Only now: what could not be told is asked for again.
  if (!event.id.empty()) last_id_ = event.id;
  return {};
}

Status RunEvents::tell_state(std::vector<Notice>& out) {
  const std::string path = "/api/v1/runs/" + run_.text();
  SLUICE_TRY(const Value document, connection_.get(path));
  SLUICE_TRY(const Value tasks, connection_.get(path + "/tasks"));
  const RunSheet sheet = run_sheet(document, tasks);
  for (TaskNotice& notice : notices_of(sheet.tasks)) {
    notice.run = run_;
    out.emplace_back(std::move(notice));
  }
  out.emplace_back(RunNotice{.run = run_, .state = sheet.state, .error = sheet.error});
  return {};
}

std::string event_mark(ApiClient& connection) {
  auto stream = connection.stream(events_request("/api/v1/events", ""));
  if (!stream) return {};
  EventReader reader;
  for (;;) {
    const auto bytes = (*stream)->next(kGreetingWait);
    if (!bytes || !*bytes || (*bytes)->empty()) return {};
    reader.append(**bytes);
    if (const auto event = reader.next()) return event->id;
  }
}

}  // namespace sluice
