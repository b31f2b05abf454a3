#include "sched/admission.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "base/text.h"

namespace sluice {
namespace {

// Bits of what a task takes, and of what it lacks.
enum : unsigned { kSlot = 1, kCpu = 2, kMemory = 4, kGpu = 8 };

bool share_one(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::any_of(a.begin(), a.end(), [&](const std::string& name) { return std::find(b.begin(), b.end(), name) != b.end(); });
}

std::string bytes_text(std::int64_t bytes) { return format_bytes(static_cast<double>(bytes)); }

}  // namespace

// The first of a line.
struct ResourceQueue::Head {
  Place place;
  Lines::iterator line;
  unsigned lacks = 0;
  bool blocked = false;
  const Shape& shape() const { return line->first; }
  int& passed() const { return line->second.begin()->second; }
  unsigned uses() const {
    return kSlot | (shape().cpu_milli > 0 ? kCpu : 0U) | (shape().memory_bytes > 0 ? kMemory : 0U) |
           (shape().gpus > 0 ? kGpu : 0U);
  }
  // Would `other`, if it went first, take what this one waits for?
  bool contends_with(const Head& other) const {
    return (lacks & other.uses()) != 0 || share_one(shape().pools, other.shape().pools);
  }
};

std::string cpus_text(std::int64_t milli) {
  std::array<char, 32> text{};
  if (milli % 1000 == 0)
    std::snprintf(text.data(), text.size(), "%lld", static_cast<long long>(milli / 1000));
  else
    std::snprintf(text.data(), text.size(), "%g", static_cast<double>(milli) / 1000);
  return std::string(text.data()) + (milli == 1000 ? " cpu" : " cpus");
}

ResourceQueue::ResourceQueue(Capacity capacity) : capacity_(std::move(capacity)), plain_(shape_of({})) {
  used_.gpus.resize(static_cast<std::size_t>(std::max(0, capacity_.gpus)));
}

ResourceQueue::Shape ResourceQueue::shape_of(const Need& need) const {
  Shape shape;
  if (capacity_.cpu_milli > 0)
    shape.cpu_milli = need.cpu_milli > 0 ? std::min(need.cpu_milli, capacity_.cpu_milli) : capacity_.cpu_milli / capacity_.slots;
  if (capacity_.memory_bytes > 0) shape.memory_bytes = std::min(need.memory_bytes, capacity_.memory_bytes);
  shape.gpus = std::min(need.gpus, std::max(0, capacity_.gpus));
  for (const std::string& pool : need.pools)
    if (capacity_.pools.contains(pool)) shape.pools.push_back(pool);
  return shape;
}

std::string ResourceQueue::note_on(const Need& need) const {
  std::vector<std::string> notes;
  if (capacity_.cpu_milli > 0 && need.cpu_milli > capacity_.cpu_milli)
    notes.push_back("asks for " + cpus_text(need.cpu_milli) + ", this machine has " +
                    cpus_text(capacity_.cpu_milli).substr(0, cpus_text(capacity_.cpu_milli).find(' ')) + ": runs alone");
  if (capacity_.memory_bytes > 0 && need.memory_bytes > capacity_.memory_bytes)
    notes.push_back("asks for " + bytes_text(need.memory_bytes) + " of memory, this machine has " +
                    bytes_text(capacity_.memory_bytes) + ": runs while nothing else has asked for memory");
  const std::string type = need.gpu_type.empty() ? "GPUs" : need.gpu_type;
  if (need.gpus > capacity_.gpus)
    notes.push_back("asks for " + std::to_string(need.gpus) + " " + type + ", this machine has " +
                    (capacity_.gpus > 0 ? std::to_string(capacity_.gpus) + ": runs with all of them" : "none: runs without"));
  for (const std::string& pool : need.pools)
    if (!capacity_.pools.contains(pool))
      notes.push_back("pool '" + pool + "' is not configured: it has no limit ([pools] in sluice.toml)");
  return join(notes, "; ");
}

void ResourceQueue::ask(Ticket ticket, const Need& need) {
  const auto line = lines_.try_emplace(shape_of(need)).first;
  const Place place{-need.priority, ticket};
  line->second.emplace(place, 0);
  asked_.insert_or_assign(ticket, Asked{line, place});
}

void ResourceQueue::hold(Ticket ticket, const Need& need, const std::vector<int>& gpus) {
  std::vector<int> known;
  for (const int gpu : gpus)
    if (gpu >= 0 && gpu < capacity_.gpus) known.push_back(gpu);
  take(ticket, shape_of(need), std::move(known));
}

void ResourceQueue::take(Ticket ticket, Shape shape, std::vector<int> gpus) {
  ++used_.slots;
  used_.cpu_milli += shape.cpu_milli;
  used_.memory_bytes += shape.memory_bytes;
  used_.others += shape == plain_ ? 0 : 1;
  for (const std::string& pool : shape.pools) ++used_.pools[pool];
  for (const int gpu : gpus) ++used_.gpus.at(static_cast<std::size_t>(gpu));
  held_.insert_or_assign(ticket, Held{std::move(shape), std::move(gpus)});
}

void ResourceQueue::drop(Ticket ticket) {
  if (const auto asked = asked_.find(ticket); asked != asked_.end()) {
    const auto line = asked->second.line;
    line->second.erase(asked->second.place);
    if (line->second.empty()) lines_.erase(line);
    asked_.erase(asked);
  }
  const auto held = held_.find(ticket);
  if (held == held_.end()) return;
  const Shape& shape = held->second.shape;
  --used_.slots;
  used_.cpu_milli -= shape.cpu_milli;
  used_.memory_bytes -= shape.memory_bytes;
  used_.others -= shape == plain_ ? 0 : 1;
  for (const std::string& pool : shape.pools) --used_.pools[pool];
  for (const int gpu : held->second.gpus) --used_.gpus.at(static_cast<std::size_t>(gpu));
  held_.erase(held);
}

int ResourceQueue::gpus_free() const { return static_cast<int>(std::count(used_.gpus.begin(), used_.gpus.end(), 0)); }

unsigned ResourceQueue::lacks(const Shape& shape) const {
  unsigned lacks = used_.slots >= capacity_.slots ? kSlot : 0U;
  if (shape.cpu_milli > 0 && used_.cpu_milli + shape.cpu_milli > capacity_.cpu_milli) lacks |= kCpu;
  if (shape.memory_bytes > 0 && used_.memory_bytes + shape.memory_bytes > capacity_.memory_bytes) lacks |= kMemory;
  if (shape.gpus > gpus_free()) lacks |= kGpu;
  return lacks;
}

bool ResourceQueue::pool_is_full(const Shape& shape) const {
  return std::any_of(shape.pools.begin(), shape.pools.end(), [&](const std::string& pool) {
    const auto used = used_.pools.find(pool);
    return used != used_.pools.end() && used->second >= capacity_.pools.find(pool)->second;
  });
}

bool ResourceQueue::only_plain() const { return used_.others == 0 && lines_.size() == 1 && lines_.begin()->first == plain_; }

std::vector<ResourceQueue::Head> ResourceQueue::heads() {
  std::vector<Head> heads;
  heads.reserve(lines_.size());
  for (auto line = lines_.begin(); line != lines_.end(); ++line) {
    Head head{.place = line->second.begin()->first, .line = line};
    const bool waits_for_pool = pool_is_full(line->first);
    // The machine is not kept free for what could not start even so.
    if (!waits_for_pool) head.lacks = lacks(line->first);
    head.blocked = waits_for_pool || head.lacks != 0;
    heads.push_back(head);
  }
  std::sort(heads.begin(), heads.end(), [](const Head& a, const Head& b) { return a.place < b.place; });
  return heads;
}

std::optional<ResourceQueue::Grant> ResourceQueue::next() {
  if (lines_.empty()) return std::nullopt;
  if (only_plain()) {
    if (used_.slots >= capacity_.slots + capacity_.ahead) return std::nullopt;
    return grant(lines_.begin());
  }
  std::vector<Head> before;  // that wait for something, and come first
  for (const Head& head : heads()) {
    if (head.blocked) {
      before.push_back(head);
      continue;
    }
    const bool is_barred = std::any_of(before.begin(), before.end(), [&](const Head& first) {
      return first.passed() >= kPassesMax && first.contends_with(head);
    });
    if (is_barred) continue;
    for (const Head& first : before)
      if (first.contends_with(head)) ++first.passed();
    return grant(head.line);
  }
  return std::nullopt;
}

ResourceQueue::Grant ResourceQueue::grant(Lines::iterator line) {
  Grant grant{.ticket = line->second.begin()->first.ticket};
  for (std::size_t gpu = 0; gpu < used_.gpus.size() && static_cast<int>(grant.gpus.size()) < line->first.gpus; ++gpu)
    if (used_.gpus[gpu] == 0) grant.gpus.push_back(static_cast<int>(gpu));
  const Shape shape = line->first;
  drop(grant.ticket);
  take(grant.ticket, shape, grant.gpus);
  return grant;
}

std::string ResourceQueue::wants(Ticket ticket) const {
  const auto asked = asked_.find(ticket);
  if (asked == asked_.end()) return "";
  const Shape& shape = asked->second.line->first;
  for (const std::string& pool : shape.pools) {
    const auto used = used_.pools.find(pool);
    const int limit = capacity_.pools.find(pool)->second;
    if (used != used_.pools.end() && used->second >= limit)
      return "pool '" + pool + "' (" + std::to_string(used->second) + " of " + std::to_string(limit) + ")";
  }
  const unsigned missing = lacks(shape);
  std::vector<std::string> wants;
  if ((missing & kCpu) != 0 && shape.cpu_milli != plain_.cpu_milli) wants.push_back(cpus_text(shape.cpu_milli));
  if ((missing & kMemory) != 0) wants.push_back(bytes_text(shape.memory_bytes) + " of memory");
  if ((missing & kGpu) != 0) wants.push_back(std::to_string(shape.gpus) + (shape.gpus == 1 ? " GPU" : " GPUs"));
  if (wants.empty()) return missing != 0 ? "a free slot" : "its turn";
  return join(wants, ", ");
}

ResourceQueue::Figures ResourceQueue::figures() const {
  return {.slots = used_.slots,
          .cpu_milli = static_cast<int>(used_.cpu_milli),
          .memory_bytes = used_.memory_bytes,
          .gpus = capacity_.gpus - gpus_free(),
          .waiting = asked_.size()};
}

}  // namespace sluice
