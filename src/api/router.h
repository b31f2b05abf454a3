// Which function answers which request, and what is said about it in openapi.json: one table for both.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/service.h"
#include "base/result.h"
#include "base/value.h"
#include "net/http.h"
#include "net/url.h"

namespace sluice {

// Answers one call; a copy answers the same one. What is sent passes `seen` (the metrics, the headers that every answer has).
class Reply {
 public:
  using Seen = std::function<void(HttpResponse&)>;
  Reply(Responder responder, bool can_stream = false, Seen seen = {});

  void send(HttpResponse response) const;
  // Only if can_stream(): a caller in this process gets whole answers.
  HttpStream stream(HttpResponse head) const;
  bool can_stream() const { return can_stream_; }

 private:
  Responder responder_;
  bool can_stream_;
  std::shared_ptr<const Seen> seen_;
};

// One request on its way through a route. A copy is the same request.
struct Call {
  std::shared_ptr<const HttpRequest> request;
  std::map<std::string, std::string, std::less<>> path;  // {run_id} of the pattern, decoded
  QueryFields query;
  Reply responder;

  // Of the pattern; empty if it has no such name.
  std::string_view part(std::string_view name) const;
  // Of the query; empty if it is not there. The first, if there are several.
  std::string_view argument(std::string_view name) const;
  bool has_argument(std::string_view name) const;
  // kInvalid, naming the argument, if it is not a whole number in [min, max].
  Result<std::int64_t> integer(std::string_view name, std::int64_t fallback, std::int64_t min, std::int64_t max) const;
};

// Answers through call.responder, now or later. On a network thread: what takes longer than a read of the store goes to
// Service::in_background or on_owner.
using RouteHandler = std::function<void(const Call&)>;

struct RouteArgument {
  std::string name, what;  // `what` for openapi.json
  std::string type = "string";
  bool required = false;
};
struct Route {
  std::string method;
  std::string pattern;               // "/api/v1/runs/{run}", "/apis/v2beta1/runs/{run_id}:archive"
  std::string summary;               // for openapi.json
  RouteHandler handler;
  std::vector<RouteArgument> query;
  std::string request_schema;        // names in openapi.json's components; empty: none
  std::string response_schema;       // empty: any JSON
  std::string response_type = "application/json";
  std::uint64_t body_bytes_max = 64ULL << 20U;
};

// How a family of routes says that something went wrong: each API has its own bodies.
using ErrorWriter = std::function<HttpResponse(const Error&)>;

class Router {
 public:
  // Every path below `prefix` that has no route, or not for its method, is answered by `write` (not_found, or 405 with Allow).
  void family(const std::string& prefix, ErrorWriter write);
  // Two routes that match the same requests stop the program. A {name} matches one segment, without the verb behind ':' if the
  // pattern has one; {name...} at the end matches the rest with its slashes.
  void add(Route route);

  struct Match {
    const Route* route = nullptr;    // null: `refusal` says why
    std::map<std::string, std::string, std::less<>> path;
    HttpResponse refusal;
  };
  // HEAD is matched as GET, OPTIONS answered with Allow.
  // `path` is still encoded.
  Match match(std::string_view method, std::string_view path) const;
  // The error as the family of that path writes it.
  HttpResponse error(std::string_view path, const Error& error) const;
  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }

 private:
  // One segment of a pattern: "runs", "{run}", "{run}:archive", "{path...}".
  struct Segment {
    std::string text;  // a literal, or the name of a parameter
    bool is_parameter = false;
    bool is_rest = false;
    std::string verb;  // behind the parameter, with its ':'
    // Smaller: says more about the path.
    int rank() const { return !is_parameter ? 0 : !verb.empty() ? 1 : is_rest ? 3 : 2; }
    std::string shape() const;
  };
  using Pattern = std::vector<Segment>;
  static Pattern pattern_of(const std::string& text);
  // False if the path does not match; the parameters still encoded.
  static bool fits(const Pattern& pattern, const std::vector<std::string_view>& path,
                   std::map<std::string, std::string_view, std::less<>>& parts);
  static bool is_nearer(const Pattern& a, const Pattern& b);

  std::vector<std::unique_ptr<Route>> routes_;
  std::vector<Pattern> patterns_;  // of the routes, by index
  std::vector<std::pair<std::string, ErrorWriter>> families_;
};

// A response with a JSON body.
HttpResponse json_response(std::string json, int status = 200);
HttpResponse json_response(const Value& value, int status = 200);
// Runs `handle` and answers with what it returns, or with write(its error).
RouteHandler answer_with(ErrorWriter write, std::function<Result<HttpResponse>(const Call&)> handle);

// What the routes of both families are made of. `write` says errors in the family's words.
using StoreHandler = std::function<Result<HttpResponse>(const Call&, RunStore&)>;
using OwnerHandler = std::function<Result<HttpResponse>(const Call&, Service::Writer)>;
// Answers with what `handle` reads, on the network thread.
RouteHandler answer_from_store(Service& service, ErrorWriter write, StoreHandler handle);
// Has `handle` answer on the owner's thread. An error: nobody can be asked, and nothing has been answered.
Status answer_on_owner(Service& service, const Call& call, ErrorWriter write, OwnerHandler handle);
// `handle` acts on the owner's thread; what it returns answers after the engine's next turn, when what was asked for is done. Its
// error is answered at once.
using OwnerAct = std::function<Result<OwnerHandler>(const Call&, Service::Writer)>;
Status answer_after_turn(Service& service, const Call& call, ErrorWriter write, OwnerAct handle);

}  // namespace sluice
