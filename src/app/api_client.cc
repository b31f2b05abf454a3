#include "app/api_client.h"

#include <algorithm>

#include "app/load.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {
namespace {

constexpr int kPageRows = 1000;  // the most that a page has

Code code_from(std::string_view name) {
  for (const Code code :
       {Code::kInvalid, Code::kNotFound, Code::kConflict, Code::kUnavailable, Code::kCancelled, Code::kTimeout, Code::kCorrupt})
    if (name == code_name(code)) return code;
  return Code::kInternal;
}

Code code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
    case 409: return Code::kConflict;  // refused
    case 404: return Code::kNotFound;
    case 408:
    case 504: return Code::kTimeout;
    case 429:
    case 502:
    case 503: return Code::kUnavailable;
    default: return status >= 500 ? Code::kInternal : Code::kInvalid;
  }
}

Diagnostic diagnostic_from(const Value& value) {
  return {.file = std::string(value.string_or("file", "")),
          .place = {static_cast<int>(value.int_or("line", 0)), static_cast<int>(value.int_or("column", 0))},
          .path = std::string(value.string_or("path", "")),
          .code = code_from(value.string_or("code", "")),
          .message = std::string(value.string_or("message", "")),
          .hint = std::string(value.string_or("hint", ""))};
}

Error first_error(const Diagnostics& errors) { return {errors.front().code, errors.front().text(), errors.front().hint}; }

}  // namespace

Diagnostics diagnostics_from(const Value& list) {
  Diagnostics out;
  if (list.is_list())
    for (const Value& value : list.as_list()) out.push_back(diagnostic_from(value));
  return out;
}

Diagnostics errors_of(int status, const std::string& body, const std::string& who) {
  const auto parsed = parse_json(body);
  const Value* errors = parsed ? parsed->find("errors") : nullptr;
  Diagnostics out = errors != nullptr ? diagnostics_from(*errors) : Diagnostics{};
  if (out.empty())
    out.push_back({.code = code_of_status(status),
                   .message = who + " answered " + std::to_string(status) + " " + std::string(status_text(status)),
                   .hint = status == 404 ? "is it a Sluice server?" : ""});
  // Who may not call is refused, whatever is wrong with the request.
  if (status == 401 || status == 403)
    for (Diagnostic& error : out) error.code = Code::kConflict;
  return out;
}

HttpRequest get_request(std::string target) { return {.target = std::move(target)}; }

HttpRequest post_request(std::string target, const Value& body) {
  return {
      .method = "POST", .target = std::move(target), .headers = {{"Content-Type", "application/json"}}, .body = to_json(body)};
}

Result<std::unique_ptr<ApiClient>> ApiClient::open(const Context& context) {
  const Config& config = context.config;
  std::unique_ptr<ApiClient> connection;
  if (!config.server_url.empty()) {
    const bool has_scheme = config.server_url.find(':') != std::string::npos &&
                            (config.server_url.starts_with("unix:") || config.server_url.find("://") != std::string::npos);
    const std::string url = has_scheme ? config.server_url : "http://" + config.server_url;
    connection.reset(new ApiClient(Peer::kServer, url));
    SLUICE_TRY(connection->client_, HttpClient::to(url, {.token = config.token}));
    return connection;
  }
  SLUICE_TRY(DataDir dir, DataDir::at(config.data_dir));
  const OwnerKind owner = owner_of(dir).kind;
  const bool owned = owner != OwnerKind::kNone;
  if (!owned) SLUICE_TRY_STATUS(check_for_data(dir));
  connection.reset(new ApiClient(owned ? Peer::kOwner : Peer::kDirectory, dir.root()));
  connection->owner_ = owner;
  if (owned) {
    SLUICE_TRY(connection->client_, HttpClient::to("unix:" + dir.socket()));
  }
  connection->directory_ = std::make_unique<Directory>(std::move(dir), config);
  return connection;
}

bool ApiClient::is_gone_for_good() const {
  return peer_ == Peer::kOwner && owner_ == OwnerKind::kRun && owner_pid(directory_->dir()) == 0;
}

HttpResponse ApiClient::ask_directory(HttpRequest request) {
  if (api_ == nullptr) api_ = std::make_unique<Api>(*directory_, events_, ApiOptions{});
  request.peer = "unix";
  return api_->call(std::move(request));
}

ApiClient::Answer ApiClient::ask(HttpRequest request) {
  if (peer_ != Peer::kDirectory) {
    auto reply = client_->call(request);
    if (reply) {
      if (reply->status < 300) return {std::move(reply->body), {}};
      return {"", errors_of(reply->status, reply->body, name_)};
    }
    // An owner that begins or ends does not answer, and what it knows can be read without it.
    if (peer_ == Peer::kServer || request.method != "GET")
      return {"", {{.code = reply.error().code, .message = reply.error().message, .hint = reply.error().hint}}};
  }
  HttpResponse response = ask_directory(std::move(request));
  if (response.status < 300) return {std::move(response.body), {}};
  return {"", errors_of(response.status, response.body, name_)};
}

Result<std::string> ApiClient::text(const std::string& target) {
  Answer answer = ask(get_request(target));
  if (!answer.errors.empty()) return fail(first_error(answer.errors));
  return std::move(answer.body);
}

Result<Value> ApiClient::get(const std::string& target) {
  SLUICE_TRY(const std::string body, text(target));
  auto value = parse_json(body);
  if (!value) return fail(Code::kInternal, name_ + " answered what is no JSON: " + value.error().message);
  return value;
}

Result<Value> ApiClient::post(const std::string& target, const Value& body) {
  Answer answer = ask(post_request(target, body));
  if (!answer.errors.empty()) return fail(first_error(answer.errors));
  auto value = parse_json(answer.body);
  if (!value) return fail(Code::kInternal, name_ + " answered what is no JSON: " + value.error().message);
  return value;
}

Result<std::unique_ptr<HttpReplyStream>> ApiClient::stream(HttpRequest request) {
  if (peer_ == Peer::kDirectory) return fail(Code::kConflict, "nobody carries out runs in " + name_);
  SLUICE_TRY(auto stream, client_->stream(std::move(request)));
  if (stream->status() < 300) return stream;
  std::string body;
  for (;;) {
    SLUICE_TRY(const auto more, stream->next(std::chrono::seconds(5)));
    if (!more || more->empty()) break;
    body += *more;
  }
  return fail(first_error(errors_of(stream->status(), body, name_)));
}

Result<List> ApiClient::rows(const std::string& target, const std::string& key, int limit) {
  List out;
  std::string token;
  while (static_cast<int>(out.size()) < limit) {
    const int wanted = std::min(kPageRows, limit - static_cast<int>(out.size()));
    SLUICE_TRY(const Value page,
               get(target + "limit=" + std::to_string(wanted) + (token.empty() ? "" : "&page_token=" + encode_percent(token))));
    const Value* rows = page.find(key);
    if (rows == nullptr || !rows->is_list()) return fail(Code::kInternal, name_ + " answered a list without '" + key + "'");
    out.insert(out.end(), rows->as_list().begin(), rows->as_list().end());
    token = page.string_or("next_page_token", "");
    if (token.empty() || rows->as_list().empty()) break;
  }
  return out;
}

}  // namespace sluice
