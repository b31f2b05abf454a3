#include "exec/tmp_slots.h"

namespace sluice {
struct TmpSlots::State {};
TmpSlots::TmpSlots(const SupervisorOptions&) {}
TmpSlots::~TmpSlots() = default;
TmpSlots::Lease TmpSlots::take(const AttemptSpec&) { return {}; }
void TmpSlots::give_back(const Lease&, const std::string&) {}
int TmpSlots::idle_work_after_ms(bool) const { return -1; }
void TmpSlots::do_idle_work() {}
PrivateTmp probe_private_tmp(const std::string&) { return {"none", ""}; }
}  // namespace sluice
