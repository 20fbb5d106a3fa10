// Under simulation: cards for the reader, vehicles, faults, the plug and the supplier's speed.

import { byId, html, setAttribute, setText } from "./elements.js";
import { duration, onLanguage, t } from "./language.js";
import { ask } from "./requests.js";
import { switchWords } from "./saying.js";

/** Two start with the same four bytes, and one has ten: readers that cut UIDs short take these for others. */
export const CARDS = [
  { name: "anna", uid: "04A1B2C3D4E5F6", standing: "registered" },
  { name: "ben", uid: "04C0FFEE102A01", standing: "registered" },
  { name: "carla", uid: "04C0FFEE77BB02", standing: "registered" },
  { name: "dora", uid: "04112233445566778899", standing: "registered" },
  { name: "blocked", uid: "04B10CED0D1E03", standing: "blocked" },
  { name: "poor", uid: "040C4ED17E0504", standing: "without-credit" },
];
const PAIR = [CARDS[1], CARDS[2]];
const PAIR_MS = 900;
const TAP_ENDS_MS = 500; // until the world has said that the card is gone
const DELAYS_MS = [0, 250, 1000, 2000, 5000, 10_000, 30_000];

export class Controls {
  constructor(live, page) {
    this.live = live;
    this.page = page;
    this.lying = new Set();
    this.laying = new Set();
    this.tapped = new Map();
    this.killed = false;
    this.cards();
    this.vehicles();
    this.switches = new Map();
    live.watch("switches", (switches) => this.drawSwitches(switches));
    live.watch("world", (world) => this.drawWorld(world));
    live.watch("agent", (agent) => {
      this.killed &&= agent.alive; // until the world says so
      this.drawAgent(agent);
    });
    byId("plug").addEventListener("click", () => this.kill());
    byId("delay").addEventListener("input", () => this.sayDelay());
    byId("delay").addEventListener("change", () => this.delay(DELAYS_MS[byId("delay").value]));
    onLanguage(() => this.draw());
  }

  async ask(method, path, body) {
    setText(byId("complaint"), "");
    return ask(method, path, body, (sentence) => setText(byId("complaint"), sentence));
  }

  async tap(card, held = 300) {
    await this.known(card);
    if (this.lies(card)) return setText(byId("complaint"), t("lies-already"));
    this.tapped.set(card.uid, Date.now() + held + TAP_ENDS_MS);
    return this.ask("POST", "/api/reader/taps", { uid: card.uid, held_ms: held });
  }

  // A card that was laid there a moment ago lies there, though the world has not said so yet.
  lies({ uid }) {
    return this.laying.has(uid) || (this.lying.has(uid) && (this.tapped.get(uid) ?? 0) < Date.now());
  }

  async rest(card, there) {
    await this.known(card);
    this.tapped.delete(card.uid);
    if (there) this.laying.add(card.uid);
    else this.laying.delete(card.uid);
    const done = await this.ask(there ? "PUT" : "DELETE", `/api/reader/cards/${card.uid}`);
    if (!done) this.laying.delete(card.uid);
    return done;
  }

  kill() {
    if (byId("plug").getAttribute("aria-disabled") === "true") return;
    this.killed = true;
    this.drawAgent(this.live.latest.agent);
    this.ask("POST", "/api/agent/kill");
  }

  async pair() {
    for (const card of PAIR) await this.tap(card, PAIR_MS);
  }

  /** The supplier knows any card as registered: one that is something else is told to it first. */
  async known({ uid, standing }) {
    const stands = this.live.latest.supplier?.cards?.[uid] ?? "registered";
    if (stands !== standing) await this.ask("PUT", `/api/supplier/cards/${uid}`, { standing });
  }

  drive(slot, there) {
    return this.ask(there ? "PUT" : "DELETE", `/api/vehicles/${slot}`);
  }

  fault(name, on) {
    return this.ask(on ? "PUT" : "DELETE", `/api/faults/${name}`);
  }

  delay(ms) {
    byId("delay").value = DELAYS_MS.indexOf(ms);
    this.sayDelay();
    return this.ask("PUT", "/api/supplier/delay", { ms });
  }

  cards() {
    this.rows = CARDS.map((card) => this.cardRow(card));
    this.two = html("button", { type: "button", click: () => this.pair() });
    byId("cards").replaceChildren(...this.rows.map(({ node }) => node), html("li", { class: "two" }, this.two));
  }

  cardRow(card) {
    const name = html("b");
    const tap = html("button", { type: "button", class: "tap", click: () => this.tap(card) });
    const rest = html("button", {
      type: "button", "aria-pressed": "false",
      click: () => this.rest(card, rest.getAttribute("aria-pressed") !== "true"),
    });
    const node = html("li", { "data-card": card.name },
      html("span", { class: "card-name" }, name, html("code", {}, card.uid)), tap, rest);
    return { card, node, name, tap, rest };
  }

  vehicles() {
    this.drives = this.page.slots.map((number) => {
      const node = html("button", {
        type: "button", "aria-pressed": "false",
        click: () => this.drive(number, node.getAttribute("aria-pressed") !== "true"),
      });
      return { number, node };
    });
    byId("vehicles").replaceChildren(...this.drives.map(({ node }) => node));
  }

  draw() {
    for (const { card, name, tap, rest } of this.rows) {
      const words = t(`card-${card.name}`);
      setText(name, words);
      setText(tap, t("tap"));
      setAttribute(tap, "aria-label", `${t("tap")}: ${words}`);
      setText(rest, t("rest"));
      setAttribute(rest, "aria-label", `${t("rest")}: ${words}`);
    }
    setText(this.two, t("two-at-once"));
    for (const { number, node } of this.drives) setText(node, t("vehicle-in", { number }));
    for (const [name, { label }] of this.switches) setText(label, switchWords(name));
    this.drawAgent(this.live.latest.agent);
    this.sayDelay();
  }

  drawWorld(world) {
    this.lying = new Set(world.cards);
    for (const uid of world.cards) this.laying.delete(uid);
    for (const { card, rest } of this.rows) setAttribute(rest, "aria-pressed", this.lying.has(card.uid));
    for (const { number, node } of this.drives) {
      setAttribute(node, "aria-pressed", Boolean(world.slots.find((slot) => slot.number === number)?.vehicle));
    }
  }

  drawSwitches(switches) {
    for (const [name, on] of Object.entries(switches)) {
      if (!this.switches.has(name)) this.addSwitch(name);
      setAttribute(this.switches.get(name).node, "aria-checked", on);
    }
  }

  addSwitch(name) {
    const label = html("span", {}, switchWords(name));
    const node = html("button", {
      type: "button", role: "switch", "aria-checked": "false", "data-fault": name,
      click: () => this.fault(name, node.getAttribute("aria-checked") !== "true"),
    }, html("span", { class: "knob", "aria-hidden": "true" }), label);
    this.switches.set(name, { node, label });
    byId("switches").append(node);
  }

  drawAgent(agent) {
    if (!agent) return;
    setText(byId("agent"), agent.alive ? t("agent-alive", { pid: agent.pid }) : t("agent-dead"));
    setAttribute(byId("agent"), "data-pid", agent.pid ?? "");
    setAttribute(byId("plug"), "aria-disabled", this.killed || !agent.alive);
  }

  sayDelay() {
    const ms = DELAYS_MS[byId("delay").value];
    const words = ms ? duration(ms) : t("no-time");
    setText(byId("delay-said"), words);
    setAttribute(byId("delay"), "aria-valuetext", words);
  }
}
