#include "app/logs.h"

#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

// Of a server on another machine: so much of the end of a log holds the lines that a summary shows.
constexpr std::size_t kTailBytes = 64 * 1024;
constexpr Duration kWait = std::chrono::seconds(1);

std::optional<RemoteChunk> chunk_from(std::string_view line) {
  const auto value = parse_json(line);
  if (!value || !value->is_struct()) return std::nullopt;
  return RemoteChunk{.task = std::string(value->string_or("task", "")),
                     .stream = std::string(value->string_or("stream", "")),
                     .at = std::string(value->string_or("at", "")),
                     .text = std::string(value->string_or("text", "")),
                     .attempt = static_cast<int>(value->int_or("attempt", 0))};
}

std::string last_lines(const std::string& text, int lines) {
  std::size_t start = text.size();
  if (text.ends_with('\n')) --start;
  for (int i = 0; i < lines && start > 0 && start != std::string::npos; ++i) start = text.rfind('\n', start - 1);
  return start == std::string::npos || start == 0 ? text : text.substr(start + 1);
}

}  // namespace

Status remote_log(ApiClient& connection, const Uuid& run, const std::string& query,
                  const std::function<bool(const RemoteChunk&)>& visit) {
  const std::string target = "/api/v1/runs/" + run.text() + "/logs?format=ndjson" + (query.empty() ? "" : "&" + query);
  SLUICE_TRY(const auto stream, connection.stream(get_request(target)));
  std::string rest;
  for (;;) {
    SLUICE_TRY(const auto bytes, stream->next(kWait));
    if (!bytes) continue;
    if (bytes->empty()) return {};
    const std::size_t searched = rest.size();
    rest += *bytes;
    std::size_t start = 0;
    for (std::size_t end = 0; (end = rest.find('\n', std::max(start, searched))) != std::string::npos; start = end + 1)
      if (const auto chunk = chunk_from(std::string_view(rest).substr(start, end - start)); chunk && !visit(*chunk)) return {};
    rest.erase(0, start);
  }
}

LastLines last_lines_of(ApiClient& connection, const Uuid& run) {
  if (const DataDir* dir = connection.files()) return last_lines_in(*dir, run);
  return [&connection, run](const TaskRow& task, int lines) {
    std::string tail;
    const Status read = remote_log(connection, run, "task=" + encode_percent(task.path), [&](const RemoteChunk& chunk) {
      tail += chunk.text;
      if (tail.size() > 2 * kTailBytes) tail.erase(0, tail.size() - kTailBytes);
      return true;
    });
    return read ? last_lines(tail, lines) : std::string();
  };
}

}  // namespace sluice
