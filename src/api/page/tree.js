// The tasks of a run as a tree with a time axis. Rows are kept by task, so that a run of ten thousand tasks that changes by a
// few a second stays quick; loops of many iterations begin closed.
import {dot, duration, el, fill, isMoving, paintDot, setText} from "./dom.js";

const kRowsMax = 400; // rows that are drawn; more on demand
const kOpenChildren = 30; // a loop with more children begins closed

const instantOf = (text) => (text ? Date.parse(text) : 0);

export class TaskTree {
  // `onselect(task or null)`: null is the run itself.
  constructor(run, onselect) {
    this.run = run;
    this.onselect = onselect;
    this.tasks = new Map(); // by id: the task with began_ms, ended_ms, children
    this.roots = [];
    this.rows = new Map(); // by id: {node, dot, bar, ...}
    this.toggled = new Map(); // by id: open or closed as the user wants it
    this.selected = null;
    this.shownMax = kRowsMax;
    this.list = el("div.tree", {role: "tree", "aria-label": "Tasks", onkeydown: (event) => this.onKey(event)});
    this.more = el("button.quiet", {
      hidden: true,
      onclick: () => {
        this.shownMax += kRowsMax;
        this.draw();
      },
    });
    this.axis = el("div.axis", {"aria-hidden": "true"}, el("span"), el("span"), el("span"));
    this.node = el("div.card.tasks", {}, el("div.treehead", {}, el("span", {}, "Task"), this.axis), this.list, this.more);
  }

  setTasks(tasks) {
    this.tasks.clear();
    this.roots = [];
    for (const task of tasks) this.put(task);
    this.draw();
  }

  put(task) {
    const known = this.tasks.get(task.id);
    const now = {
      ...known,
      ...task,
      began_ms: instantOf(task.began),
      ended_ms: instantOf(task.ended),
      children: known?.children ?? [],
    };
    this.tasks.set(task.id, now);
    if (known) return;
    const parent = this.tasks.get(task.parent);
    (parent ? parent.children : this.roots).push(task.id);
  }

  // A notice of the event stream; true if it tells of the end of a task.
  take(notice) {
    const known = this.tasks.get(notice.task);
    const instant = (micros) => (micros ? new Date(micros / 1000).toISOString() : undefined);
    this.put({
      ...(known ?? {notes: [], output_parameters: {}, output_artifacts: {}, exit_code: 0}),
      id: notice.task,
      parent: notice.parent,
      path: notice.path,
      name: notice.path.slice(notice.path.lastIndexOf("/") + 1),
      state: notice.state,
      attempts: notice.attempt || known?.attempts || 0,
      exit_code: notice.exit_code,
      error: notice.error || null,
      began: instant(notice.began),
      ended: instant(notice.ended),
    });
    return !isMoving(notice.state);
  }

  isOpen(task) {
    return this.toggled.get(task.id) ?? task.children.length <= kOpenChildren;
  }

  visible() {
    const out = [];
    const walk = (ids, level) => {
      for (const id of ids) {
        const task = this.tasks.get(id);
        out.push([task, level]);
        if (task.children.length && this.isOpen(task)) walk(task.children, level + 1);
      }
    };
    walk(this.roots, 1);
    return out;
  }

  span() {
    const tasks = [...this.tasks.values()].filter((task) => task.began_ms);
    const begin = Math.min(
      instantOf(this.run.began) || Infinity,
      ...(tasks.length < 1000 ? tasks.map((task) => task.began_ms) : []),
    );
    const end =
      instantOf(this.run.ended) ||
      (isMoving(this.run.state)
        ? Date.now()
        : tasks.reduce((last, task) => Math.max(last, task.ended_ms || task.began_ms), begin));
    return Number.isFinite(begin) ? [begin, Math.max(end, begin + 100)] : [0, 0];
  }

  draw() {
    const visible = this.visible();
    const shown = visible.slice(0, this.shownMax);
    const [begin, end] = this.span();
    this.list.classList.toggle(
      "flat",
      visible.every(([task]) => !task.children.length),
    );
    fill(
      this.list,
      shown.map(([task, level]) => this.paint(task, level, begin, end)),
    );
    this.more.hidden = visible.length <= shown.length;
    setText(this.more, `Show more of ${(visible.length - shown.length).toLocaleString()} further tasks`);
    const labels = [0, 0.5, 1].map((part) => (end > begin ? duration((part * (end - begin)) / 1000) : ""));
    [...this.axis.children].forEach((node, index) => setText(node, labels[index]));
    const current = this.rows.get(this.selected) ?? this.rows.get(shown[0]?.[0].id);
    for (const [task] of shown) this.rows.get(task.id).node.tabIndex = -1;
    if (current) current.node.tabIndex = 0;
  }

  make(task) {
    const row = {
      dot: dot(task.state),
      bar: el("i"),
      name: el("span.name"),
      time: el("span.time"),
      count: el("span.count"),
      twist: el("button.twist", {tabindex: "-1", "aria-hidden": "true"}),
    };
    row.node = el(
      "div.row",
      {role: "treeitem", "data-id": task.id},
      el("span.label", {}, row.twist, row.dot, row.name, row.count),
      el("span.track", {"aria-hidden": "true"}, row.bar),
      row.time,
    );
    row.node.addEventListener("click", (event) => {
      const now = this.tasks.get(task.id);
      if (event.target === row.twist) this.toggle(now);
      else this.select(task.id);
    });
    this.rows.set(task.id, row);
    return row;
  }

  paint(task, level, begin, end) {
    const row = this.rows.get(task.id) ?? this.make(task);
    const open = this.isOpen(task);
    const isParent = task.children.length > 0;
    row.node.setAttribute("aria-level", level);
    row.node.setAttribute("aria-selected", String(task.id === this.selected));
    if (isParent) row.node.setAttribute("aria-expanded", String(open));
    row.node.style.setProperty("--level", level - 1);
    row.node.dataset.state = task.state;
    row.node.title = task.path;
    paintDot(row.dot, task.state);
    setText(row.name, task.name);
    setText(row.twist, isParent ? (open ? "▾" : "▸") : "");
    setText(
      row.count,
      isParent && !open ? task.children.length.toLocaleString() : task.attempts > 1 ? `×${task.attempts}` : "",
    );
    const until = task.ended_ms || (task.began_ms && isMoving(task.state) ? Math.max(Date.now(), task.began_ms) : 0);
    setText(row.time, task.began_ms && until ? duration((until - task.began_ms) / 1000) : "");
    row.bar.hidden = !(task.began_ms && until && end > begin);
    if (!row.bar.hidden) {
      const left = Math.min(Math.max((task.began_ms - begin) / (end - begin), 0), 1);
      row.bar.style.left = `min(${(left * 100).toFixed(2)}%, 100% - 3px)`; // one at the very end is seen too
      row.bar.style.width = `${(Math.max((until - begin) / (end - begin) - left, 0) * 100).toFixed(2)}%`;
    }
    return row.node;
  }

  toggle(task, open = !this.isOpen(task)) {
    this.toggled.set(task.id, open);
    const focused = this.list.contains(document.activeElement);
    this.draw();
    if (focused) this.rows.get(task.id).node.focus();
  }

  select(id, quiet = false) {
    this.selected = id;
    for (let at = this.tasks.get(this.tasks.get(id)?.parent); at && at.id !== at.parent; at = this.tasks.get(at.parent))
      if (!this.isOpen(at)) this.toggled.set(at.id, true);
    this.draw();
    if (!quiet) this.onselect(this.tasks.get(id) ?? null);
  }

  // The keys of a tree: arrows, Home, End, Enter.
  onKey(event) {
    const row = event.target.closest("[data-id]");
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const task = this.tasks.get(Number(row.dataset.id));
    const focus = (node) => node?.focus();
    const acts = {
      ArrowDown: () => focus(row.nextElementSibling),
      ArrowUp: () => focus(row.previousElementSibling),
      Home: () => focus(this.list.firstElementChild),
      End: () => focus(this.list.lastElementChild),
      ArrowRight: () => (task.children.length && !this.isOpen(task) ? this.toggle(task, true) : focus(row.nextElementSibling)),
      ArrowLeft: () => {
        if (task.children.length && this.isOpen(task)) this.toggle(task, false);
        else focus(this.rows.get(task.parent)?.node);
      },
      Enter: () => this.select(task.id),
      " ": () => this.select(task.id),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  }
}
