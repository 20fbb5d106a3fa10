// The conversation as a sequence diagram: one row a step, drawn once and moved when others go.

import { byId, html, setAttribute, setText, svg } from "./elements.js";
import { clock, duration, onLanguage, t, when } from "./language.js";
import { save } from "./saved.js";
import { drawStep, HEAD, LANES, ROW } from "./steps.js";

const KEPT = 200;
const NEAR_END = 80;
const VISITS = 8;

export class Diagram {
  constructor(live) {
    this.live = live;
    this.box = byId("conversation-box");
    this.picture = byId("diagram");
    this.rows = svg("g");
    this.visits = svg("g", { "aria-hidden": "true" });
    this.lines = svg("g", { "aria-hidden": "true", class: "lanes" });
    this.heads = svg("g", { "aria-hidden": "true", class: "heads" });
    this.picture.append(this.lines, this.visits, this.rows, this.heads);
    this.drawn = new Map();
    this.chosen = null;
    this.only = "";
    this.due = 0;
    this.width = 0;
    live.watch("step", () => this.soon());
    new ResizeObserver(() => this.resized()).observe(this.box);
    onLanguage(() => this.resized(true));
    this.listen();
    this.soon();
  }

  // On the box, not on the drawing: Chromium lets the Tab key stop at a drawing that listens to focus.
  listen() {
    this.box.addEventListener("scroll", () => this.stick());
    this.box.addEventListener("click", (event) => this.choose(event.target.closest("[data-step]"), true));
    this.box.addEventListener("keydown", (event) => this.key(event));
    this.box.addEventListener("focusin", (event) => this.choose(event.target.closest("[data-step]")));
    byId("visit").addEventListener("change", (event) => this.filter(event.target.value));
    byId("save").addEventListener("click", () => save(this.picture, this.heads));
  }

  // Steps come in bursts, five hundred of them at first: they are drawn together.
  soon() {
    this.due ||= requestAnimationFrame(() => {
      this.due = 0;
      this.draw();
    });
  }

  resized(anew = false) {
    const width = Math.max(240, this.box.clientWidth);
    if (width === this.width && !anew) return;
    this.width = width;
    this.drawn.forEach(({ node }) => node.remove());
    this.drawn.clear();
    this.soon();
  }

  filter(visit) {
    this.only = visit;
    this.draw();
    this.box.scrollTop = this.box.scrollHeight;
  }

  draw() {
    if (!this.width) return;
    const all = [...this.live.steps.values()].sort((a, b) => a.id - b.id);
    const steps = all.filter((step) => !this.only || step.visit === this.only).slice(-KEPT);
    const atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR_END;
    const height = this.place(steps);
    this.frame(height, steps.length);
    this.offer(all);
    if (atEnd) this.box.scrollTop = this.box.scrollHeight;
    this.stick();
  }

  /** Put each step into its row, below a heading where another visit begins; gives the height of it all. */
  place(steps) {
    const wanted = new Map(steps.map((step) => [step.id, step]));
    for (const [id, { node, step }] of this.drawn) {
      if (wanted.get(id) === step) continue;
      node.remove();
      this.drawn.delete(id);
    }
    let y = HEAD;
    let visit = null;
    const headings = [];
    for (const step of steps) {
      if (step.visit && step.visit !== visit) {
        visit = step.visit;
        headings.push(this.heading(step, y));
        y += 26;
      }
      const known = this.drawn.get(step.id) ?? this.add(step);
      setAttribute(known.node, "transform", `translate(0 ${y})`);
      y += ROW;
    }
    this.visits.replaceChildren(...headings);
    this.tabbable();
    return y + 8;
  }

  heading(step, y) {
    return svg("g", { class: "visit", transform: `translate(0 ${y})` },
      svg("path", { d: `M0 6 H${this.width}` }),
      svg("text", { x: 4, y: 20 }, `${t("visit")} ${step.visit} · ${clock(step.at)}`));
  }

  add(step) {
    const drawn = { step, node: drawStep(step, this.width) };
    if (step.id === this.chosen) drawn.node.setAttribute("aria-selected", "true");
    this.rows.append(drawn.node);
    this.drawn.set(step.id, drawn);
    return drawn;
  }

  frame(height, count) {
    setAttribute(this.picture, "viewBox", `0 0 ${this.width} ${height}`);
    setAttribute(this.picture, "width", this.width);
    setAttribute(this.picture, "height", height);
    this.picture.toggleAttribute("hidden", !count);
    byId("conversation-empty").hidden = count > 0;
    byId("save").disabled = !count;
    const xs = LANES.map((lane) => [lane, this.width * lane.at]);
    this.lines.replaceChildren(...xs.map(([, x]) => svg("path", { d: `M${x} 24 V${height}` })));
    this.heads.replaceChildren(svg("rect", { class: "head-ground", width: this.width, height: 30 }),
      ...xs.map(([lane, x]) => svg("g", {}, svg("rect", { x: x - this.width * 0.1, y: 4, width: this.width * 0.2, height: 22, rx: 5 }),
        svg("text", { x, y: 19, "text-anchor": "middle" }, t(`lane-${lane.name}`)))));
  }

  // The names of the lanes stay in sight while their lines move.
  stick() {
    this.heads.setAttribute("transform", `translate(0 ${this.box.scrollTop})`);
  }

  offer(all) {
    const visits = [...new Set(all.map((step) => step.visit).filter(Boolean))].slice(-VISITS).reverse();
    if (this.only && !visits.includes(this.only)) visits.push(this.only);
    const names = ["", ...visits];
    const select = byId("visit");
    const shown = [...select.options].map((option) => option.value).join();
    if (shown !== names.join() || select.lang !== document.documentElement.lang) {
      select.lang = document.documentElement.lang;
      select.replaceChildren(...names.map((name) => html("option", { value: name }, name || t("all-visits"))));
      select.value = this.only;
    }
  }

  key(event) {
    const nodes = [...this.rows.children].sort((a, b) => a.dataset.step - b.dataset.step);
    const at = nodes.indexOf(event.target.closest("[data-step]"));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: nodes.length - 1, Enter: at, " ": at }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    nodes[Math.min(Math.max(to, 0), nodes.length - 1)].focus();
  }

  choose(node, focus = false) {
    if (!node) return;
    const id = Number(node.dataset.step);
    if (this.chosen !== id) {
      this.chosen = id;
      for (const [each, drawn] of this.drawn) setAttribute(drawn.node, "aria-selected", each === id);
      this.tell(this.live.steps.get(id));
    }
    this.tabbable();
    if (focus) node.focus({ preventScroll: true });
  }

  // One stop for the Tab key: the step that was chosen, else the newest.
  tabbable() {
    const newest = Math.max(...this.drawn.keys());
    const stop = this.drawn.has(this.chosen) ? this.chosen : newest;
    const pair = this.live.steps.get(this.chosen);
    for (const [id, { node, step }] of this.drawn) {
      setAttribute(node, "tabindex", id === stop ? 0 : -1);
      node.classList.toggle("pair", Boolean(pair) && (step.re === pair.id || pair.re === id));
    }
  }

  tell(step) {
    byId("step").hidden = false;
    setText(byId("step-title"), step.title);
    const took = step.ms === null || step.ms === undefined ? "" : ` · ${duration(step.ms)}`;
    setText(byId("step-about"), `${when(step.at)} · ${t(`lane-${step.from}`)} → ${t(`lane-${step.to}`)}${took}`);
    setText(byId("step-json"), JSON.stringify(step, null, 2));
    byId("step-json").scrollTop = 0;
  }
}
