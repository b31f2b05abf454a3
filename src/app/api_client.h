// Where a verb's answers come from: a server by its URL, else whoever owns the data directory by its socket, else the directory
// itself, read in process. The requests are the same, and so are the answers.
#pragma once

#include <memory>
#include <string>

#include "app/directory.h"
#include "app/verbs.h"
#include "base/value.h"
#include "net/http_client.h"

namespace sluice {

class ApiClient {
 public:
  enum class Peer { kServer, kOwner, kDirectory };

  // Nothing is sent yet. kNotFound if it has to be the directory and there is no data in it.
  static Result<std::unique_ptr<ApiClient>> open(const Context& context);

  Peer peer() const { return peer_; }
  // The directory, whose files are ours to read. Null for a server that was named by its URL: it may be on another machine.
  const DataDir* files() const { return directory_ == nullptr ? nullptr : &directory_->dir(); }
  // It cannot come back: a `sluice run` that owned the directory has ended. A server can.
  bool is_gone_for_good() const;
  // For people: the URL, or the directory.
  const std::string& name() const { return name_; }

  // The body of the answer. All errors of it, as they would be in process; kUnavailable if nobody answers.
  struct Answer {
    std::string body;
    Diagnostics errors;
  };
  Answer ask(HttpRequest request);
  Result<std::string> text(const std::string& target);
  // GET and POST of JSON; the first of the errors.
  Result<Value> get(const std::string& target);
  Result<Value> post(const std::string& target, const Value& body = Value(Struct{}));
  // An answer that arrives in pieces, on a connection of its own. kConflict: the directory itself has none.
  Result<std::unique_ptr<HttpReplyStream>> stream(HttpRequest request);
  // All rows of a list, page by page: "runs" of /api/v1/runs?, at most `limit`. `target` ends in ? or &.
  Result<List> rows(const std::string& target, const std::string& key, int limit);

 private:
  ApiClient(Peer peer, std::string name) : peer_(peer), name_(std::move(name)) {}
  HttpResponse ask_directory(HttpRequest request);

  Peer peer_;
  OwnerKind owner_ = OwnerKind::kNone;
  std::string name_;
  std::unique_ptr<HttpClient> client_;
  EventHub events_{"none"};  // that nothing happens in
  std::unique_ptr<Directory> directory_;  // not for a server
  std::unique_ptr<Api> api_;              // of the directory, when it is needed
};

HttpRequest get_request(std::string target);
HttpRequest post_request(std::string target, const Value& body);
// Of a list of {"file", "line", "column", "path", "code", "message", "hint"}.
Diagnostics diagnostics_from(const Value& list);
// What an answer with an error's status says; what is not of our making is described by its status.
Diagnostics errors_of(int status, const std::string& body, const std::string& who);

}  // namespace sluice
