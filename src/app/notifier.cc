#include "app/notifier.h"

#include <algorithm>

#include "base/json.h"
#include "exec/command.h"
#include "net/http_client.h"
#include "net/url.h"

namespace sluice {
namespace {

using Steady = std::chrono::steady_clock;

constexpr int kTriesMax = 3;

// "http://host:8080/hook?a=b" -> what HttpClient connects to. The rest is the request's target.
std::string base_of(const Url& url) {
  const std::string host = url.host.find(':') == std::string::npos ? url.host : "[" + url.host + "]";
  return url.scheme + "://" + host + (url.port == 0 ? "" : ":" + std::to_string(url.port));
}

}  // namespace

std::string notice_text(const RunRow& run, const NotifierHost& host) {
  const std::string url = host.url ? host.url() : "";
  JsonWriter json;
  // The id is the same however often the same end is told, and another one when the run was retried and has ended again.
  json.begin_object()
      .field("specversion", "1.0")
      .field("id", run.uuid.text() + "/" + std::to_string(run.seq))
      .field("source", url.empty() ? "file://" + host.data_dir : url)
      .field("type", "dev.sluice.run.ended")
      .field("subject", run.uuid.text())
      .field("time", format_rfc3339(run.ended, true))
      .field("datacontenttype", "application/json")
      .key("data")
      .begin_object()
      .field("run_id", run.uuid.text())
      .field("name", run.name)
      .field("pipeline", run.pipeline_name)
      .field("experiment", run.experiment)
      .field("state", state_name(run.state))
      .key("error");
  if (run.error.empty())
    json.null();
  else
    json.value(run.error);
  json.key("url");
  if (url.empty())
    json.null();
  else
    json.value(url + "/api/v1/runs/" + run.uuid.text());
  return json.end_object().end_object().take();
}

Notifier::Notifier(NotifyRules rules, NotifierHost host, Timing timing)
    : rules_(std::move(rules)), host_(std::move(host)), timing_(timing), thread_([this] { serve(); }) {}

Notifier::~Notifier() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void Notifier::look() {
  {
    const std::lock_guard lock(mutex_);
    has_news_ = true;
    is_busy_ = true;
  }
  wake_.notify_all();
}

void Notifier::serve() {
  std::optional<Steady::time_point> due;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto is_time = [&] { return has_news_ || is_closing_; };
      if (due)
        wake_.wait_until(lock, *due, is_time);
      else
        wake_.wait(lock, is_time);
      if (is_closing_) return;
      has_news_ = false;
    }
    // A store that cannot be read now is asked again with the next end of a run.
    const Status taken = take_pending();
    if (!taken && host_.failed) host_.failed("", taken.error());
    due = deliver_due();
    const std::lock_guard lock(mutex_);
    if (!due && !has_news_) is_busy_ = false;
  }
}

Status Notifier::take_pending() {
  SLUICE_TRY(const auto store, host_.reader());
  SLUICE_TRY(const auto pending, store->notices());
  std::erase_if(settled_, [&](const Key& key) {
    return std::none_of(pending.begin(), pending.end(), [&](const auto& it) { return Key{it.run, it.seq} == key; });
  });
  for (const PendingNotice& notice : pending) {
    const Key key{notice.run, notice.seq};
    if (deliveries_.contains(key) || settled_.contains(key)) continue;
    SLUICE_TRY(Delivery delivery, delivery_for(*store, notice.run));
    deliveries_.emplace(key, std::move(delivery));
  }
  return {};
}

Result<Notifier::Delivery> Notifier::delivery_for(RunStore& store, const Uuid& run) const {
  SLUICE_TRY(const RunRow row, store.run(run));
  Delivery delivery{.due = Steady::now(), .command_left = !rules_.command.empty(), .text = notice_text(row, host_)};
  if (!rules_.url.empty()) delivery.left.push_back(rules_.url);
  if (const Value* own = row.options.find("notify"); own != nullptr && own->is_list())
    for (const Value& url : own->as_list())
      if (url.is_string() && url.as_string() != rules_.url) delivery.left.push_back(url.as_string());
  return delivery;
}

std::optional<Steady::time_point> Notifier::deliver_due() {
  std::optional<Steady::time_point> next;
  for (auto place = deliveries_.begin(); place != deliveries_.end();) {
    auto& [key, delivery] = *place;
    if (delivery.due <= Steady::now()) try_once(delivery);
    if (is_closing_) return next;
    const bool is_done = delivery.left.empty() && !delivery.command_left;
    if (is_done || delivery.tries >= kTriesMax) {
      settled_.insert(key);
      host_.told({.run = key.first, .seq = key.second});
      place = deliveries_.erase(place);
      continue;
    }
    next = next ? std::min(*next, delivery.due) : delivery.due;
    ++place;
  }
  return next;
}

void Notifier::try_once(Delivery& delivery) {
  const bool is_last = ++delivery.tries >= kTriesMax;
  const auto take = [&](const std::string& target, const Status& told) {
    if (!told && is_last && host_.failed && !is_closing_) host_.failed(target, told.error());
    return told.has_value();
  };
  std::erase_if(delivery.left, [&](const std::string& url) { return take(url, post(url, delivery.text)); });
  if (delivery.command_left) delivery.command_left = !take(rules_.command.front(), execute(delivery.text));
  const int factor = 1 << (2 * (delivery.tries - 1));  // 1, 4
  delivery.due = Steady::now() + factor * timing_.first_pause;
}

Status Notifier::post(const std::string& url, const std::string& text) const {
  if (is_closing_) return fail(Code::kCancelled, "ending");
  SLUICE_TRY(const Url parts, parse_url(url));
  SLUICE_TRY(const auto client,
             HttpClient::to(base_of(parts),
                            {.connect_time = timing_.answer, .answer_time = timing_.answer, .body_bytes_max = 1U << 20U}));
  SLUICE_TRY(const HttpReply reply, client->call({.method = "POST",
                                                  .target = parts.target,
                                                  .headers = {{"Content-Type", "application/cloudevents+json; charset=utf-8"}},
                                                  .body = text}));
  if (reply.status >= 200 && reply.status < 300) return {};
  return fail(Code::kUnavailable, "it answers with status " + std::to_string(reply.status));
}

Status Notifier::execute(const std::string& text) const {
  SLUICE_TRY(const CommandResult ended,
             run_command({.argv = rules_.command, .input = text + "\n", .time_max = timing_.answer}, is_closing_));
  if (ended.exit_code == 0) return {};
  return fail(Code::kUnavailable, "it ends with exit code " + std::to_string(ended.exit_code) +
                                      (ended.last_lines.empty() ? "" : ": " + ended.last_lines.back()));
}

}  // namespace sluice
