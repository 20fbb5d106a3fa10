// One step of the conversation as a drawing: an arrow between two lanes, or a note on the station's.

import { svg } from "./elements.js";
import { clock, duration, t } from "./language.js";

export const HEAD = 36;
export const ROW = 38;
export const LANES = [
  { name: "driver", at: 0.11 }, { name: "station", at: 0.37 }, { name: "supplier", at: 0.63 }, { name: "broker", at: 0.89 },
];
const LETTER = 6.4; // pixels of an average letter at 12 px
const COLOURS = ["red", "blue", "white"];
const SIGNS = { decision: "◆", lock: "▮", fault: "!", agent: "↻", light: "●", event: "", inbox: "" };

const lane = (name) => LANES.find((each) => each.name === name) ?? LANES[1];

/** Cut to what fits into so many pixels. */
function fitted(text, pixels) {
  const most = Math.max(4, Math.floor(pixels / LETTER));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

/** The middle of a text of this length, as near to `x` as the edges allow. */
function within(x, text, width) {
  const half = (text.length * LETTER) / 2 + 6;
  return half * 2 >= width ? width / 2 : Math.min(Math.max(x, half), width - half);
}

function arrow(step, from, to) {
  const way = Math.sign(to - from);
  const tip = to - way * 2;
  return svg("g", { class: "arrow" },
    svg("path", { class: "shaft", d: `M${from} 27 H${tip - way * 6}` }),
    svg("path", { class: "tip", d: `M${tip} 27 l${-way * 9} -5 v10z` }));
}

const colourOf = (step) => COLOURS.find((name) => step.title.includes(name)) ?? "dark";

function label(step) {
  const took = step.ms === null || step.ms === undefined ? "" : ` · ${duration(step.ms)}`;
  return `${step.ok === false ? "✕ " : ""}${step.title}${took}`;
}

function arrowStep(step, width) {
  const [from, to] = [lane(step.from).at * width, lane(step.to).at * width];
  const text = fitted(label(step), width - 8);
  return [
    arrow(step, from, to),
    step.kind === "light" ? svg("circle", { class: `sign ${colourOf(step)}`, cx: from, cy: 27, r: 5.5 }) : null,
    svg("text", { class: "label", x: within((from + to) / 2, text, width), y: 18, "text-anchor": "middle" }, text),
  ];
}

function note(step, width) {
  const sign = SIGNS[step.kind] ?? "";
  const text = fitted(label(step), width - 60);
  const wide = text.length * LETTER + (sign ? 34 : 18);
  const x = Math.min(Math.max(lane("station").at * width, wide / 2 + 2), width - wide / 2 - 2);
  const left = x - wide / 2;
  return [
    svg("rect", { class: "note", x: left, y: 7, width: wide, height: 25, rx: step.kind === "decision" ? 12 : 5 }),
    sign ? svg("text", { class: "sign", x: left + 14, y: 24, "text-anchor": "middle" }, sign) : null,
    svg("text", { class: "label", x: left + (sign ? 25 : 9), y: 24 }, text),
  ];
}

/** The step as an option of the diagram, to be moved to its row. */
export function drawStep(step, width) {
  const inStation = lane(step.from) === lane(step.to);
  const spoken = [clock(step.at), `${t(`lane-${step.from}`)}, ${t(`lane-${step.to}`)}`, label(step)].join(": ");
  return svg("g", {
      role: "option", tabindex: -1, "data-step": step.id, "aria-label": spoken, "aria-selected": "false",
      class: `step ${step.kind}${step.ok === false ? " failed" : ""}`,
    },
    svg("rect", { class: "row", x: 0, y: 1, width, height: ROW - 2, rx: 4 }),
    ...(inStation ? note(step, width) : arrowStep(step, width)));
}
