// What tasks printed, of a run that another process may carry out on another machine.
#pragma once

#include <functional>
#include <string>

#include "app/api_client.h"
#include "app/run_summary.h"

namespace sluice {

struct RemoteChunk {
  std::string task, stream, at, text;
  int attempt = 0;
};
// GET /api/v1/runs/RUN/logs, chunk by chunk, until it ends or `visit` says false. `query` names what is wanted beside the format:
// "task=...&follow=true".
Status remote_log(ApiClient& connection, const Uuid& run, const std::string& query,
                  const std::function<bool(const RemoteChunk&)>& visit);

// From the files where they are ours, else from the server.
LastLines last_lines_of(ApiClient& connection, const Uuid& run);

}  // namespace sluice
