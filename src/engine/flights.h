// Equal tasks at the same time: one of a key flies, the others wait for what it brings. Pure: attempts in, attempts out.
//
// Runs that are held start nothing: theirs wait, and one of them that was to fly and has not begun gives way to others.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "model/ids.h"

namespace sluice {

class Flights {
 public:
  struct Attempt {
    Uuid run;
    TaskId task;
    int attempt = 1;
    friend auto operator<=>(const Attempt&, const Attempt&) = default;
  };

  // True: it flies. False: it waits, until one of the calls below names it. An attempt is of one key.
  bool join(const std::string& key, const Attempt& attempt);
  // It flies already, whoever else does: an owner before us has let it go.
  void fly(const std::string& key, const Attempt& attempt);
  // Its process runs: it goes on whatever is held.
  void begin(const Attempt& attempt);
  // It has ended, and what it made is there for all. Who waited for that.
  std::vector<Attempt> land(const Attempt& attempt);
  // It has ended with nothing for others, or is not wanted any more, flying or waiting. Who is to fly now: at most one.
  std::vector<Attempt> leave(const Attempt& attempt);
  // Who is to fly now.
  std::vector<Attempt> hold(const Uuid& run);
  std::vector<Attempt> let_go(const Uuid& run);
  // Forgets that a run is held, and what is left of it.
  std::vector<Attempt> forget(const Uuid& run);

  bool is_waiting(const Attempt& attempt) const;
  bool empty() const { return flights_.empty(); }
  std::size_t waiting() const;

 private:
  struct Flight {
    std::map<Attempt, bool> flying;  // whether it has begun
    std::deque<Attempt> waiting;     // first come, first served
  };
  bool is_under_way(const Flight& flight) const;
  void launch_next(Flight& flight, std::vector<Attempt>& next);

  std::map<std::string, Flight> flights_;     // by key
  std::map<Attempt, std::string> keys_;       // of all that fly or wait
  std::set<Uuid> held_;
};

}  // namespace sluice
