#include "model/task_facts.h"

#include <utility>

#include "base/json.h"

namespace sluice {
namespace {

void put(Struct& fields, std::string_view name, const std::string& text) {
  if (!text.empty()) fields.emplace(std::string(name), text);
}
void put(Struct& fields, std::string_view name, std::int64_t number) {
  if (number != 0) fields.emplace(std::string(name), number);
}
std::string text_of(const Value& value, std::string_view name) { return std::string(value.string_or(name, "")); }

Struct cache_fields(const CacheFacts& cache) {
  Struct fields;
  put(fields, "key", cache.key);
  put(fields, "not_asked", cache.not_asked);
  if (cache.hit) fields.emplace("hit", true);
  put(fields, "run", cache.run);
  put(fields, "path", cache.path);
  put(fields, "document", cache.document);
  return fields;
}

}  // namespace

Struct task_facts_fields(const TaskFacts& facts) {
  Struct fields;
  put(fields, "process", facts.process);
  if (Struct usage = usage_fields(facts.usage); !usage.empty()) fields.emplace("usage", std::move(usage));
  put(fields, "memory_limit", facts.memory_limit);
  put(fields, "cpu_milli", std::int64_t{facts.cpu_milli});
  put(fields, "gpus", facts.gpus);
  put(fields, "environment", facts.environment);
  put(fields, "lock", facts.lock);
  if (Struct cache = cache_fields(facts.cache); !cache.empty()) fields.emplace("cache", std::move(cache));
  return fields;
}

std::string task_facts_text(const TaskFacts& facts) {
  const Struct fields = task_facts_fields(facts);
  return fields.empty() ? std::string() : to_json(fields);
}

TaskFacts task_facts_from_text(std::string_view text) {
  if (text.empty()) return {};
  const auto value = parse_json(text);
  return value ? task_facts_from(*value) : TaskFacts{};
}

TaskFacts task_facts_from(const Value& value) {
  TaskFacts facts{.process = text_of(value, "process"),
                  .memory_limit = value.int_or("memory_limit", 0),
                  .cpu_milli = static_cast<int>(value.int_or("cpu_milli", 0)),
                  .gpus = text_of(value, "gpus"),
                  .environment = text_of(value, "environment"),
                  .lock = text_of(value, "lock")};
  if (const Value* usage = value.find("usage"); usage != nullptr) facts.usage = usage_from_value(*usage);
  if (const Value* cache = value.find("cache"); cache != nullptr)
    facts.cache = {.key = text_of(*cache, "key"),
                   .not_asked = text_of(*cache, "not_asked"),
                   .hit = cache->bool_or("hit", false),
                   .run = text_of(*cache, "run"),
                   .path = text_of(*cache, "path"),
                   .document = text_of(*cache, "document")};
  return facts;
}

}  // namespace sluice
