// Which view is shown: the hash says it. Links that kfp prints lead here: #/runs/details/ID, #/experiments/details/ID,
// #/pipelines/details/ID[/version/ID].
import {el, empty, fill} from "./dom.js";
import {get, listen} from "./server.js";
import {experimentView, experimentsView, pipelineView, pipelinesView, versionView} from "./catalog.js";
import {runView} from "./run.js";
import {runsView} from "./runs.js";

const kRoutes = [
  [/^$|^runs$/, "runs", runsView],
  [/^runs\/details\/([^/]+)$/, "runs", runView],
  [/^experiments$/, "experiments", experimentsView],
  [/^experiments\/details\/([^/]+)$/, "experiments", experimentView],
  [/^pipelines$/, "pipelines", pipelinesView],
  [/^pipelines\/details\/([^/]+)$/, "pipelines", pipelineView],
  [/^pipelines\/details\/([^/]+)\/version\/([^/]+)$/, "pipelines", versionView],
];

const main = document.getElementById("main");
let view = null; // {update?, events?: {fields, on}, close?}
let viewPath = null; // the hash without its query
let stream = null; // AbortController of the event stream

function showLink(connected) {
  const link = document.getElementById("link");
  link.dataset.state = connected ? "live" : "lost";
  link.lastChild.textContent = connected ? "live" : "reconnecting";
  if (connected) showServer();
}

async function showServer() {
  try {
    const server = await get("/api/v1/server");
    document.getElementById("link").title = `Sluice ${server.version}, data in ${server.data_dir}`;
    const box = document.getElementById("trouble");
    box.hidden = !server.trouble;
    if (server.trouble)
      fill(
        box,
        el("strong", {}, "Nothing goes on at the moment: "),
        server.trouble.message,
        " ",
        el("em", {}, server.trouble.hint),
      );
  } catch {
    // The link's state says that nobody answers.
  }
}

// Streams end while nobody looks: a browser has six connections per server for all of its tabs.
function follow() {
  stream?.abort();
  stream = null;
  if (document.hidden) return;
  stream = new AbortController();
  const on = view?.events?.on ?? {};
  listen(view?.events?.fields ?? {}, {...on, link: showLink}, stream.signal);
}

function parseHash() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {path: path.replace(/\/$/, ""), search: Object.fromEntries(new URLSearchParams(search))};
}

async function show() {
  const {path, search} = parseHash();
  if (path === viewPath && view?.update) return view.update(search);
  view?.close?.();
  view = null;
  viewPath = path;
  for (const [pattern, name, make] of kRoutes) {
    const match = path.match(pattern);
    if (!match) continue;
    for (const link of document.querySelectorAll("[data-nav]")) link.toggleAttribute("aria-current", link.dataset.nav === name);
    main.dataset.view = name;
    fill(main, el("div.loading", {}, "Loading …"));
    try {
      const made = await make(main, search, ...match.slice(1).map(decodeURIComponent));
      if (viewPath !== path) return made?.close?.();
      view = made ?? {};
    } catch (error) {
      if (viewPath !== path) return undefined;
      fill(main, empty(error.status === 404 ? "There is no such thing here" : "That did not work", error.message));
      view = {};
    }
    return follow();
  }
  fill(main, empty("There is no such page", el("a", {href: "#/"}, "To the runs")));
  return undefined;
}

window.addEventListener("hashchange", show);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) view?.refresh?.();
  follow();
});
setInterval(() => {
  if (!document.hidden) showServer();
}, 30000);
show();
