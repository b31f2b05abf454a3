// The log of a run's tasks as an answer, also while they run: both APIs have a path for it.
#pragma once

#include <string>

#include "api/api.h"
#include "store/run_store.h"

namespace sluice {

struct LogQuery {
  std::string task;  // its path, its last name, or that of what it lies in; empty: all
  int attempt = 0;  // 0: the newest
  bool stdout_only = false, follow = false, ndjson = false;
};

// Sends the answer, or says why there is none. `options` must live as long as the answer goes on.
Status answer_logs(const Call& call, Service& service, const ApiOptions& options, const RunRow& run, LogQuery query);

}  // namespace sluice
