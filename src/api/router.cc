#include "api/router.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "base/json.h"
#include "base/text.h"

namespace sluice {

Reply::Reply(Responder responder, bool can_stream, Seen seen)
    : responder_(std::move(responder)), can_stream_(can_stream), seen_(std::make_shared<const Seen>(std::move(seen))) {}

void Reply::send(HttpResponse response) const {
  if (*seen_) (*seen_)(response);
  responder_.send(std::move(response));
}

HttpStream Reply::stream(HttpResponse head) const {
  if (*seen_) (*seen_)(head);
  return responder_.stream(std::move(head));
}

std::string_view Call::part(std::string_view name) const {
  const auto found = path.find(name);
  return found == path.end() ? std::string_view{} : std::string_view(found->second);
}

std::string_view Call::argument(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(), [&](const auto& field) { return field.first == name; });
  return found == query.end() ? std::string_view{} : std::string_view(found->second);
}

bool Call::has_argument(std::string_view name) const {
  return std::any_of(query.begin(), query.end(), [&](const auto& field) { return field.first == name; });
}

Result<std::int64_t> Call::integer(std::string_view name, std::int64_t fallback, std::int64_t min, std::int64_t max) const {
  if (!has_argument(name)) return fallback;
  const std::string_view text = argument(name);
  if (const auto number = parse_integer(text); number && *number >= min && *number <= max) return *number;
  return fail(Code::kInvalid, "argument '" + std::string(name) + "': '" + std::string(text) + "' is not a whole number from " +
                                  std::to_string(min) + " to " + std::to_string(max));
}

std::string Router::Segment::shape() const {
  if (!is_parameter) return text;
  return is_rest ? "{...}" : "{}" + verb;
}

Router::Pattern Router::pattern_of(const std::string& text) {
  SLUICE_CHECK(text.starts_with('/'));
  Pattern pattern;
  for (const std::string_view part : split(std::string_view(text).substr(1), '/')) {
    if (!part.starts_with('{')) {
      pattern.push_back({.text = std::string(part)});
      continue;
    }
    const auto end = part.find('}');
    SLUICE_CHECK(end != std::string_view::npos);
    Segment segment{
        .text = std::string(part.substr(1, end - 1)), .is_parameter = true, .verb = std::string(part.substr(end + 1))};
    SLUICE_CHECK(segment.verb.empty() || segment.verb.starts_with(':'));
    if (segment.text.ends_with("...")) {
      segment.is_rest = true;
      segment.text.erase(segment.text.size() - 3);
    }
    pattern.push_back(std::move(segment));
  }
  return pattern;
}

void Router::family(const std::string& prefix, ErrorWriter write) { families_.emplace_back(prefix, std::move(write)); }

void Router::add(Route route) {
  Pattern pattern = pattern_of(route.pattern);
  const auto shape = [](const Pattern& of) {
    std::string text;
    for (const Segment& segment : of) text += "/" + segment.shape();
    return text;
  };
  for (std::size_t i = 0; i < routes_.size(); ++i)
    SLUICE_CHECK(routes_[i]->method != route.method || shape(patterns_[i]) != shape(pattern));
  routes_.push_back(std::make_unique<Route>(std::move(route)));
  patterns_.push_back(std::move(pattern));
}

bool Router::fits(const Pattern& pattern, const std::vector<std::string_view>& path,
                  std::map<std::string, std::string_view, std::less<>>& parts) {
  const bool has_rest = pattern.back().is_rest;
  if (has_rest ? path.size() < pattern.size() : path.size() != pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const Segment& segment = pattern[i];
    std::string_view part = path[i];
    if (segment.is_rest) {
      const char* end = path.back().data() + path.back().size();
      parts[segment.text] = std::string_view(part.data(), static_cast<std::size_t>(end - part.data()));
      return !parts[segment.text].empty();
    }
    if (!segment.is_parameter) {
      if (part != segment.text) return false;
      continue;
    }
    if (!segment.verb.empty()) {
      if (!part.ends_with(segment.verb)) return false;
      part.remove_suffix(segment.verb.size());
    }
    if (part.empty()) return false;
    parts[segment.text] = part;
  }
  return true;
}

bool Router::is_nearer(const Pattern& a, const Pattern& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [](const Segment& x, const Segment& y) { return x.rank() < y.rank(); });
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  Match match;
  const std::string_view asked = method == "HEAD" ? "GET" : method;
  std::set<std::string> allowed;
  std::optional<std::size_t> best;
  std::map<std::string, std::string_view, std::less<>> best_parts;
  const auto segments = path.starts_with('/') ? split(path.substr(1), '/') : std::vector<std::string_view>{};
  for (std::size_t i = 0; i < routes_.size() && !segments.empty(); ++i) {
    std::map<std::string, std::string_view, std::less<>> parts;
    if (!fits(patterns_[i], segments, parts)) continue;
    allowed.insert(routes_[i]->method);
    if (routes_[i]->method != asked || (best && !is_nearer(patterns_[i], patterns_[*best]))) continue;
    best = i;
    best_parts = std::move(parts);
  }
  if (allowed.contains("GET")) allowed.insert("HEAD");
  if (best) {
    for (const auto& [name, encoded] : best_parts) {
      auto decoded = decode_percent(encoded);
      if (!decoded) {
        match.refusal = error(path, {Code::kInvalid, "the path has a '%' that is not followed by two hex digits", ""});
        return match;
      }
      match.path.emplace(name, std::move(*decoded));
    }
    match.route = routes_[*best].get();
    return match;
  }
  if (allowed.empty()) {
    match.refusal = error(path, {Code::kNotFound, "there is nothing at " + std::string(path), ""});
    return match;
  }
  const std::vector<std::string> methods(allowed.begin(), allowed.end());
  if (method == "OPTIONS") {
    match.refusal = {.status = 204, .content_type = ""};
  } else {
    match.refusal =
        error(path, {Code::kInvalid, std::string(method) + " is not possible here", "it takes " + join(methods, ", ")});
    match.refusal.status = 405;
  }
  match.refusal.headers.push_back({"Allow", join(methods, ", ")});
  return match;
}

HttpResponse Router::error(std::string_view path, const Error& error) const {
  const std::pair<std::string, ErrorWriter>* best = nullptr;
  for (const auto& family : families_)
    if (path.starts_with(family.first) && (best == nullptr || family.first.size() > best->first.size())) best = &family;
  if (best != nullptr) return best->second(error);
  return {.status = http_status(error.code), .content_type = "text/plain; charset=utf-8", .body = error.message + "\n"};
}

HttpResponse json_response(std::string json, int status) { return {.status = status, .body = std::move(json)}; }
HttpResponse json_response(const Value& value, int status) { return json_response(to_json(value) + "\n", status); }

RouteHandler answer_with(ErrorWriter write, std::function<Result<HttpResponse>(const Call&)> handle) {
  return [write = std::move(write), handle = std::move(handle)](const Call& call) {
    auto response = handle(call);
    call.responder.send(response ? std::move(*response) : write(response.error()));
  };
}

RouteHandler answer_from_store(Service& service, ErrorWriter write, StoreHandler handle) {
  return answer_with(std::move(write), [&service, handle = std::move(handle)](const Call& call) -> Result<HttpResponse> {
    SLUICE_TRY(const Service::Reader reader, service.reader());
    return handle(call, *reader);
  });
}

Status answer_on_owner(Service& service, const Call& call, ErrorWriter write, OwnerHandler handle) {
  return service.on_owner([call, write = std::move(write), handle = std::move(handle)](Service::Writer writer) {
    auto response = handle(call, writer);
    call.responder.send(response ? std::move(*response) : write(response.error()));
  });
}

Status answer_after_turn(Service& service, const Call& call, ErrorWriter write, OwnerAct handle) {
  return service.on_owner([&service, call, write = std::move(write), handle = std::move(handle)](Service::Writer writer) {
    auto then = handle(call, writer);
    if (!then) return call.responder.send(write(then.error()));
    const Status asked = answer_on_owner(service, call, write, std::move(*then));
    if (!asked) call.responder.send(write(asked.error()));
  });
}

}  // namespace sluice
