// The answer of GET /api/v1/runs/A/diff, for people.
#pragma once

#include <string>

#include "app/api_client.h"
#include "app/console.h"

namespace sluice {

Result<Value> ask_run_diff(ApiClient& connection, const std::string& a, const std::string& b);
// The first difference, then all others in short.
std::string run_diff_text(const Console& console, const Value& diff);
// What `sluice run --verify` says: outputs that differ though their tasks ran the same with equal inputs. Empty: there are none.
std::string run_verify_text(const Console& console, const Value& diff);
// Of the differences, those that are not the consequence of others.
List unexplained(const Value& diff);

}  // namespace sluice
