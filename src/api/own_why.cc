// Why a task ran or was taken from the cache.
#include <algorithm>

#include "api/own.h"
#include "api/why.h"
#include "base/text.h"
#include "exec/environment.h"

namespace sluice {
namespace {

// By its path, or by the last name of it if that is clear.
Result<TaskRow> task_of_run(const std::vector<TaskRow>& tasks, std::string_view which) {
  const TaskRow* found = nullptr;
  std::vector<std::string> known;
  for (const TaskRow& row : tasks) {
    if (row.path == which) return row;
    known.push_back(row.path);
    if (!row.path.ends_with("/" + std::string(which))) continue;
    if (found != nullptr)
      return fail(Code::kInvalid, "'" + std::string(which) + "' is both " + found->path + " and " + row.path, "give its path");
    found = &row;
  }
  if (found == nullptr)
    return fail(Code::kNotFound, "the run has no task '" + std::string(which) + "'" + did_you_mean(which, known),
                "sluice get run lists them");
  return *found;
}

Result<HttpResponse> get_why(const Call& call, RunStore& store, const Service& service) {
  SLUICE_TRY(const RunRow run, run_of(call, store));
  SLUICE_TRY(const auto tasks, store.tasks(run.id));
  SLUICE_TRY(const TaskRow task, task_of_run(tasks, call.argument("task")));
  const std::string& root = service.sites().environments.root;
  const EnvironmentStore environments(root.empty() ? default_environment_root() : root);
  const Value why = why_document(store, run, tasks, task, [&](const std::string& lock) { return environments.installed(lock); });
  return json_response(to_json_pretty(why));
}

}  // namespace

void add_why_route(OwnRoutes& routes) {
  const Service& service = routes.service();
  routes.read({.method = "GET",
               .pattern = "/api/v1/runs/{run}/why",
               .summary = "Why a task ran, or was taken from the cache",
               .query = {{"task", "its path, or the last name of it", "string", true}},
               .response_schema = "Why"},
              [&service](const Call& call, RunStore& store) { return get_why(call, store, service); });
}

}  // namespace sluice
