// Tells whoever has asked for it that a run has ended.
//
// The commit that ends a run marks it in the store, and the mark goes when all have been told, or have not answered three times:
// so each is told at least once, also if this process dies in between, and perhaps twice. A thread of its own does it; neither
// the engine nor a run ever waits for a stranger's server.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "app/notify_rules.h"
#include "base/clock.h"
#include "store/run_store.h"

namespace sluice {

struct NotifierHost {
  std::function<Result<std::shared_ptr<RunStore>>()> reader;
  // Has the mark removed, soon. Called on the notifier's thread.
  std::function<void(const PendingNotice&)> told;
  std::function<std::string()> url;   // of this server; empty: it has none
  std::string data_dir;
  // What could not be delivered, for a log. On the notifier's thread.
  std::function<void(const std::string& target, const Error&)> failed;
};

// The notice as a CloudEvent 1.0 in its structured JSON form.
std::string notice_text(const RunRow& run, const NotifierHost& host);

class Notifier {
 public:
  struct Timing {
    Duration answer = std::chrono::seconds(10);    // of a server, or the end of a command
    Duration first_pause = std::chrono::seconds(1);  // four times as long before each further try
  };
  Notifier(NotifyRules rules, NotifierHost host) : Notifier(std::move(rules), std::move(host), Timing()) {}
  Notifier(NotifyRules rules, NotifierHost host, Timing timing);
  // Gives up what is under way: the marks stay for the next one.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  // There is something to tell, or may be. Thread-safe.
  void look();
  // Something is being told, or will be tried again.
  bool is_busy() const { return is_busy_; }

 private:
  struct Delivery {
    int tries = 0;
    std::chrono::steady_clock::time_point due;
    std::vector<std::string> left;  // URLs that have not been told yet
    bool command_left = false;
    std::string text;
  };
  using Key = std::pair<Uuid, std::uint64_t>;

  void serve();
  Status take_pending();
  Result<Delivery> delivery_for(RunStore& store, const Uuid& run) const;
  // When the next is due; nothing if there is none.
  std::optional<std::chrono::steady_clock::time_point> deliver_due();
  void try_once(Delivery& delivery);
  Status post(const std::string& url, const std::string& text) const;
  Status execute(const std::string& text) const;

  const NotifyRules rules_;
  const NotifierHost host_;
  const Timing timing_;
  std::map<Key, Delivery> deliveries_;  // of its thread
  std::set<Key> settled_;               // told or given up, whose marks may not have gone yet
  std::mutex mutex_;
  std::condition_variable wake_;
  bool has_news_ = false;               // guarded by mutex_
  std::atomic<bool> is_busy_{false};
  std::atomic<bool> is_closing_{false};
  std::thread thread_;                  // last
};

}  // namespace sluice
