// What tasks made: files and folders to download, and metrics.
import {el, fill, pairs, size} from "./dom.js";
import {attempt, download, get, request} from "./server.js";

// A file, or what is in a directory: its header says which, before anything is loaded.
function artifactContent(runId, artifact, index) {
  const base = `/api/v1/runs/${runId}/artifacts/${artifact.task}/${encodeURIComponent(artifact.key)}/${index}`;
  const files = el("ul.files", {hidden: true});
  const name = artifact.uri.slice(artifact.uri.lastIndexOf("/") + 1) || artifact.key;
  const open = () =>
    attempt(async () => {
      const head = await request(base, {method: "HEAD"});
      if (head.headers.get("content-disposition")) return download(base, name);
      const list = (await get(base)).files;
      fill(
        files,
        list.slice(0, 500).map((file) =>
          el(
            "li",
            {},
            el(
              "button.text",
              {
                onclick: () =>
                  attempt(() =>
                    download(
                      `${base}/${file.path.split("/").map(encodeURIComponent).join("/")}`,
                      file.path.slice(file.path.lastIndexOf("/") + 1),
                    ),
                  ),
              },
              file.path,
            ),
            el("span.faint", {}, size(file.size_bytes)),
          ),
        ),
      );
      if (list.length > 500) files.append(el("li.faint", {}, `and ${(list.length - 500).toLocaleString()} more`));
      files.hidden = false;
      return undefined;
    });
  return [el("button.quiet", {onclick: open}, "Download"), files];
}

function artifactCard(runId, artifact, index) {
  const [button, files] = artifactContent(runId, artifact, index);
  const isHeld = artifact.digest !== "" || artifact.uri.startsWith("/");
  return el(
    "div.artifact",
    {},
    el(
      "div.artifacthead",
      {},
      el("strong", {}, artifact.key + (index > 0 ? `[${index}]` : "")),
      el("span.tag", {}, artifact.type || "artifact"),
      artifact.digest ? el("span.faint", {}, size(artifact.size_bytes)) : null,
      isHeld ? button : null,
    ),
    el("code.uri", {title: artifact.uri}, artifact.uri),
    files,
    pairs(artifact.metadata),
  );
}

export function artifactCards(runId, task) {
  return Object.entries(task.output_artifacts ?? {}).flatMap(([key, list]) =>
    list.map((artifact, index) => artifactCard(runId, {...artifact, key, task: task.id}, index)),
  );
}

// Metrics are what people come for: they stand above the rest.
export function metrics(tasks) {
  const found = [];
  for (const task of tasks)
    for (const [key, list] of Object.entries(task.output_artifacts ?? {}))
      for (const artifact of list)
        if (artifact.type === "system.Metrics" && Object.keys(artifact.metadata).length)
          found.push(el("div.metrics", {}, el("span.from", {}, `${task.name} · ${key}`), pairs(artifact.metadata)));
  return found;
}
