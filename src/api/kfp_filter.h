// The filter of KFP's list calls.
#pragma once

#include <string_view>
#include <vector>

#include "api/kfp_list.h"
#include "base/result.h"
#include "store/listing.h"

namespace sluice {

// Null if there is none of that name; "tags.KEY" is none of them.
const KfpField* find_kfp_field(const KfpFields& fields, std::string_view name);

// {"predicates": [{"operation": 1, "key": "name", "string_value": "x"}]} as predicates of the store. The text may be
// percent-encoded once more. kInvalid for what is not that.
Result<std::vector<Predicate>> read_kfp_filter(const KfpFields& fields, std::string_view text);

}  // namespace sluice
