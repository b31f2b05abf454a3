// sluice diff: where two runs went apart.
#include "app/api_client.h"
#include "app/run_diff_text.h"
#include "app/verbs.h"
#include "base/json.h"

namespace sluice {

int diff_verb(const Context& context) {
  const Console& console = context.console;
  std::vector<std::string> runs = context.words.operands;
  if (runs.size() == 3 && runs.front() == "run") runs.erase(runs.begin());
  if (runs.size() != 2) return console.fail(Error{Code::kInvalid, "name two runs", "sluice diff run A B"});
  const auto connection = ApiClient::open(context);
  if (!connection) return console.fail(connection.error());
  const auto answer = ask_run_diff(**connection, runs[0], runs[1]);
  if (!answer) return console.fail(answer.error());
  console.out(console.json() ? to_json(*answer) + "\n" : run_diff_text(console, *answer));
  return 0;
}

}  // namespace sluice
