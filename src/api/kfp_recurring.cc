// /apis/v2beta1/recurringruns: there are no triggers yet, and a client is told so rather than that the path is unknown.
#include "api/kfp.h"

namespace sluice {

void add_kfp_recurring_routes(KfpRoutes& routes) {
  const auto refuse = [](const Call& call) {
    call.responder.send(kfp_status(RpcCode::kUnimplemented, "recurring runs are not supported by this server yet"));
  };
  constexpr auto* kSummary = "Not supported yet";
  routes.add("POST", "/apis/v2beta1/recurringruns", kSummary, refuse);
  routes.add("GET", "/apis/v2beta1/recurringruns", kSummary, refuse);
  routes.add("GET", "/apis/v2beta1/recurringruns/{recurring_run_id}", kSummary, refuse);
  routes.add("DELETE", "/apis/v2beta1/recurringruns/{recurring_run_id}", kSummary, refuse);
  routes.add("POST", "/apis/v2beta1/recurringruns/{recurring_run_id}:enable", kSummary, refuse);
  routes.add("POST", "/apis/v2beta1/recurringruns/{recurring_run_id}:disable", kSummary, refuse);
}

}  // namespace sluice
