// Any sort, filter and token are refused, or are a query that the store takes and whose next page is asked for by its own token.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "api/kfp_list.h"
#include "base/check.h"
#include "store/row_fields.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t line = bytes.find('\n');
  const std::string_view first = bytes.substr(0, line);
  const std::string_view rest = line == std::string_view::npos ? std::string_view() : bytes.substr(line + 1);
  const bool of_runs = (data[0] & 1) != 0;
  const KfpFields& fields = of_runs ? kfp_run_fields() : kfp_pipeline_fields();
  const KfpListArguments arguments = (data[0] & 2) != 0 ? KfpListArguments{.page_token = first, .page_size = rest}
                                                        : KfpListArguments{.sort_by = first, .filter = rest};
  const auto list = read_kfp_list(fields, arguments);
  if (!list) {
    SLUICE_CHECK(list.error().code == Code::kInvalid && !list.error().message.empty());
    return 0;
  }
  SLUICE_CHECK(checked_query(list->query, of_runs ? run_fields() : pipeline_fields()).has_value());
  const std::optional<Cursor> next = list->query.from ? list->query.from : std::nullopt;
  const std::string token = list->next_page_token(next);
  if (!token.empty()) SLUICE_CHECK(read_kfp_list(fields, {.page_token = token})->query.from == next);
  return 0;
}
