// What a step, which may write anything to the socket that it was given, and a worker say to the supervisor.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "exec/warm_wire.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto news = read_step_news(bytes))
    if (const auto* done = std::get_if<StepDone>(&*news))
      SLUICE_CHECK(done->exit_code >= 0 && done->exit_code <= 255 && done->cpu >= Duration{0} && done->max_rss_bytes >= 0);
  if (const auto news = read_worker_news(bytes)) {
    if (const auto* spare = std::get_if<SpareReady>(&*news)) SLUICE_CHECK(spare->pid > 0);
    if (const auto* reaped = std::get_if<StepReaped>(&*news))
      SLUICE_CHECK(reaped->wait_status >= 0 && reaped->cpu >= Duration{0} && reaped->max_rss_bytes >= 0);
  }
  return 0;
}
