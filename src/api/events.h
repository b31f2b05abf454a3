// What happens in the engine, as a stream that clients can take up where they left it.
//
// An id is "BOOT-NUMBER": a client that comes back with the id of another boot, or of an event that is not kept any more, first
// gets the event "reset": what it knows may be old, it has to read the state again. Before all others each stream has a "hello",
// {"version","boot"}, so that a client knows that it is connected.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/value.h"
#include "engine/engine.h"
#include "net/http.h"

namespace sluice {

using Notice = std::variant<TaskNotice, RunNotice, BuildNotice>;
// {"kind": "task", "run": UUID, "task": ID, "path", "state", ...}, {"kind": "run", ...}, {"kind": "build", ...}. Instants are
// microseconds, 0: not yet.
Value to_value(const Notice& notice);
// Nothing for a notice of a kind that this program does not know.
std::optional<Notice> notice_from_value(const Value& value);

class EventHub {
 public:
  // `boot` tells this process from others; `kept`: so many events are kept for clients that come back.
  explicit EventHub(std::string boot, std::size_t kept = 10'000);

  // Thread-safe, all of them. A notice costs a copy when nobody listens.
  void tell(const Notice& notice);
  // Sends the events after `last_id` (empty: only what comes from now on) and all that follow; those of one run if `run` is set.
  void subscribe(HttpStream stream, std::string_view last_id, std::optional<Uuid> run);
  // A comment line on each stream, so that dead peers are noticed: call it every 15 seconds or so.
  void keep_alive();
  std::size_t subscribers() const;

 private:
  struct Kept {
    std::uint64_t number;
    Notice notice;
  };
  struct Subscriber {
    HttpStream stream;
    std::optional<Uuid> run;
  };
  std::string id_of(std::uint64_t number) const;
  std::string text_of(const Kept& kept) const;
  static bool concerns(const Notice& notice, const std::optional<Uuid>& run);

  const std::string boot_;
  const std::size_t kept_max_;
  mutable std::mutex mutex_;
  std::deque<Kept> kept_;  // guarded by mutex_
  std::uint64_t newest_ = 0;  // likewise
  std::vector<Subscriber> subscribers_;  // likewise
};

}  // namespace sluice
