// What KFP's list calls ask for (sort_by, filter, page_size, page_token) as a query of the store.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "store/listing.h"

namespace sluice {

// How a field of the API is found in the store.
enum class KfpFieldKind {
  kText,
  kUuid,      // text of a UUID; other text is nobody's
  kNumberId,  // decimal text of the store's number
  kTime,      // the API compares whole seconds, the store has microseconds
  kChoice,    // one of a few names, which are not those of the store
  kNothing,   // empty for every row
};
struct KfpChoice {
  std::string_view shown, stored;
};
struct KfpField {
  std::string_view name;     // "created_at"
  const char* stored;        // "created"
  KfpFieldKind kind = KfpFieldKind::kText;
  std::span<const KfpChoice> choices = {};  // each stored name once
  bool filters = true;
};
struct KfpFields {
  std::span<const KfpField> fields;
  bool tags = false;  // "tags.KEY" can be filtered on
};
const KfpFields& kfp_experiment_fields();
const KfpFields& kfp_pipeline_fields();
const KfpFields& kfp_version_fields();
const KfpFields& kfp_run_fields();

struct KfpListArguments {
  std::string_view page_token, page_size, sort_by, filter;
};
// A list call, and how its next page is asked for.
struct KfpList {
  ListQuery query;
  std::string sort, filter;  // as they were given, or as the page token has them

  // Empty for no cursor.
  std::string next_page_token(const std::optional<Cursor>& next) const;
};
// kInvalid for all that the contract wants refused. A token's own sort and filter hold if both are empty; else they must mean the
// same as the token's.
Result<KfpList> read_kfp_list(const KfpFields& fields, const KfpListArguments& arguments);

}  // namespace sluice
