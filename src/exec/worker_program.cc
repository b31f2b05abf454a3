// worker/*.py, compiled in as one text.
#include "exec/warm_worker.h"

#define SLUICE_WORKER_PART(file) ".incbin \"" SLUICE_WORKER_FOLDER "/" file "\"\n"

__asm__(
    ".pushsection .rodata\n"
    ".global sluice_worker_program\n"
    ".global sluice_worker_program_end\n"
    "sluice_worker_program:\n"  //
    SLUICE_WORKER_PART("preload.py") SLUICE_WORKER_PART("executor.py") SLUICE_WORKER_PART("step.py")
        SLUICE_WORKER_PART("worker.py")  //
    "sluice_worker_program_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" const char sluice_worker_program[];      // NOLINT: as the assembler has it
extern "C" const char sluice_worker_program_end[];  // NOLINT

namespace sluice {

std::string_view worker_program() {
  return {sluice_worker_program, static_cast<std::size_t>(sluice_worker_program_end - sluice_worker_program)};
}

}  // namespace sluice
