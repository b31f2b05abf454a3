// Who may start next on one machine: slots, cpu, memory, GPUs and named pools, handed out so that nothing is promised twice.
//
// Pure: what is asked, withdrawn and given back goes in, grants come out. A task that asks for nothing but a slot ("plain")
// counts as a slot and a slot's share of the cpu.
//
// Order: priority, then age. What does not fit may be passed by what does, so that the machine is not idle, but by no more than
// kPassesMax that take what it lacks: then those wait until it has started. A task in a full pool keeps nobody else waiting.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/resources.h"

namespace sluice {

struct Capacity {
  int slots = 1;
  // So many more plain tasks are granted while there are only plain ones: whichever ends, its place is as good as any other's.
  int ahead = 0;
  int cpu_milli = 0;             // 0: not counted
  std::int64_t memory_bytes = 0;  // 0: not counted
  int gpus = 0;
  std::map<std::string, int, std::less<>> pools;  // how many of its tasks at a time; others have no limit
};

class ResourceQueue {
 public:
  // What is asked for, and held, is told apart by this; a lower one is older.
  using Ticket = std::uint64_t;
  struct Grant {
    Ticket ticket = 0;
    std::vector<int> gpus;  // indices, ascending
  };
  // Figures of this moment.
  struct Figures {
    int slots = 0;
    int cpu_milli = 0;
    std::int64_t memory_bytes = 0;
    int gpus = 0;
    std::size_t waiting = 0;
  };
  static constexpr int kPassesMax = 8;

  explicit ResourceQueue(Capacity capacity);

  // What the machine cannot give is cut down to all that it has. What that means for the task, for people; empty: nothing was
  // cut.
  std::string note_on(const Need& need) const;

  void ask(Ticket ticket, const Need& need);
  // It runs already, whether there is room for it or not: an owner before us has started it, with these GPUs.
  void hold(Ticket ticket, const Need& need, const std::vector<int>& gpus);
  // It is no longer wanted, or what it held is free again. A ticket that is not known changes nothing.
  void drop(Ticket ticket);
  // The next that may start; it holds what it asked for until it is dropped. Costs one look at each different need that waits.
  std::optional<Grant> next();

  // What an asked one waits for: "2 cpus", "pool 'db' (3 of 3)", "its turn".
  std::string wants(Ticket ticket) const;
  // Has it asked for more than a slot?
  bool is_plain(const Need& need) const { return shape_of(need) == plain_; }
  bool has_room_for_plain() const { return used_.slots < capacity_.slots; }
  Figures figures() const;
  const Capacity& capacity() const { return capacity_; }

 private:
  // Needs that are equal wait in one line.
  struct Shape {
    int cpu_milli = 0;
    std::int64_t memory_bytes = 0;
    int gpus = 0;
    std::vector<std::string> pools;
    friend auto operator<=>(const Shape&, const Shape&) = default;
  };
  struct Place {
    int backwards = 0;  // the priority, negative
    Ticket ticket = 0;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  using Line = std::map<Place, int>;  // how often it was passed while it was the first
  using Lines = std::map<Shape, Line>;
  struct Asked {
    Lines::iterator line;
    Place place;
  };
  struct Held {
    Shape shape;
    std::vector<int> gpus;
  };
  struct Used {
    int slots = 0;
    std::int64_t cpu_milli = 0;
    std::int64_t memory_bytes = 0;
    int others = 0;  // that are not plain
    std::map<std::string, int, std::less<>> pools;
    std::vector<int> gpus;  // by index: how many hold it
  };
  struct Head;

  Shape shape_of(const Need& need) const;
  unsigned lacks(const Shape& shape) const;
  bool pool_is_full(const Shape& shape) const;
  int gpus_free() const;
  bool only_plain() const;
  std::vector<Head> heads();
  Grant grant(Lines::iterator line);
  void take(Ticket ticket, Shape shape, std::vector<int> gpus);

  const Capacity capacity_;
  Shape plain_;
  Lines lines_;
  std::map<Ticket, Asked> asked_;
  std::map<Ticket, Held> held_;
  Used used_;
};

// "2 cpus", "0.5 cpus", "1 cpu".
std::string cpus_text(std::int64_t milli);

}  // namespace sluice
