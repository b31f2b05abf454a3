// What a task printed, going on while it runs.
import {el, fill} from "./dom.js";
import {download, lines, query, request} from "./server.js";

const kLinesMax = 5000;
// Colours and cursor movements of terminals.
const kEscapes = /\u001b\[[0-9;?]*[ -/]*[@-~]|\u001b\][^\u0007]*(?:\u0007|\u001b\\)/g;

// Lines of text out of chunks; the last one stays open until it has an end. A carriage return draws a line over.
class LineBox {
  constructor(place) {
    this.place = place;
    this.open = new Map(); // by task and stream: the line that has no end yet
    this.cut = 0;
  }

  add(chunk, several) {
    const key = `${chunk.task} ${chunk.stream}`;
    const parts = chunk.text.replace(kEscapes, "").split("\n");
    parts.forEach((part, index) => {
      let line = this.open.get(key);
      if (!line && part === "" && index === parts.length - 1) return;
      if (!line) {
        line = {node: el(`div.line.${chunk.stream}`), text: ""};
        if (several) line.node.append(el("span.from", {}, chunk.task.replace(/^root\//, "")));
        line.content = el("span");
        line.node.append(line.content);
        this.place.append(line.node);
        this.open.set(key, line);
      }
      line.text += part;
      const drawn = line.text.replace(/\r$/, "");
      line.content.textContent = drawn.slice(drawn.lastIndexOf("\r") + 1) || "\u200b";
      if (index < parts.length - 1) this.open.delete(key);
    });
    while (this.place.childElementCount > kLinesMax) {
      this.place.firstElementChild.remove();
      this.cut += 1;
    }
  }
}

// A panel with the log of `task` (a path); close() ends it.
export function logPanel(runId, task, attempts) {
  const abort = new AbortController();
  const status = el("span.faint", {role: "status"}, "…");
  const box = el("div.log", {tabindex: "0", role: "log", "aria-label": `Log of ${task}`});
  const path = `/api/v1/runs/${runId}/logs`;
  const choice = el(
    "select",
    {"aria-label": "Attempt", hidden: attempts < 2},
    Array.from({length: attempts}, (_, index) =>
      el("option", {value: String(attempts - index)}, `Attempt ${attempts - index}`),
    ),
  );
  let reading = new AbortController();

  async function read() {
    reading.abort();
    reading = new AbortController();
    const signal = AbortSignal.any ? AbortSignal.any([abort.signal, reading.signal]) : reading.signal;
    fill(box);
    const newest = !choice.value || Number(choice.value) === attempts;
    const lineBox = new LineBox(box);
    try {
      const response = await request(
        `${path}${query({
          task,
          format: "ndjson",
          follow: newest ? "true" : "",
          attempt: newest ? "" : choice.value,
        })}`,
        {signal},
      );
      status.textContent = newest ? "following" : "";
      for await (const line of lines(response)) {
        const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 30;
        const chunk = JSON.parse(line);
        lineBox.add(chunk, chunk.task !== task);
        if (atEnd) box.scrollTop = box.scrollHeight;
      }
      const cut = lineBox.cut ? ` · ${lineBox.cut.toLocaleString()} earlier lines are not shown` : "";
      status.textContent = box.childElementCount ? `end${cut}` : "nothing was printed";
    } catch (error) {
      if (!signal.aborted) status.textContent = error.message;
    }
  }
  choice.addEventListener("change", read);
  read();
  return {
    node: el(
      "div.logs",
      {},
      el(
        "div.tools",
        {},
        choice,
        status,
        el(
          "button.quiet",
          {onclick: () => download(`${path}${query({task})}`, `${task.replaceAll("/", "-")}.log`)},
          "Download",
        ),
      ),
      box,
    ),
    close: () => {
      abort.abort();
      reading.abort();
    },
  };
}
