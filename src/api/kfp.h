// What the routes below /apis share. Only kfp_*.cc use it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/api.h"
#include "api/kfp_error.h"
#include "api/kfp_list.h"
#include "api/kfp_spec.h"
#include "base/json.h"
#include "store/run_store.h"

namespace sluice {

// Adds routes whose errors are google.rpc.Status bodies.
class KfpRoutes {
 public:
  KfpRoutes(Router& router, Service& service) : router_(router), service_(service) {}

  // Answered at once, on the network thread.
  void read(const char* method, const char* pattern, const char* summary, StoreHandler handle);
  // Answered on the owner's thread.
  void write(const char* method, const char* pattern, const char* summary, OwnerHandler handle);
  // The same, but answered after the engine's next turn, so that the caller finds what it asked for done.
  void write_and_turn(const char* method, const char* pattern, const char* summary, OwnerHandler handle);
  // On a background thread; answers by itself, whenever. `write_error` says what went wrong in `handle`.
  void background(const char* method, const char* pattern, const char* summary, std::function<Status(const Call&)> handle,
                  ErrorWriter write_error = kfp_error);
  // Answers by itself, on the network thread.
  void add(const char* method, const char* pattern, const char* summary, RouteHandler handle);

  Service& service() const { return service_; }
  const std::shared_ptr<SpecCache>& specs() const { return specs_; }

 private:
  Router& router_;
  Service& service_;
  std::shared_ptr<SpecCache> specs_ = std::make_shared<SpecCache>();
};

// The families of routes.
void add_kfp_experiment_routes(KfpRoutes& routes);
void add_kfp_pipeline_routes(KfpRoutes& routes);
void add_kfp_version_routes(KfpRoutes& routes);
void add_kfp_upload_routes(KfpRoutes& routes);
void add_kfp_run_routes(KfpRoutes& routes);
void add_kfp_submit_route(KfpRoutes& routes);
void add_kfp_task_routes(KfpRoutes& routes);
void add_kfp_read_routes(KfpRoutes& routes, const ApiOptions& options);
void add_kfp_recurring_routes(KfpRoutes& routes);

// Has `handle` answer on the owner's thread.
void kfp_on_owner(Service& service, const Call& call, OwnerHandler handle, ErrorWriter write_error = kfp_error);

// {}
HttpResponse kfp_empty();
// The store's kConflict where KFP speaks of a state that forbids the call: FailedPrecondition, 400. Other errors stay.
Result<HttpResponse> kfp_precondition(const Status& done);

KfpListArguments kfp_list_arguments(const Call& call);
// "total_size" and "next_page_token" of the open object.
void write_kfp_list_end(JsonWriter& json, const KfpList& list, std::int64_t total, const std::optional<Cursor>& next);

// kNotFound "run ID not found", also for a text that is no UUID.
tl::unexpected<Error> kfp_not_found(std::string_view what, std::string_view id);
Result<RunRow> kfp_run(RunStore& store, std::string_view id);
Result<ExperimentRow> kfp_experiment(Catalog& catalog, std::string_view id);
Result<PipelineRow> kfp_pipeline(Catalog& catalog, std::string_view id);
Result<VersionRow> kfp_version(Catalog& catalog, std::string_view pipeline, std::string_view version);

// kInvalid for a name that is empty or longer than 128 characters. `field` names it.
Status check_kfp_name(std::string_view name, std::string_view field);
// At most 20, of at most 63 characters each, no '.' in a key.
Status check_kfp_tags(const Tags& tags);

// "true", "1", ... as Go reads them; empty: false.
Result<bool> kfp_flag(const Call& call, std::string_view name);

}  // namespace sluice
