// What can be done to a run that is there.
#include "api/own.h"
#include "api/run_document.h"

namespace sluice {
namespace {

using Change = std::function<Status(const Call&, Service::Writer, const RunRow&)>;

HttpResponse state_response(const RunRow& run) {
  return json_response(Value::of({{"run_id", run.uuid.text()}, {"state", state_name(run.state)}}));
}

// The engine takes what was asked in the turn that follows; the answer comes after it, so that it says what came of it.
void answer_after_turn(Service& service, const Call& call, const Uuid& uuid) {
  const Status asked = answer_on_owner(service, call, [uuid](const Call&, Service::Writer writer) -> Result<HttpResponse> {
    SLUICE_TRY(const RunRow run, writer.store.run(uuid));
    return state_response(run);
  });
  if (!asked) call.responder.send(own_error(asked.error()));
}

void add_change(OwnRoutes& routes, Route route, Change change) {
  Service& service = routes.service();
  routes.add(std::move(route), [&service, change = std::move(change)](const Call& call) -> Status {
    Status asked = service.on_owner([&service, call, change](Service::Writer writer) {
      const auto act = [&]() -> Result<Uuid> {
        SLUICE_TRY(const RunRow run, run_of(call, writer.store));
        SLUICE_TRY_STATUS(change(call, writer, run));
        return run.uuid;
      };
      const auto uuid = act();
      if (!uuid) return call.responder.send(own_error(uuid.error()));
      answer_after_turn(service, call, *uuid);
    });
    return with_owner_hint(std::move(asked));
  });
}

Status cancel(const Call& call, Service::Writer writer, const RunRow& run) {
  SLUICE_TRY(const Struct body, body_of(call, {"reason"}));
  SLUICE_TRY(const std::string reason, text_field(body, "reason"));
  return writer.engine.cancel(run.uuid, reason.empty() ? "cancelled by request" : reason);
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
  change("retry", "Runs again what failed, was cancelled or cut short",
         plain([](Service::Writer writer, const RunRow& run) { return writer.engine.retry(run.uuid); }));
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
