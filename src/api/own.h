// What the routes below /api/v1 share: how they are added, how they read requests and write errors. Only own_*.cc use it.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/api.h"
#include "api/run_fields.h"
#include "base/diagnostic.h"

namespace sluice {

// {"errors": [{"file","line","column","path","code","message","hint"}]}, as `--json` of the command line.
HttpResponse own_errors(const Diagnostics& errors);
HttpResponse own_error(const Error& error);

// Adds routes whose errors are own_error()s, and which refuse arguments that their table does not name.
class OwnRoutes {
 public:
  OwnRoutes(Router& router, Service& service) : router_(router), service_(service) {}

  // Answered at once, on the network thread.
  void read(Route route, StoreHandler handle);
  // Answered on the owner's thread.
  void write(Route route, OwnerHandler handle);
  // Answers by itself, whenever.
  void add(Route route, std::function<Status(const Call&)> handle);
  Service& service() const { return service_; }

 private:
  Router& router_;
  Service& service_;
};

// The families of routes below /api/v1.
void add_run_routes(OwnRoutes& routes);
void add_submit_route(OwnRoutes& routes);
void add_run_change_routes(OwnRoutes& routes);
void add_why_route(OwnRoutes& routes);
void add_restart_route(OwnRoutes& routes);
void add_diff_route(OwnRoutes& routes);
void add_log_route(OwnRoutes& routes, const ApiOptions& options);
void add_artifact_routes(OwnRoutes& routes);
void add_experiment_routes(OwnRoutes& routes);
void add_pipeline_routes(OwnRoutes& routes);
void add_garbage_routes(OwnRoutes& routes);
void add_server_routes(OwnRoutes& routes, EventHub& events, const ApiOptions& options, const Router& router);

// Says how to get an owner if there is none.
Status with_owner_hint(Status asked);

// A store of this thread's own, then the run that {run} of the path names.
Result<RunRow> run_of(const Call& call, RunStore& store);

// The body as an object with no other fields than these; an empty body is an empty object.
Result<Struct> body_of(const Call& call, std::initializer_list<const char*> fields);
// Fields of it: kInvalid if they are there and of another kind.
Result<std::string> text_field(const Struct& body, std::string_view name, std::string_view fallback = {});
Result<bool> flag_field(const Struct& body, std::string_view name, bool fallback);
Result<Struct> struct_field(const Struct& body, std::string_view name);
Result<bool> flag_argument(const Call& call, std::string_view name, bool fallback);

}  // namespace sluice
