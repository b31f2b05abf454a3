// The list of runs: by itself, and as a part of the pages of experiments and pipelines.
import {counted, el, empty, fill, kRunStates, duration, isMoving, listTable, pill, stateWord, throttle, when} from "./dom.js";
import {attempt, get, query} from "./server.js";

const kPage = 50;

function row(run) {
  const href = `#/runs/details/${run.run_id}`;
  return el(
    "tr",
    {"data-id": run.run_id, "data-moving": isMoving(run.state)},
    el("td", {"data-label": "State"}, pill(run.state)),
    el(
      "td.main",
      {"data-label": "Run"},
      el("a", {href}, run.name),
      el("code.faint", {}, run.run_id.slice(0, 8)),
      run.error ? el("div.why", {}, run.error.split("\n")[0]) : null,
    ),
    el(
      "td",
      {"data-label": "Pipeline"},
      el("a", {href: `#/pipelines/details/${encodeURIComponent(run.pipeline)}`}, run.pipeline),
    ),
    el("td", {"data-label": "Experiment"}, el("a", {href: `#/experiments/details/${run.experiment_id}`}, run.experiment)),
    el("td", {"data-label": "Started"}, when(run.began ?? run.created)),
    el("td.number", {"data-label": "Duration"}, run.began ? duration(run.seconds) : "–"),
  );
}

function selectState(state, onchange) {
  const select = el(
    "select",
    {"aria-label": "State", onchange},
    el("option", {value: ""}, "Any state"),
    kRunStates.map((name) => el("option", {value: name}, stateWord(name))),
  );
  select.value = state;
  return select;
}

// A list in `place`; `fixed`: what it is restricted to; `search`: what the user chose, which `go` puts into the address.
export function runsList(place, fixed, search, go) {
  let asked = 0;
  const results = el("div.results", {}, el("div.loading", {}, "Loading …"));
  const input = el("input", {
    type: "search",
    placeholder: "Filter by name",
    "aria-label": "Filter by name",
    value: search.name ?? "",
  });
  const typed = throttle(250, () => go({name: input.value.trim(), state: select.value}));
  input.addEventListener("input", typed);
  const select = selectState(search.state ?? "", () => go({name: input.value.trim(), state: select.value}));
  const archived = el("input", {
    type: "checkbox",
    onchange: () => go({...search, page: "", archived: archived.checked ? "1" : ""}),
  });
  archived.checked = Boolean(search.archived);
  fill(place, el("div.tools", {}, input, select, el("label.check", {}, archived, " archived")), results);

  async function load() {
    const mine = ++asked;
    const answer = await attempt(() =>
      get(
        `/api/v1/runs${query({
          ...fixed,
          name: search.name,
          state: search.state,
          page_token: search.page,
          limit: String(kPage),
          storage_state: search.archived ? "ARCHIVED" : "",
        })}`,
      ),
    );
    if (mine !== asked || !answer) return;
    if (!answer.runs.length) {
      const filtered = search.name || search.state || search.archived;
      fill(
        results,
        filtered
          ? empty("No run is like that")
          : empty(
              "No runs yet",
              "Start one: ",
              el("code", {}, "sluice run pipeline.yaml"),
              " or ",
              el("code", {}, `kfp.Client(host="${location.origin}")`),
            ),
      );
      return;
    }
    fill(
      results,
      listTable(["State", "Run", "Pipeline", "Experiment", "Started", "Duration"], answer.runs.map(row)),
      el(
        "div.pager",
        {},
        el("span.faint", {}, counted(answer.total, "run")),
        search.page ? el("button", {onclick: () => history.back()}, "← Newer") : null,
        answer.next_page_token ? el("button", {onclick: () => go({...search, page: answer.next_page_token})}, "Older →") : null,
      ),
    );
  }
  const reload = throttle(700, load);
  const ticking = setInterval(() => {
    if (!document.hidden && results.querySelector("[data-moving]")) reload();
  }, 5000);
  load();
  return {
    events: {fields: {}, on: {run: reload, reset: reload}},
    refresh: reload,
    update(fields) {
      search = fields;
      if (document.activeElement !== input) input.value = search.name ?? "";
      select.value = search.state ?? "";
      archived.checked = Boolean(search.archived);
      load();
    },
    close() {
      clearInterval(ticking);
      reload.stop();
      typed.stop();
    },
  };
}

// What the user chose, in the address; typing does not fill the history.
export function goTo(path) {
  return (fields) => {
    const hash = `#/${path}${query(fields)}`;
    if (fields.page) {
      location.hash = hash;
      return;
    }
    history.replaceState(null, "", hash);
    window.dispatchEvent(new HashChangeEvent("hashchange"));
  };
}

export function runsView(main, search) {
  document.title = "Runs · Sluice";
  const place = el("div");
  fill(main, el("div.head", {}, el("h1", {}, "Runs")), place);
  return runsList(place, {}, search, goTo(""));
}
