// Pipelines and their versions, below /api/v1: the uploaded ones, and those that runs were made of without an upload.
#include "api/own_pipelines.h"

#include <algorithm>
#include <map>

#include "api/own_list.h"

namespace sluice {
namespace {

// An uploaded one, one that is only in use, or both.
struct Listing {
  std::optional<PipelineRow> row;
  std::optional<PipelineUse> use;
};
// By name.
using Listings = std::map<std::string, Listing, std::less<>>;

Value to_value(const Tags& tags) {
  Struct out;
  for (const auto& [key, text] : tags) out.emplace(key, text);
  return out;
}

void write_pipeline(JsonWriter& json, const std::string& name, const Listing& listing) {
  if (listing.row) json.field("pipeline_id", listing.row->uuid.text());
  json.field("name", name);
  json.field("display_name", listing.row && !listing.row->display_name.empty() ? listing.row->display_name : name);
  json.field("description", listing.row ? listing.row->description : "");
  write_instant(json, "created", listing.row ? listing.row->created : Instant{});
  json.field("tags", listing.row ? to_value(listing.row->tags) : Value(Struct{}));
  json.field("runs", listing.use ? listing.use->runs : 0);
  write_instant(json, "last_run", listing.use ? listing.use->last_run : Instant{});
}

void write_version(JsonWriter& json, const VersionRow& version) {
  json.begin_object().field("pipeline_version_id", version.uuid.text()).field("pipeline_id", version.pipeline.text());
  json.field("name", version.name);
  json.field("display_name", version.display_name.empty() ? version.name : version.display_name);
  json.field("description", version.description).field("code_source_url", version.code_source_url);
  write_instant(json, "created", version.created);
  json.field("spec_digest", version.spec_digest).field("tags", to_value(version.tags)).end_object();
}

// All of them: there are as many as people have written, so a page is cut from the whole.
Result<Listings> all_pipelines(Catalog& catalog) {
  Listings all;
  ListQuery query{.sort = "name", .limit = 1000};
  do {
    SLUICE_TRY(auto page, catalog.list_pipelines(query));
    for (PipelineRow& row : page.rows) all[row.name].row = std::move(row);
    query.from = page.next;
  } while (query.from);
  SLUICE_TRY(auto uses, catalog.pipelines_in_use());
  for (PipelineUse& use : uses) all[use.name].use = std::move(use);
  return all;
}

Result<HttpResponse> list_pipelines(const Call& call, RunStore& store) {
  SLUICE_TRY(const ListQuery query, list_query(call, {"name"}, "name asc"));
  SLUICE_TRY(const Listings all, all_pipelines(store.catalog()));
  std::vector<const Listings::value_type*> rows;
  for (const auto& entry : all)
    if (entry.first.find(call.argument("name")) != std::string::npos) rows.push_back(&entry);
  if (query.descending) std::reverse(rows.begin(), rows.end());
  const auto total = static_cast<std::int64_t>(rows.size());
  if (query.from) {
    const auto* first = std::get_if<std::string>(&query.from->key);
    if (first == nullptr) return fail(Code::kInvalid, "page_token is not one that a list has given");
    std::erase_if(rows, [&](const auto* row) { return query.descending ? row->first > *first : row->first < *first; });
  }
  std::optional<Cursor> next;
  if (std::cmp_greater(rows.size(), query.limit)) {
    next = Cursor{rows[static_cast<std::size_t>(query.limit)]->first, 0};
    rows.resize(static_cast<std::size_t>(query.limit));
  }
  JsonWriter json;
  json.begin_object().key("pipelines").begin_array();
  for (const auto* row : rows) {
    json.begin_object();
    write_pipeline(json, row->first, row->second);
    json.end_object();
  }
  json.end_array();
  write_list_end(json, call, total, next);
  return json_response(json.end_object().take() + "\n");
}

Result<Listing> listing_of(Catalog& catalog, std::string_view which, std::string& name) {
  Listing listing;
  auto row = find_pipeline(catalog, which);
  if (!row && row.error().code != Code::kNotFound) return fail(row.error());
  name = row ? row->name : std::string(which);
  SLUICE_TRY(const auto uses, catalog.pipelines_in_use());
  const auto use = std::find_if(uses.begin(), uses.end(), [&](const PipelineUse& known) { return known.name == name; });
  if (use != uses.end()) listing.use = *use;
  if (!row && !listing.use) return fail(row.error());
  if (row) listing.row = std::move(*row);
  return listing;
}

Result<HttpResponse> get_pipeline(const Call& call, RunStore& store) {
  std::string name;
  SLUICE_TRY(const Listing listing, listing_of(store.catalog(), call.part("pipeline"), name));
  JsonWriter json;
  json.begin_object();
  write_pipeline(json, name, listing);
  json.key("versions").begin_array();
  if (listing.row) {
    ListQuery query{.sort = "created", .descending = true, .limit = 1000};
    do {
      SLUICE_TRY(const auto page, store.catalog().list_versions(listing.row->uuid, query));
      for (const VersionRow& version : page.rows) write_version(json, version);
      query.from = page.next;
    } while (query.from);
  }
  return json_response(json.end_array().end_object().take() + "\n");
}

Result<VersionRow> version_of(const Call& call, RunStore& store) {
  SLUICE_TRY(const PipelineRow pipeline, find_pipeline(store.catalog(), call.part("pipeline")));
  return find_version(store.catalog(), pipeline, call.part("version"));
}

Result<HttpResponse> get_version(const Call& call, RunStore& store) {
  SLUICE_TRY(const VersionRow version, version_of(call, store));
  JsonWriter json;
  write_version(json, version);
  return json_response(json.take() + "\n");
}

Result<HttpResponse> get_version_spec(const Call& call, RunStore& store) {
  SLUICE_TRY(const VersionRow version, version_of(call, store));
  SLUICE_TRY(std::string spec, store.spec(version.spec_digest));
  return HttpResponse{.content_type = "text/plain; charset=utf-8", .body = std::move(spec)};
}

}  // namespace

Result<PipelineRow> find_pipeline(Catalog& catalog, std::string_view which) {
  if (const auto uuid = Uuid::parse(which)) {
    auto row = catalog.pipeline(*uuid);
    if (row || row.error().code != Code::kNotFound) return row;
  }
  return catalog.pipeline_by_name(which);
}

Result<VersionRow> find_version(Catalog& catalog, const PipelineRow& pipeline, std::string_view which) {
  if (which.empty()) return catalog.latest_version(pipeline.uuid);
  if (const auto uuid = Uuid::parse(which)) {
    auto row = catalog.version(pipeline.uuid, *uuid);
    if (row || row.error().code != Code::kNotFound) return row;
  }
  SLUICE_TRY(auto named, catalog.list_versions(pipeline.uuid, {.where = {{"name", Compare::kEquals, {std::string(which)}}}}));
  if (named.rows.empty())
    return fail(Code::kNotFound, "pipeline '" + pipeline.name + "' has no version '" + std::string(which) + "'");
  return std::move(named.rows.front());
}

void add_pipeline_routes(OwnRoutes& routes) {
  std::vector<RouteArgument> query{{"name", "only those with this in their name"}};
  add_list_arguments(query);
  std::erase_if(query, [](const RouteArgument& argument) { return argument.name == "storage_state"; });
  routes.read({.method = "GET",
               .pattern = "/api/v1/pipelines",
               .summary = "Pipelines by name: uploaded ones, and those that runs were made of",
               .query = std::move(query),
               .response_schema = "PipelineList"},
              list_pipelines);
  routes.read({.method = "GET",
               .pattern = "/api/v1/pipelines/{pipeline}",
               .summary = "One pipeline, by its name or id, with its versions",
               .response_schema = "PipelineDetails"},
              get_pipeline);
  routes.read({.method = "GET",
               .pattern = "/api/v1/pipelines/{pipeline}/versions/{version}",
               .summary = "One version, by its name or id",
               .response_schema = "PipelineVersion"},
              get_version);
  routes.read({.method = "GET",
               .pattern = "/api/v1/pipelines/{pipeline}/versions/{version}/spec",
               .summary = "The text of a version, as it was uploaded",
               .response_type = "text/plain"},
              get_version_spec);
}

}  // namespace sluice
