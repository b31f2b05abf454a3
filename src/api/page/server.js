// Talking to /api/v1: requests, the token, the stream of events, downloads.
import {toast} from "./dom.js";

const kTokenKey = "sluice-token";

export class ApiError extends Error {
  constructor(status, errors) {
    super(errors.map((error) => error.message).join("\n") || `HTTP ${status}`);
    this.status = status;
    this.hint = errors
      .map((error) => error.hint)
      .filter(Boolean)
      .join("\n");
  }
}

export const hasToken = () => sessionStorage.getItem(kTokenKey) !== null;

let asking = null;
// One dialog, however many requests were refused meanwhile.
function askToken() {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("token");
    const input = dialog.querySelector("input");
    input.value = "";
    dialog.addEventListener(
      "close",
      () => {
        asking = null;
        if (input.value) sessionStorage.setItem(kTokenKey, input.value.trim());
        input.value = "";
        resolve();
      },
      {once: true},
    );
    dialog.showModal();
  });
  return asking;
}

async function refusal(response) {
  let errors = [];
  try {
    errors = (await response.json()).errors ?? [];
  } catch {
    // Not from /api/v1, such as a proxy's page: the status says it.
  }
  return new ApiError(response.status, errors);
}

// A response that is good; asks for a token when there has to be one.
export async function request(path, options = {}) {
  for (;;) {
    const token = sessionStorage.getItem(kTokenKey);
    const headers = {...options.headers, ...(token ? {Authorization: `Bearer ${token}`} : {})};
    const response = await fetch(path, {...options, headers, cache: "no-store"});
    if (response.ok) return response;
    const error = await refusal(response);
    if (response.status !== 401) throw error;
    if (sessionStorage.getItem(kTokenKey) === token) {
      if (token) toast(error.message, "error");
      sessionStorage.removeItem(kTokenKey);
      await askToken();
    }
  }
}

export const get = async (path, options) => (await request(path, options)).json();
export const getText = async (path, options) => (await request(path, options)).text();
export async function post(path, body = {}) {
  const response = await request(path, {
    method: "POST",
    headers: {"Content-Type": "application/json"},
    body: JSON.stringify(body),
  });
  return response.json();
}

export function query(fields) {
  const text = new URLSearchParams(Object.entries(fields).filter(([, value]) => value)).toString();
  return text ? `?${text}` : "";
}

// The pieces of a streamed text, as they come.
export async function* pieces(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

export async function* lines(response) {
  let rest = "";
  for await (const piece of pieces(response)) {
    const parts = (rest + piece).split("\n");
    rest = parts.pop();
    yield* parts;
  }
  if (rest) yield rest;
}

function parseEvent(block) {
  const event = {id: "", event: "message", data: ""};
  for (const line of block) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const field = line.slice(0, colon);
    const value = line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") event.data += (event.data ? "\n" : "") + value;
    else if (field in event) event[field] = value;
  }
  return event;
}

// Events until `signal` aborts, over as many connections as it takes. `on`: {task, run, build, reset, link}. With fetch rather
// than EventSource, which cannot send a token.
export async function listen(fields, on, signal) {
  let lastId = "";
  let wait = 500;
  while (!signal.aborted) {
    try {
      const headers = lastId ? {"Last-Event-ID": lastId} : {};
      const response = await request(`/api/v1/events${query(fields)}`, {headers, signal});
      let block = [];
      for await (const line of lines(response)) {
        if (line !== "") {
          block.push(line.replace(/\r$/, ""));
          continue;
        }
        const event = parseEvent(block);
        block = [];
        if (event.id) lastId = event.id;
        if (event.event === "hello") {
          wait = 500;
          on.link?.(true);
        } else if (event.event === "reset") {
          on.reset?.();
        } else if (event.data) {
          on[event.event]?.(JSON.parse(event.data));
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.status < 500) console.warn(error);
    }
    if (signal.aborted) return;
    on.link?.(false);
    await new Promise((resolve) => setTimeout(resolve, wait));
    wait = Math.min(wait * 2, 10000);
  }
}

function saveAs(href, name) {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
}

// The browser fetches it by itself, unless that takes a token, which a link cannot send.
export async function download(path, name) {
  if (!hasToken()) return saveAs(path, name);
  const blob = await (await request(path)).blob();
  const url = URL.createObjectURL(blob);
  saveAs(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

// Says what went wrong, and goes on.
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    if (error.name !== "AbortError") toast(error.hint ? `${error.message} — ${error.hint}` : error.message, "error");
    return undefined;
  }
}
