// Experiments and pipelines: lists, and one of them with its runs.
import {counted, el, empty, fill, listTable, section, when} from "./dom.js";
import {download, get, getText, query} from "./server.js";
import {goTo, runsList} from "./runs.js";

function pager(answer, search, path) {
  return el(
    "div.pager",
    {},
    el("span.faint", {}, `${answer.total.toLocaleString()} in all`),
    search.page ? el("button", {onclick: () => history.back()}, "← Back") : null,
    answer.next_page_token
      ? el(
          "button",
          {
            onclick: () => {
              location.hash = `#/${path}${query({page: answer.next_page_token})}`;
            },
          },
          "More →",
        )
      : null,
  );
}

// A page of a list that is read anew when its address changes.
async function simpleList(main, title, path, search, key, titles, row, nothing) {
  document.title = `${title} · Sluice`;
  const results = el("div.results");
  const load = async (fields) => {
    const answer = await get(`/api/v1/${path}${query({page_token: fields.page})}`);
    if (!answer[key].length) return fill(results, nothing);
    return fill(results, listTable(titles, answer[key].map(row)), pager(answer, fields, path));
  };
  await load(search);
  fill(main, el("div.head", {}, el("h1", {}, title)), results);
  return {update: load, refresh: () => load(search)};
}

export function experimentsView(main, search) {
  return simpleList(
    main,
    "Experiments",
    "experiments",
    search,
    "experiments",
    ["Experiment", "Runs", "Last run", "Created"],
    (one) =>
      el(
        "tr",
        {},
        el(
          "td.main",
          {"data-label": "Experiment"},
          el("a", {href: `#/experiments/details/${one.experiment_id}`}, one.name),
          one.description ? el("div.why.plain", {}, one.description) : null,
        ),
        el("td.number", {"data-label": "Runs"}, one.runs.toLocaleString()),
        el("td", {"data-label": "Last run"}, when(one.last_run)),
        el("td", {"data-label": "Created"}, when(one.created)),
      ),
    empty("No experiments yet"),
  );
}

export async function experimentView(main, search, id) {
  const one = await get(`/api/v1/experiments/${encodeURIComponent(id)}`);
  document.title = `${one.name} · Sluice`;
  const place = el("div");
  fill(
    main,
    el(
      "div.head",
      {},
      el("a.up", {href: "#/experiments"}, "Experiments"),
      el("h1", {}, one.name),
      el("p.meta", {}, `${counted(one.runs, "run")} · created `, when(one.created)),
    ),
    one.description ? el("p.lead", {}, one.description) : null,
    place,
  );
  return runsList(place, {experiment: one.experiment_id}, search, goTo(`experiments/details/${encodeURIComponent(id)}`));
}

export function pipelinesView(main, search) {
  return simpleList(
    main,
    "Pipelines",
    "pipelines",
    search,
    "pipelines",
    ["Pipeline", "Runs", "Last run", "Uploaded"],
    (one) =>
      el(
        "tr",
        {},
        el(
          "td.main",
          {"data-label": "Pipeline"},
          el("a", {href: `#/pipelines/details/${encodeURIComponent(one.pipeline_id ?? one.name)}`}, one.display_name),
          one.description ? el("div.why.plain", {}, one.description) : null,
        ),
        el("td.number", {"data-label": "Runs"}, one.runs.toLocaleString()),
        el("td", {"data-label": "Last run"}, when(one.last_run)),
        el("td", {"data-label": "Uploaded"}, when(one.created)),
      ),
    empty("No pipelines yet", "They come with the first run, or with ", el("code", {}, "client.upload_pipeline(…)")),
  );
}

export async function pipelineView(main, search, id) {
  const one = await get(`/api/v1/pipelines/${encodeURIComponent(id)}`);
  document.title = `${one.display_name} · Sluice`;
  const place = el("div");
  const versions = one.versions.map((version) =>
    el(
      "tr",
      {},
      el(
        "td.main",
        {"data-label": "Version"},
        el("a", {href: `#/pipelines/details/${one.pipeline_id}/version/${version.pipeline_version_id}`}, version.display_name),
      ),
      el("td", {"data-label": "Description"}, version.description || el("span.faint", {}, "–")),
      el("td", {"data-label": "Created"}, when(version.created)),
    ),
  );
  fill(
    main,
    el(
      "div.head",
      {},
      el("a.up", {href: "#/pipelines"}, "Pipelines"),
      el("h1", {}, one.display_name),
      el("p.meta", {}, counted(one.runs, "run"), one.pipeline_id ? [" · uploaded ", when(one.created)] : " · not uploaded"),
    ),
    one.description ? el("p.lead", {}, one.description) : null,
    versions.length ? section("Versions", listTable(["Version", "Description", "Created"], versions)) : null,
    el("h3", {}, "Runs"),
    place,
  );
  return runsList(place, {pipeline: one.name}, search, goTo(`pipelines/details/${encodeURIComponent(id)}`));
}

export async function versionView(main, _search, id, versionId) {
  const path = `/api/v1/pipelines/${encodeURIComponent(id)}/versions/${encodeURIComponent(versionId)}`;
  const [one, version, spec] = await Promise.all([
    get(`/api/v1/pipelines/${encodeURIComponent(id)}`),
    get(path),
    getText(`${path}/spec`),
  ]);
  document.title = `${version.display_name} · Sluice`;
  fill(
    main,
    el(
      "div.head",
      {},
      el("a.up", {href: `#/pipelines/details/${encodeURIComponent(id)}`}, one.display_name),
      el("h1", {}, version.display_name),
      el("p.meta", {}, "created ", when(version.created)),
      el("div.actions", {}, el("button", {onclick: () => download(`${path}/spec`, `${version.name}.yaml`)}, "Download")),
    ),
    version.description ? el("p.lead", {}, version.description) : null,
    el("pre.code.card", {tabindex: "0"}, spec),
  );
  return {};
}
