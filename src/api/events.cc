#include "api/events.h"

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/match.h"
#include "net/url.h"

namespace sluice {
namespace {

const char* event_name(const Notice& notice) {
  return std::visit(Match{[](const TaskNotice&) { return "task"; }, [](const RunNotice&) { return "run"; },
                          [](const BuildNotice&) { return "build"; }},
                    notice);
}

// The number of "BOOT-NUMBER"; nothing if it is of another boot.
std::optional<std::uint64_t> number_of(std::string_view id, const std::string& boot) {
  const auto dash = id.rfind('-');
  if (dash == std::string_view::npos || id.substr(0, dash) != boot) return std::nullopt;
  std::uint64_t number = 0;
  const char* end = id.data() + id.size();
  const auto [used, error] = std::from_chars(id.data() + dash + 1, end, number);
  return error == std::errc{} && used == end ? std::optional(number) : std::nullopt;
}

}  // namespace

EventHub::EventHub(std::string boot, std::size_t kept) : boot_(std::move(boot)), kept_max_(kept) {}

std::string EventHub::id_of(std::uint64_t number) const { return boot_ + "-" + std::to_string(number); }

std::string EventHub::text_of(const Kept& kept) const {
  return event_text({.id = id_of(kept.number), .event = event_name(kept.notice), .data = to_json(to_value(kept.notice))});
}

bool EventHub::concerns(const Notice& notice, const std::optional<Uuid>& run) {
  if (!run) return true;
  return std::visit(Match{[&](const BuildNotice& n) { return std::find(n.runs.begin(), n.runs.end(), *run) != n.runs.end(); },
                          [&](const auto& n) { return n.run == *run; }},
                    notice);
}

void EventHub::tell(const Notice& notice) {
  const std::lock_guard lock(mutex_);
  kept_.push_back({++newest_, notice});
  if (kept_.size() > kept_max_) kept_.pop_front();
  if (subscribers_.empty()) return;
  const std::string text = text_of(kept_.back());
  std::erase_if(subscribers_,
                [&](const Subscriber& subscriber) { return concerns(notice, subscriber.run) && !subscriber.stream.write(text); });
}

void EventHub::subscribe(HttpStream stream, std::string_view last_id, std::optional<Uuid> run) {
  const std::lock_guard lock(mutex_);
  const auto last = number_of(last_id, boot_);
  // The next one that the client has not seen must still be here, else it has missed something.
  const bool is_whole = last && *last <= newest_ && (kept_.empty() ? *last == newest_ : *last + 1 >= kept_.front().number);
  // `hello` carries an id too: a client that comes back before anything happened to it misses nothing.
  const std::uint64_t from = is_whole ? *last : newest_;
  std::string text = event_text(
      {.id = id_of(from), .event = "hello", .data = to_json(Value::of({{"version", SLUICE_VERSION}, {"boot", boot_}}))});
  if (!last_id.empty() && !is_whole) text += event_text({.id = id_of(from), .event = "reset", .data = "{}"});
  for (const Kept& kept : kept_)
    if (kept.number > from && concerns(kept.notice, run)) text += text_of(kept);
  if (stream.write(std::move(text))) subscribers_.push_back({std::move(stream), run});
}

void EventHub::keep_alive() {
  const std::lock_guard lock(mutex_);
  std::erase_if(subscribers_, [](const Subscriber& subscriber) { return !subscriber.stream.write(": still here\n\n"); });
}

std::size_t EventHub::subscribers() const {
  const std::lock_guard lock(mutex_);
  return subscribers_.size();
}

}  // namespace sluice
