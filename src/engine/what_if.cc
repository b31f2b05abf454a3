#include "engine/what_if.h"

#include <deque>

#include "engine/known_outputs.h"

namespace sluice {
namespace {

std::string why_not(const ResultCache::Answer& answer) {
  if (answer.facts.key.empty()) return answer.facts.not_asked;
  if (answer.facts.run.empty()) return "it has never run before";
  const auto differences = explain_difference(answer.compared_with, answer.facts.document);
  if (differences.empty()) return "what is installed in its environment has changed";
  const std::string more = differences.size() > 1 ? ", and " + std::to_string(differences.size() - 1) + " more" : "";
  return differences.front().what + " has changed" + more;
}

class Foresight {
 public:
  Foresight(const Plan& plan, const Sites& sites, ResultCache& cache, bool cache_on, Instant now)
      : plan_(plan), sites_(sites), cache_(cache), cache_on_(cache_on), now_(now) {}

  std::map<std::string, Foreseen> walk() {
    take(RunBegan{});
    while (!starts_.empty()) {
      const StartAttempt start = starts_.front();
      starts_.pop_front();
      look(start);
    }
    return std::move(found_);
  }

 private:
  void take(const Event& event) {
    for (const Action& action : step(plan_, state_, event, now_).actions)
      if (const auto* start = std::get_if<StartAttempt>(&action)) starts_.push_back(*start);
  }

  void look(const StartAttempt& start) {
    const Node& node = state_.at(start.task);
    const PlanComponent& component = plan_.components.at(node.component);
    Foreseen& foreseen = found_[task_path(plan_, state_, start.task)];
    if (!cache_on_) {
      foreseen.reason = "the cache is off for the run";
      return;
    }
    const auto site = sites_.by_executor.find(component.executor->label);
    ResultCache::Answer answer = cache_.look({.plan = plan_,
                                              .component = component,
                                              .task = *task_of(plan_, state_, start.task).spec,
                                              .inputs = node.inputs,
                                              .site = site == sites_.by_executor.end() ? nullptr : &site->second,
                                              .path = task_path(plan_, state_, start.task)},
                                             now_);
    foreseen.run = answer.facts.run;
    foreseen.path = answer.facts.path;
    foreseen.cached = answer.facts.hit;
    if (!answer.outputs) {
      foreseen.reason = why_not(answer);
      return;
    }
    // As in the run itself, where what has no content has a place of the run's own.
    const std::string& root = plan_.context.pipeline_root;
    const std::string runs = root.substr(0, root.rfind('/'));
    take(AttemptCached{start.task, start.attempt, replace_outputs(*answer.outputs, root + "/foreseen", runs).outputs});
  }

  const Plan& plan_;
  const Sites& sites_;
  ResultCache& cache_;
  const bool cache_on_;
  const Instant now_;
  State state_;
  std::deque<StartAttempt> starts_;
  std::map<std::string, Foreseen> found_;
};

}  // namespace

std::map<std::string, Foreseen> foresee(const Plan& plan, const Sites& sites, ResultCache& cache, bool cache_on, Instant now) {
  return Foresight(plan, sites, cache, cache_on, now).walk();
}

}  // namespace sluice
