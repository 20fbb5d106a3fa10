// The connection to the station: what it says, as it says it, and whether it still says anything.

const SILENT_MS = 12_000; // the station says something every 5 s
const AGAIN_MS = 2_000;
const STEPS = 500;
const KEPT = ["state", "lights", "history", "world", "supplier", "switches", "agent"];

export class Live {
  constructor() {
    this.latest = {};
    this.steps = new Map();
    this.connection = { state: "connecting", since: new Date() };
    this.watchers = [];
    this.source = null;
    this.silence = 0;
    // A page that a browser keeps for its back button would keep its line too, of the six that there may be.
    addEventListener("pagehide", () => this.stop());
    addEventListener("pageshow", ({ persisted }) => persisted && this.start());
  }

  stop() {
    clearTimeout(this.silence);
    this.source?.close();
  }

  /** Call back with each value of this kind from now on, and with the latest there is. */
  watch(kind, callback) {
    this.watchers.push([kind, callback]);
    if (kind in this.latest) callback(this.latest[kind]);
  }

  start() {
    this.source?.close();
    this.source = new EventSource("/api/events");
    for (const kind of KEPT) this.source.addEventListener(kind, (event) => this.heard(kind, event));
    this.source.addEventListener("step", (event) => this.step(JSON.parse(event.data)));
    this.source.addEventListener("beat", () => this.alive());
    this.source.addEventListener("open", () => this.alive());
    this.source.addEventListener("error", () => this.broken());
    this.listen();
  }

  heard(kind, event) {
    this.alive();
    this.latest[kind] = JSON.parse(event.data);
    this.tell(kind, this.latest[kind]);
  }

  step(step) {
    this.alive();
    const known = this.steps.get(step.id);
    if (known && known.at === step.at) return; // sent again after a reconnection
    if (known) this.steps.clear(); // another station process, which counts from the start
    this.steps.set(step.id, step);
    if (this.steps.size > STEPS) this.steps.delete(this.steps.keys().next().value);
    this.tell("step", step);
  }

  tell(kind, value) {
    for (const [wanted, callback] of this.watchers) if (wanted === kind) callback(value);
  }

  alive() {
    this.become("live");
    this.listen();
  }

  broken() {
    this.become("lost");
    // An answer that is no stream ends an EventSource for good; a broken line it mends by itself.
    if (this.source.readyState === EventSource.CLOSED) setTimeout(() => this.again(), AGAIN_MS);
  }

  // An agent that was started anew has forgotten who had signed in; the page's own address leads to the sign-in.
  async again() {
    const answer = await fetch("/api/page").catch(() => null);
    if (answer?.status === 401) location.reload();
    else this.start();
  }

  listen() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      this.become(["live", "stale"].includes(this.connection.state) ? "stale" : "lost");
      this.start(); // a line on which nothing comes may be dead without anybody having said so
    }, SILENT_MS);
  }

  become(state) {
    if (state === this.connection.state) return;
    this.connection = { state, since: new Date() };
    this.tell("connection", this.connection);
  }
}
