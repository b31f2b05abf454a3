// GET /api/v1/runs/{run}/diff: two runs compared.
#include "api/own.h"
#include "api/run_diff.h"

namespace sluice {
namespace {

Result<DiffSide> side_of(RunStore& store, std::string_view id) {
  DiffSide side;
  SLUICE_TRY(side.run, find_run(store, id));
  SLUICE_TRY(side.spec, store.spec(side.run.spec_digest));
  SLUICE_TRY(side.tasks, store.tasks(side.run.id));
  return side;
}

Result<HttpResponse> diff(const Call& call, RunStore& store) {
  SLUICE_TRY(const DiffSide a, side_of(store, call.part("run")));
  SLUICE_TRY(const DiffSide b, side_of(store, call.argument("with")));
  return json_response(diff_value(a, b, diff_runs(a, b)));
}

}  // namespace

void add_diff_route(OwnRoutes& routes) {
  routes.read({.method = "GET",
               .pattern = "/api/v1/runs/{run}/diff",
               .summary = "Where two runs differ, in the order in which tasks can start",
               .query = {{"with", "the other run", "string", true}},
               .response_schema = "RunDiff"},
              diff);
}

}  // namespace sluice
