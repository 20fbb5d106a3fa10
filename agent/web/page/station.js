// The station, drawn: lights as the strip shows them, bolts, vehicles, and the cards on the reader.

import { Held, seen } from "./colours.js";
import { byId, setAttribute, setText, svg } from "./elements.js";
import { onLanguage, t } from "./language.js";
import { lookWords, mask } from "./saying.js";

const BAY = { width: 196, height: 216, gap: 16 };
const EDGE = 24;
const TOP = 172;
const CAR =
  "M4 42 V31 q0-6 7-7 l17-4 15-13 q3-3 8-3 h30 q5 0 8 4 l12 12 17 3 q8 2 8 9 v10 q0 3-3 3 h-6 " +
  "a12 12 0 0 0-24 0 h-42 a12 12 0 0 0-24 0 h-9 q-4 0-4-3z";
const GLASS = "M40 19 l10-9 q2-2 5-2 h7 v11z M67 8 h12 q4 0 6 3 l7 8 h-25z";
const LESS_MOTION = matchMedia("(prefers-reduced-motion: reduce)");

/** One light: its pixels behind a bar of glass, and the glow that they throw. */
class Light {
  constructor(name, count, { x, y, width }) {
    const height = 18;
    this.glow = svg("ellipse", { class: "glow", cx: x + width / 2, cy: y + height / 2, rx: width * 0.58, ry: 34 });
    this.pixels = Array.from({ length: count }, (_, at) =>
      svg("circle", { class: "pixel", cx: x + (width / count) * (at + 0.5), cy: y + height / 2, r: 5 }));
    this.node = svg("g", { "data-light": name }, this.glow,
      svg("rect", { class: "glass", x, y, width, height, rx: height / 2 }), ...this.pixels);
    this.held = new Held((pixels) => this.draw(pixels));
  }

  frame(pixels) {
    if (LESS_MOTION.matches) this.held.frame(pixels);
    else this.held.now(pixels);
  }

  draw(pixels) {
    this.node.dataset.pixels = pixels.join(" ");
    this.pixels.forEach((node, at) => this.paint(node, seen(pixels[at] ?? "#000000")));
    this.paint(this.glow, seen(pixels[Math.floor(pixels.length / 2)] ?? "#000000"), 0.7);
  }

  paint(node, light, most = 1) {
    if (light) setAttribute(node, "fill", light.colour);
    else node.removeAttribute("fill");
    setAttribute(node, "fill-opacity", light ? (light.power * most).toFixed(2) : most === 1 ? 1 : 0);
  }
}

function bay(number, pixels) {
  const light = new Light(String(number), pixels, { x: 16, y: 16, width: BAY.width - 32 });
  const status = svg("text", { class: "status", x: BAY.width - 16, y: 58, "text-anchor": "end" });
  const title = svg("text", { class: "number", x: 16, y: 58 });
  const car = svg("g", { class: "car" }, svg("path", { class: "body", d: CAR }), svg("path", { class: "window", d: GLASS }),
    svg("circle", { class: "wheel", cx: 34, cy: 44, r: 9 }), svg("circle", { class: "wheel", cx: 100, cy: 44, r: 9 }));
  const sensor = svg("circle", { class: "sensor", cx: 124, cy: 184, r: 4 });
  const node = svg("g", { class: "bay", "data-slot": number },
    svg("rect", { class: "floor", width: BAY.width, height: BAY.height, rx: 12 }), light.node, title, status,
    svg("path", { class: "ground", d: `M16 149 H${BAY.width - 16}` }),
    svg("g", { transform: "translate(32 94)" }, car),
    svg("rect", { class: "bolt", x: 90, y: 162, width: 16, height: 32, rx: 3 }),
    svg("rect", { class: "lock", x: 62, y: 168, width: 72, height: 34, rx: 6 }), sensor,
    svg("path", { class: "broken", d: "M70 178 l12 12 m0-12 l-12 12" }));
  return { node, light, status, title };
}

function reader(width) {
  const cards = svg("g", { class: "cards" });
  const node = svg("g", { class: "reader", transform: `translate(${width / 2 - 64} 68)` },
    svg("rect", { class: "pad", width: 128, height: 80, rx: 12 }),
    svg("path", { class: "waves", d: "M42 28 q11 12 0 24 M54 21 q18 19 0 38 M66 14 q25 26 0 52" }), cards);
  return { node, cards };
}

function card(uid, at) {
  return svg("g", { class: "card", transform: `translate(${72 + at * 14} ${34 + at * 10}) rotate(9)` },
    svg("rect", { class: "plastic", width: 74, height: 46, rx: 5 }), svg("rect", { class: "chip", x: 8, y: 9, width: 14, height: 11, rx: 2 }),
    svg("text", { class: "uid", x: 8, y: 38 }, mask(uid)));
}

export class StationDrawing {
  constructor(live, page) {
    this.live = live;
    this.page = page;
    this.node = byId("drawing");
    this.build(page.slots, {});
    live.watch("lights", (lights) => this.lights(lights));
    for (const kind of ["state", "world", "agent"]) live.watch(kind, () => this.draw());
    onLanguage(() => this.draw());
  }

  build(slots, lights) {
    const columns = Math.min(slots.length, 3);
    const width = Math.max(2 * EDGE + columns * (BAY.width + BAY.gap) - BAY.gap, 300);
    const rows = Math.ceil(slots.length / columns);
    const height = TOP + rows * (BAY.height + BAY.gap) - BAY.gap + EDGE;
    this.main = new Light("main", lights.main?.length ?? 8, { x: EDGE + 16, y: 28, width: width - 2 * EDGE - 32 });
    this.reader = reader(width);
    this.plate = svg("text", { class: "plate", x: EDGE, y: 152 });
    this.bays = new Map(slots.map((number) => [number, bay(number, lights[number]?.length ?? 8)]));
    [...this.bays.values()].forEach(({ node }, at) => {
      const x = EDGE + (at % columns) * (BAY.width + BAY.gap);
      const y = TOP + Math.floor(at / columns) * (BAY.height + BAY.gap);
      node.setAttribute("transform", `translate(${x} ${y})`);
    });
    this.node.setAttribute("viewBox", `0 0 ${width} ${height + 12}`);
    this.node.replaceChildren(
      svg("rect", { class: "feet", x: 40, y: height - 8, width: width - 80, height: 18, rx: 4 }),
      svg("rect", { class: "cabinet", x: 2, y: 2, width: width - 4, height: height - 4, rx: 22 }),
      svg("rect", { class: "rim", x: 9, y: 9, width: width - 18, height: height - 18, rx: 16 }),
      this.main.node, this.reader.node, this.plate, ...[...this.bays.values()].map(({ node }) => node));
  }

  lights(lights) {
    if (lights.main?.length && lights.main.length !== this.main.pixels.length) {
      this.build(this.page.slots, lights);
      this.draw();
    }
    if (lights.main) this.main.frame(lights.main);
    for (const [number, { light }] of this.bays) if (lights[number]) light.frame(lights[number]);
  }

  draw() {
    const { state, world, agent } = this.live.latest;
    setText(this.plate, this.page.stationId);
    const cards = world?.cards ?? [];
    if (this.reader.cards.childElementCount !== cards.length || this.lying !== cards.join()) {
      this.reader.cards.replaceChildren(...cards.map(card));
      this.lying = cards.join();
    }
    for (const [number, drawn] of this.bays) this.drawBay(number, drawn, agent?.alive === false);
    setAttribute(this.node, "aria-label", this.words(state, cards));
  }

  drawBay(number, drawn, dead) {
    const { node, title, status } = drawn;
    const { slot, bolt, vehicle, broken } = this.slot(number);
    setText(title, t("slot", { number }));
    setText(status, dead ? "—" : slot ? t(`status-${slot.status}`) : "");
    node.dataset.status = slot?.status ?? "";
    node.dataset.bolt = bolt;
    node.dataset.vehicle = vehicle;
    node.dataset.broken = broken;
    node.dataset.sensor = slot?.lock.seen ?? "unknown";
  }

  /** What is to be drawn of a slot: from the world where there is one, else from what the agent knows. */
  slot(number) {
    const { state, world } = this.live.latest;
    const slot = state?.slots.find((each) => each.number === number);
    const there = world?.slots.find((each) => each.number === number);
    const faults = world?.faults ?? [];
    return {
      slot,
      bolt: there?.bolt ?? slot?.lock.seen ?? "unknown",
      vehicle: there?.vehicle ?? slot?.vehicle ?? false ? "there" : slot?.session ? "believed" : "none",
      broken: faults.includes(`lock-jammed-${number}`) || faults.includes(`lock-forced-${number}`),
    };
  }

  words(state, cards) {
    if (!state) return t("drawing-empty");
    const slots = state.slots.map((slot) => {
      const { bolt, vehicle } = this.slot(slot.number);
      const said = { number: slot.number, status: t(`status-${slot.status}`), light: lookWords(slot.light) };
      return t("drawing-slot", { ...said, bolt: t(`bolt-${bolt}`), vehicle: t(`vehicle-${vehicle}`) });
    });
    const main = t("drawing-main", { light: lookWords(state.mainLight), cards: cards.map(mask).join(", ") || t("none") });
    return [main, ...slots].join(" ");
  }
}
