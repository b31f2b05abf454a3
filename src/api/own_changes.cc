// What can be done to a run that is there.
#include "api/own.h"
#include "api/run_document.h"

namespace sluice {
namespace {

using Change = std::function<Status(const Call&, Service::Writer, const RunRow&)>;

HttpResponse state_response(const RunRow& run) {
  return json_response(Value::of({{"run_id", run.uuid.text()}, {"state", state_name(run.state)}}));
}

void add_change(OwnRoutes& routes, Route route, Change change) {
  Service& service = routes.service();
  routes.add(std::move(route), [&service, change = std::move(change)](const Call& call) {
    return with_owner_hint(
        answer_after_turn(service, call, own_error, [change](const Call& asked, Service::Writer writer) -> Result<OwnerHandler> {
          SLUICE_TRY(const RunRow run, run_of(asked, writer.store));
          SLUICE_TRY_STATUS(change(asked, writer, run));
          return [uuid = run.uuid](const Call&, Service::Writer after) -> Result<HttpResponse> {
            SLUICE_TRY(const RunRow changed, after.store.run(uuid));
            return state_response(changed);
          };
        }));
  });
}

Status cancel(const Call& call, Service::Writer writer, const RunRow& run) {
  SLUICE_TRY(const Struct body, body_of(call, {"reason"}));
  SLUICE_TRY(const std::string reason, text_field(body, "reason"));
  return writer.engine.cancel(run.uuid, reason.empty() ? "cancelled by request" : reason);
}

Status retry(const Call& call, Service::Writer writer, const RunRow& run) {
  SLUICE_TRY(const Struct body, body_of(call, {"from"}));
  SLUICE_TRY(const std::string from, text_field(body, "from"));
  return writer.engine.retry(run.uuid, from);
}

// A change that takes no arguments.
Change plain(std::function<Status(Service::Writer, const RunRow&)> act) {
  return [act = std::move(act)](const Call& call, Service::Writer writer, const RunRow& run) -> Status {
    SLUICE_TRY([[maybe_unused]] const Struct body, body_of(call, {}));
    return act(writer, run);
  };
}

}  // namespace

void add_run_change_routes(OwnRoutes& routes) {
  const auto change = [&](const char* verb, const char* summary, Change act, const char* request_schema = "") {
    add_change(routes,
               {.method = "POST",
                .pattern = std::string("/api/v1/runs/{run}/") + verb,
                .summary = summary,
                .request_schema = request_schema,
                .response_schema = "RunState"},
               std::move(act));
  };
  change("cancel", "Ends what runs of it; nothing else starts", cancel, "Cancel");
  change("retry", "Runs again what failed, was cancelled or cut short; with `from` that task, too, and what depends on it", retry,
         "Retry");
  change("pause", "Nothing new of it starts until it is resumed; what runs ends",
         plain([](Service::Writer writer, const RunRow& run) { return writer.engine.pause(run.uuid); }));
  change("resume", "Ends a pause",
         plain([](Service::Writer writer, const RunRow& run) { return writer.engine.resume(run.uuid); }));
  change("archive", "Out of the usual lists", plain([](Service::Writer writer, const RunRow& run) {
           return writer.store.set_run_storage(run.uuid, StorageState::kArchived);
         }));
  change("unarchive", "Back in the usual lists", plain([](Service::Writer writer, const RunRow& run) {
           return writer.store.set_run_storage(run.uuid, StorageState::kAvailable);
         }));
  routes.write({.method = "DELETE",
                .pattern = "/api/v1/runs/{run}",
                .summary = "Forgets it for ever; what runs of it is stopped first",
                .response_schema = "Empty"},
               [](const Call& call, Service::Writer writer) -> Result<HttpResponse> {
                 SLUICE_TRY(const RunRow run, run_of(call, writer.store));
                 SLUICE_TRY_STATUS(writer.engine.remove(run.uuid));
                 return json_response(Value(Struct{}));
               });
}

}  // namespace sluice
