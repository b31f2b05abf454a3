#include "engine/flights.h"

#include <algorithm>
#include <limits>

namespace sluice {

// One flies that no pause holds back.
bool Flights::is_under_way(const Flight& flight) const {
  return std::any_of(flight.flying.begin(), flight.flying.end(),
                     [&](const auto& entry) { return entry.second || !held_.contains(entry.first.run); });
}

bool Flights::join(const std::string& key, const Attempt& attempt) {
  Flight& flight = flights_[key];
  keys_[attempt] = key;
  // One that was named as the next comes back as flying.
  if (flight.flying.contains(attempt)) return true;
  if (held_.contains(attempt.run) || is_under_way(flight)) {
    flight.waiting.push_back(attempt);
    return false;
  }
  flight.flying[attempt] = false;
  return true;
}

void Flights::fly(const std::string& key, const Attempt& attempt) {
  keys_[attempt] = key;
  flights_[key].flying[attempt] = false;
}

void Flights::begin(const Attempt& attempt) {
  const auto key = keys_.find(attempt);
  if (key == keys_.end()) return;
  Flight& flight = flights_.at(key->second);
  if (const auto found = flight.flying.find(attempt); found != flight.flying.end()) found->second = true;
}

std::vector<Flights::Attempt> Flights::land(const Attempt& attempt) {
  const auto key = keys_.find(attempt);
  if (key == keys_.end()) return {};
  const auto flight = flights_.find(key->second);
  keys_.erase(key);
  flight->second.flying.erase(attempt);
  std::vector<Attempt> served(flight->second.waiting.begin(), flight->second.waiting.end());
  std::erase(served, attempt);
  flight->second.waiting.clear();
  for (const Attempt& each : served) keys_.erase(each);
  if (flight->second.flying.empty()) flights_.erase(flight);
  return served;
}

std::vector<Flights::Attempt> Flights::leave(const Attempt& attempt) {
  std::vector<Attempt> next;
  const auto key = keys_.find(attempt);
  if (key == keys_.end()) return next;
  const auto flight = flights_.find(key->second);
  keys_.erase(key);
  flight->second.flying.erase(attempt);
  std::erase(flight->second.waiting, attempt);
  launch_next(flight->second, next);
  if (flight->second.flying.empty() && flight->second.waiting.empty()) flights_.erase(flight);
  return next;
}

void Flights::launch_next(Flight& flight, std::vector<Attempt>& next) {
  if (is_under_way(flight)) return;
  const auto found = std::find_if(flight.waiting.begin(), flight.waiting.end(),
                                  [&](const Attempt& attempt) { return !held_.contains(attempt.run); });
  if (found == flight.waiting.end()) return;
  next.push_back(*found);
  flight.flying[*found] = false;
  flight.waiting.erase(found);
}

std::vector<Flights::Attempt> Flights::hold(const Uuid& run) {
  std::vector<Attempt> next;
  if (!held_.insert(run).second) return next;
  for (auto& [key, flight] : flights_) launch_next(flight, next);
  return next;
}

std::vector<Flights::Attempt> Flights::let_go(const Uuid& run) {
  std::vector<Attempt> next;
  if (held_.erase(run) == 0) return next;
  for (auto& [key, flight] : flights_) launch_next(flight, next);
  return next;
}

std::vector<Flights::Attempt> Flights::forget(const Uuid& run) {
  std::vector<Attempt> next, gone;
  for (auto at = keys_.lower_bound({run, TaskId{std::numeric_limits<std::int64_t>::min()}, 0});
       at != keys_.end() && at->first.run == run; ++at)
    gone.push_back(at->first);
  for (const Attempt& attempt : gone)
    for (const Attempt& other : leave(attempt))
      if (other.run != run) next.push_back(other);
  held_.erase(run);
  return next;
}

bool Flights::is_waiting(const Attempt& attempt) const {
  const auto key = keys_.find(attempt);
  return key != keys_.end() && !flights_.at(key->second).flying.contains(attempt);
}

std::size_t Flights::waiting() const {
  std::size_t count = 0;
  for (const auto& [key, flight] : flights_) count += flight.waiting.size();
  return count;
}

}  // namespace sluice
