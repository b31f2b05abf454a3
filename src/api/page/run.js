// One run: its state and what can be done to it, its tasks, and what is known of the selected one.
import {duration, el, empty, fill, isMoving, pairs, paintPill, pill, section, setText, throttle, toast, when} from "./dom.js";
import {artifactCards, metrics} from "./artifacts.js";
import {logPanel} from "./logs.js";
import {attempt, download, get, getText, post, query} from "./server.js";
import {TaskTree} from "./tree.js";

const kVerbs = [
  ["pause", "Pause", (state) => state === "RUNNING" || state === "PENDING"],
  ["resume", "Resume", (state) => state === "PAUSED"],
  ["cancel", "Cancel", (state) => ["PENDING", "RUNNING", "PAUSED"].includes(state)],
  ["retry", "Retry", (state) => ["FAILED", "CANCELED", "INTERRUPTED"].includes(state)],
];

class RunPage {
  constructor(main, document, tasks) {
    this.main = main;
    this.run = document;
    this.id = document.run_id;
    this.tree = new TaskTree(document, (task) => this.select(task));
    this.tree.setTasks(tasks);
    this.panel = el("section.card.panel", {"aria-label": "Details"});
    this.log = null;
    this.tab = "overview";
    this.redraw = throttle(250, () => this.draw());
    this.reload = throttle(1200, () => attempt(() => this.load()));
    this.build();
  }

  build() {
    const run = this.run;
    this.pill = pill(run.state);
    this.time = el("span");
    this.actions = el("div.actions");
    this.error = el("pre.error", {hidden: true});
    fill(
      this.main,
      el(
        "div.head",
        {},
        el("a.up", {href: "#/"}, "Runs"),
        el("div.title", {}, el("h1", {}, run.name), this.pill),
        el(
          "p.meta",
          {},
          el("a", {href: `#/pipelines/details/${encodeURIComponent(run.pipeline_id ?? run.pipeline)}`}, run.pipeline),
          " in ",
          el("a", {href: `#/experiments/details/${run.experiment_id}`}, run.experiment),
          " · ",
          when(run.began ?? run.created),
          " · ",
          this.time,
          " · ",
          el("button.text.id", {title: "Copy the run's id", onclick: () => this.copyId()}, run.run_id),
        ),
        this.actions,
      ),
      this.error,
      el("div.split", {}, this.tree.node, this.panel),
    );
    this.draw();
    this.showRun();
  }

  async copyId() {
    await attempt(() => navigator.clipboard.writeText(this.id));
    toast("The id is copied");
  }

  async load() {
    const [run, answer] = await Promise.all([get(`/api/v1/runs/${this.id}`), get(`/api/v1/runs/${this.id}/tasks`)]);
    Object.assign(this.run, {began: undefined, ended: undefined, paused_reason: undefined}, run);
    this.tree.setTasks(answer.tasks);
    this.draw();
    this.refreshPanel();
  }

  draw() {
    const run = this.run;
    document.title = `${isMoving(run.state) ? "● " : ""}${run.name} · Sluice`;
    paintPill(this.pill, run.state);
    const until = run.ended ? Date.parse(run.ended) : isMoving(run.state) ? Date.now() : 0;
    setText(this.time, run.began && until ? duration((until - Date.parse(run.began)) / 1000) : "not begun");
    const verbs = kVerbs
      .filter(([, , fits]) => fits(run.state))
      .map(([verb]) => verb)
      .join(" ");
    if (this.actions.dataset.verbs !== verbs) {
      this.actions.dataset.verbs = verbs;
      fill(
        this.actions,
        kVerbs
          .filter(([, , fits]) => fits(run.state))
          .map(([verb, title]) =>
            el(
              verb === "retry" || verb === "resume" ? "button.primary" : "button",
              {onclick: (event) => this.act(verb, event.target)},
              title,
            ),
          ),
      );
    }
    const text = run.state === "PAUSED" ? `Paused: ${run.paused_reason ?? "nothing new starts"}` : run.error;
    this.error.hidden = !text;
    this.error.dataset.state = run.state;
    setText(this.error, text ?? "");
    this.tree.draw();
  }

  async act(verb, button) {
    button.disabled = true;
    const answer = await attempt(() => post(`/api/v1/runs/${this.id}/${verb}`));
    button.disabled = false;
    if (!answer) return;
    this.run.state = answer.state;
    this.draw();
    this.reload();
  }

  // What stands in the panel: of one task, or of the run.
  select(task) {
    history.replaceState(null, "", `#/runs/details/${this.id}${task ? query({task: task.path}) : ""}`);
    if (task) this.showTask(task);
    else this.showRun();
  }

  closeLog() {
    this.log?.close();
    this.log = null;
  }

  showRun() {
    this.closeLog();
    const run = this.run;
    const spec = el("pre.code", {hidden: true, tabindex: "0"});
    const showSpec = () =>
      attempt(async () => {
        if (!spec.textContent) spec.textContent = await getText(`/api/v1/runs/${this.id}/spec`);
        spec.hidden = !spec.hidden;
      });
    const tasks = [...this.tree.tasks.values()];
    const outputs = Object.entries(run.output_artifacts ?? {}).flatMap(([key, list]) =>
      list.map((artifact) =>
        el(
          "div.artifact",
          {},
          el("div.artifacthead", {}, el("strong", {}, key), el("span.tag", {}, artifact.type)),
          el("code.uri", {title: artifact.uri}, artifact.uri),
        ),
      ),
    );
    fill(
      this.panel,
      el("h2", {}, "This run"),
      run.description ? el("p.lead", {}, run.description) : null,
      section("Metrics", metrics(tasks)),
      section("Outputs", pairs(run.outputs), outputs),
      section("Parameters", pairs(run.parameters)),
      section("Labels", pairs(run.labels)),
      section(
        "States",
        el(
          "ol.history",
          {},
          (run.state_history ?? []).map((change) =>
            el("li", {}, pill(change.state), when(change.at), change.error ? el("span.why", {}, change.error) : null),
          ),
        ),
      ),
      section(
        "Pipeline",
        el(
          "div.actions",
          {},
          el("button.quiet", {onclick: showSpec}, "Show its text"),
          el(
            "button.quiet",
            {onclick: () => attempt(() => download(`/api/v1/runs/${this.id}/spec`, `${run.pipeline}.yaml`))},
            "Download",
          ),
        ),
        spec,
      ),
    );
  }

  showTask(task, tab = this.tab) {
    this.closeLog();
    this.tab = tab;
    this.shownState = task.state;
    const tabs = [
      ["overview", "Overview"],
      ["logs", "Logs"],
      ["artifacts", "Artifacts"],
    ].map(([name, title]) =>
      el(
        "button",
        {role: "tab", "aria-selected": String(name === tab), onclick: () => this.showTask(this.tree.tasks.get(task.id), name)},
        title,
      ),
    );
    const body = el("div.tabbody", {role: "tabpanel"});
    fill(
      this.panel,
      el(
        "div.panelhead",
        {},
        el("h2", {title: task.path}, task.name),
        pill(task.state),
        el("button.quiet.close", {"aria-label": "Back to the run", onclick: () => this.tree.select(null)}, "✕"),
      ),
      el("div.tabs", {role: "tablist"}, tabs),
      body,
    );
    if (tab === "logs") {
      this.log = logPanel(this.id, task.path, task.children.length ? 1 : task.attempts);
      body.append(this.log.node);
    } else if (tab === "artifacts") {
      const cards = artifactCards(this.id, task);
      fill(body, cards.length ? cards : empty("No artifacts"));
    } else {
      fill(body, this.overview(task));
    }
  }

  overview(task) {
    const facts = {Path: task.path};
    if (task.attempts) facts.Attempts = task.attempts;
    if (task.exit_code) facts["Exit code"] = task.exit_code;
    if (task.began) facts.Began = new Date(task.began).toLocaleString();
    if (task.ended && task.began) facts.Took = duration((Date.parse(task.ended) - Date.parse(task.began)) / 1000);
    return [
      task.error ? el("pre.error", {"data-state": "FAILED"}, task.error) : null,
      ...(task.notes ?? []).map((note) => el("p.note", {}, note)),
      section("Metrics", metrics([task])),
      section("Outputs", pairs(task.output_parameters)),
      section("Facts", pairs(facts)),
    ];
  }

  // A log goes on by itself; the rest is drawn anew.
  refreshPanel() {
    const task = this.tree.tasks.get(this.tree.selected);
    if (!task) this.showRun();
    else if (this.tab !== "logs" || (task.state !== this.shownState && isMoving(task.state))) this.showTask(task);
    else paintPill(this.panel.querySelector(".pill"), task.state);
  }

  onTask(notice) {
    const ended = this.tree.take(notice);
    if (notice.task === this.tree.selected) {
      if (ended) this.reload();
      this.refreshPanel();
    }
    this.redraw();
  }

  onRun(notice) {
    this.run.state = notice.state;
    this.run.error = notice.error || null;
    this.redraw();
    this.reload();
  }

  // A task by its path, as the address names it.
  openPath(path) {
    const task = [...this.tree.tasks.values()].find((one) => one.path === path);
    if (!task) return;
    this.tree.select(task.id, true);
    this.showTask(task);
  }

  close() {
    this.closeLog();
    this.redraw.stop();
    this.reload.stop();
  }
}

export async function runView(main, search, id) {
  const [run, answer] = await Promise.all([get(`/api/v1/runs/${id}`), get(`/api/v1/runs/${id}/tasks`)]);
  const page = new RunPage(main, run, answer.tasks);
  const failed = answer.tasks.find((task) => task.state === "FAILED" && task.attempts > 0);
  if (search.task) page.openPath(search.task);
  else if (run.state === "FAILED" && failed) page.openPath(failed.path);
  const ticking = setInterval(() => {
    if (!document.hidden && isMoving(page.run.state)) page.draw();
  }, 1000);
  return {
    events: {
      fields: {run: run.run_id},
      on: {task: (notice) => page.onTask(notice), run: (notice) => page.onRun(notice), reset: page.reload},
    },
    refresh: page.reload,
    update: (fields) => {
      if (fields.task) page.openPath(fields.task);
    },
    close: () => {
      clearInterval(ticking);
      page.close();
    },
  };
}
