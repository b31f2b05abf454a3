// A random pipeline in the notation of testing.h, for the simulation. Every run of it can succeed: data flows only from tasks
// that are sure to end well when nothing fails, the others are waited for without taking anything from them.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace sluice::testing {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  // 0 .. sides - 1, the same on every machine (unlike std::uniform_int_distribution).
  std::uint64_t roll(std::uint64_t sides) { return engine_() % sides; }
  bool chance(std::uint64_t percent) { return roll(100) < percent; }

 private:
  std::mt19937_64 engine_;
};

class RandomPipeline {
 public:
  explicit RandomPipeline(Dice& dice) : dice_(dice) {}

  std::string text() {
    text_.clear();
    if (dice_.chance(10)) text_ += "pipeline deadline:" + std::to_string(20 + dice_.roll(100)) + "s\n";
    tasks(0, "");
    return text_;
  }

 private:
  struct Made {
    std::string name;
    bool sure = true;     // it succeeds if nothing fails
    bool list = false;    // its output y is a list
    bool rows = false;    // it also has the list output `rows`
  };

  // The tasks of one DAG; `item` is the name of a number among its inputs or empty. Returns the last sure one.
  Made tasks(int depth, const std::string& item) {
    std::vector<Made> made;
    const std::uint64_t count = 1 + dice_.roll(depth == 0 ? 6 : 4);
    for (std::uint64_t i = 0; i < count; ++i) made.push_back(task(depth, "t" + std::to_string(i), item, made));
    for (std::size_t i = made.size(); i-- > 0;)
      if (made.at(i).sure) return made.at(i);
    return made.front();  // not reached: the first task has no condition and no upstream
  }

  Made task(int depth, const std::string& name, const std::string& item, const std::vector<Made>& before) {
    Made made{.name = name};
    std::string line = std::string(static_cast<std::size_t>(depth) * 2, ' ') + name;
    const bool always = !before.empty() && dice_.chance(20);
    std::string source;  // of the number x
    if (!item.empty() && dice_.chance(70)) source = "^" + item;
    std::string rows;
    for (const Made& upstream : before) {
      if (!dice_.chance(35)) continue;
      if (!always && !upstream.sure) made.sure = false;
      if (upstream.sure && !upstream.list && dice_.chance(50))
        source = upstream.name + ".y";
      else if (upstream.sure && upstream.rows && dice_.chance(70))
        rows = upstream.name + ".rows";
      else
        line += " after:" + upstream.name;
    }
    if (always) line += " always";
    if (source.empty()) source = std::to_string(dice_.roll(10));
    line += " x=" + source + "|3";
    if (dice_.chance(30))
      line += " retry:" + std::to_string(dice_.roll(3)) + (dice_.chance(50) ? " backoff:2s backoff_max:5s" : "");
    std::string condition;
    if (!before.empty() && dice_.chance(15)) {
      made.sure = false;
      condition = " if $x > 4";
    }
    const bool nested = depth < 3 && dice_.chance(40);
    const bool loop = dice_.chance(nested ? 50 : 10);
    if (loop) line += loop_words(rows);
    if (!nested) {
      if (dice_.chance(20)) line += " deadline:" + std::to_string(1 + dice_.roll(10)) + "s";
      text_ += line + " -> y rows[list]" + condition + "\n";
      made.list = loop;
      made.rows = !loop;
      return made;
    }
    const std::size_t at = text_.size();
    const Made inner = tasks(depth + 1, loop ? "i" : "x");
    made.list = loop || inner.list;
    text_.insert(at, line + " -> y" + (made.list ? "[list]" : "") + "=" + inner.name + ".y" + condition + "\n");
    return made;
  }

  std::string loop_words(const std::string& rows) {
    std::string words;
    if (rows.empty()) {
      std::string items;
      for (std::uint64_t i = dice_.roll(5); i > 0; --i) items += (items.empty() ? "" : ",") + std::to_string(dice_.roll(10));
      words = " each:i=[" + items + "]";
    } else {
      words = " each:i=rows rows[list]=" + rows + "|[1,2]";
    }
    if (dice_.chance(50)) words += " parallel:" + std::to_string(1 + dice_.roll(3));
    return words;
  }

  Dice& dice_;
  std::string text_;
};

}  // namespace sluice::testing
