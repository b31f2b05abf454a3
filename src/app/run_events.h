// The news of one run that another process carries out, over whatever breaks between us.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "app/api_client.h"
#include "net/url.h"

namespace sluice {

class RunEvents {
 public:
  // `mark`: everything after that event is wanted (event_mark); empty: first the state as it is, then what comes.
  RunEvents(ApiClient& connection, const Uuid& run, std::string mark);

  // What has arrived within `wait`, mostly nothing. After a break the stream is taken up where it was; where that cannot be, the
  // state is told anew. kUnavailable: nobody answers, and has not for half a minute (or nobody is left who could).
  Result<std::vector<Notice>> next(Duration wait);
  // Whether nobody answers at the moment.
  bool is_cut() const { return cut_since_.has_value(); }

 private:
  Result<std::vector<Notice>> reconnect(Duration wait, const Error& why);
  Status take(const ServerEvent& event, std::vector<Notice>& out);
  Status tell_state(std::vector<Notice>& out);

  ApiClient& connection_;
  const Uuid run_;
  std::string last_id_;
  bool knows_state_;
  std::unique_ptr<HttpReplyStream> stream_;
  EventReader reader_;
  std::optional<std::chrono::steady_clock::time_point> cut_since_;
};

// The id of the newest event there is; empty if it cannot be had.
std::string event_mark(ApiClient& connection);

}  // namespace sluice
