// Small things: elements, texts for people, states. Data reaches the page as text only, never as markup.

// el("a.name", {href: "#/", onclick: f}, child, "text", [more], null)
export function el(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const node = document.createElement(tag || "div");
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  fill(node, ...children);
  return node;
}

export function fill(node, ...children) {
  node.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const kMoving = new Set(["PENDING", "QUEUED", "RUNNING", "PAUSED", "CANCELING", "BACKOFF"]);
export const isMoving = (state) => kMoving.has(state);
export const kRunStates = ["RUNNING", "PENDING", "PAUSED", "CANCELING", "SUCCEEDED", "FAILED", "CANCELED", "INTERRUPTED"];

const kSigns = {
  SUCCEEDED: "✓",
  CACHED: "✓",
  FAILED: "✕",
  CANCELED: "⊘",
  CANCELING: "⊘",
  RUNNING: "●",
  PAUSED: "‖",
  SKIPPED: "↷",
  OMITTED: "↷",
  BACKOFF: "↻",
  QUEUED: "○",
  PENDING: "○",
  INTERRUPTED: "!",
};

export function stateWord(state) {
  return state.charAt(0) + state.slice(1).toLowerCase();
}

export function pill(state) {
  return paintPill(el("span.pill", {}, el("i", {"aria-hidden": "true"}), el("span")), state);
}
export function paintPill(node, state) {
  if (node.dataset.state === state) return node;
  node.dataset.state = state;
  setText(node.firstChild, kSigns[state] ?? "?");
  setText(node.lastChild, stateWord(state));
  return node;
}
export function dot(state) {
  return paintDot(el("span.dot", {role: "img"}), state);
}
export function paintDot(node, state) {
  if (node.dataset.state === state) return node;
  node.dataset.state = state;
  node.setAttribute("aria-label", stateWord(state));
  setText(node, kSigns[state] ?? "?");
  return node;
}

export function duration(seconds) {
  if (seconds === undefined || seconds === null || Number.isNaN(seconds)) return "";
  if (seconds === 0) return "0s";
  if (seconds < 10) return `${seconds.toFixed(seconds < 1 ? 2 : 1)}s`;
  if (seconds < 60) return `${Math.round(seconds)}s`;
  const whole = Math.round(seconds);
  const two = (number) => String(number).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${two(whole % 60)}s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)}h ${two(Math.floor((whole % 3600) / 60))}m`;
  return `${Math.floor(whole / 86400)}d ${two(Math.floor((whole % 86400) / 3600))}h`;
}

export function size(bytes) {
  if (!bytes) return bytes === 0 ? "0 B" : "";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const unit = Math.min(Math.floor(Math.log2(bytes) / 10), units.length - 1);
  const number = bytes / 2 ** (10 * unit);
  return `${number.toFixed(unit === 0 || number >= 100 ? 0 : 1)} ${units[unit]}`;
}

const relative = new Intl.RelativeTimeFormat(undefined, {numeric: "auto", style: "short"});
function ago(instant) {
  const seconds = (instant.getTime() - Date.now()) / 1000;
  const past = Math.abs(seconds);
  if (past < 45) return "just now";
  if (past < 45 * 60) return relative.format(Math.round(seconds / 60), "minute");
  if (past < 22 * 3600) return relative.format(Math.round(seconds / 3600), "hour");
  if (past < 26 * 86400) return relative.format(Math.round(seconds / 86400), "day");
  return instant.toLocaleDateString(undefined, {year: "numeric", month: "short", day: "numeric"});
}

// "3 min. ago", with the whole instant on hover; "–" if it has not come.
export function when(text) {
  if (!text) return el("span.faint", {}, "–");
  const instant = new Date(text);
  return el("time", {datetime: text, title: instant.toLocaleString()}, ago(instant));
}

// A value of a parameter or a metric.
export function shown(value) {
  if (typeof value === "string") return value;
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  return JSON.stringify(value);
}

export function pairs(object) {
  const entries = Object.entries(object ?? {});
  if (!entries.length) return null;
  return el(
    "dl.pairs",
    {},
    entries.map(([key, value]) => [el("dt", {}, key), el("dd", {}, shown(value))]),
  );
}

export function section(title, ...content) {
  const inner = content.flat().filter(Boolean);
  return inner.length ? el("section.block", {}, el("h3", {}, title), inner) : null;
}

export function empty(title, ...more) {
  return el("div.empty", {}, el("strong", {}, title), more.length ? el("p", {}, more) : null);
}

// Columns of numbers.
const kNumbers = new Set(["Runs", "Duration"]);

// Rows below titles.
export function listTable(titles, rows) {
  return el(
    "div.card",
    {},
    el(
      "table.list",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          titles.map((title) => el("th", {scope: "col", class: kNumbers.has(title) ? "number" : undefined}, title)),
        ),
      ),
      el("tbody", {}, rows),
    ),
  );
}

export function toast(text, kind = "info") {
  const node = el(`div.toast.${kind}`, {}, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), kind === "error" ? 9000 : 4000);
}

export const counted = (number, word) => `${number.toLocaleString()} ${word}${number === 1 ? "" : "s"}`;

// At most one call per `ms`, the last one always.
export function throttle(ms, call) {
  let timer = null;
  let again = false;
  const run = () => {
    timer = null;
    if (!again) return;
    again = false;
    timer = setTimeout(run, ms);
    call();
  };
  const asked = () => {
    again = true;
    if (timer === null) run();
  };
  asked.stop = () => {
    clearTimeout(timer);
    timer = null;
    again = false;
  };
  return asked;
}
