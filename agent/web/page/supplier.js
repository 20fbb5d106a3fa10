// The supplier's books as the simulated supplier shows them. Cards are masked: only the controls show them in clear.

import { byId, html, setAttribute, setChildren } from "./elements.js";
import { clock, onLanguage, t, tOr } from "./language.js";
import { mask } from "./saying.js";

const SESSIONS = 6;
const CALLS = 12;

/** A place for a table, which may be wider than it: to be scrolled with the keyboard, and kept while the table changes. */
const frame = (name) => html("div", { class: "table", role: "region", tabindex: 0, "data-table": name });

/** Fill it; `rows` of cells, which are texts or elements. */
function fill(node, heads, rows) {
  const caption = node.dataset.table;
  const body = rows.length ? rows.map((cells) => html("tr", {}, ...cells.map((cell) => html("td", {}, cell ?? "–"))))
    : [html("tr", {}, html("td", { colspan: heads.length, class: "quiet" }, t("none-yet")))];
  setAttribute(node, "aria-label", `${t("supplier-side")}: ${t(caption)}`);
  setChildren(node, [html("table", {}, html("caption", {}, t(caption)),
    html("thead", {}, html("tr", {}, ...heads.map((head) => html("th", { scope: "col" }, t(head))))),
    html("tbody", {}, ...body))]);
}

const code = (text) => (text ? html("code", {}, text) : null);
const path = (call) => (call.card ? call.path.replace(call.card, mask(call.card)) : call.path);

export class SupplierSide {
  constructor(live) {
    this.live = live;
    this.sums = html("dl", { class: "sums" });
    this.tables = Object.fromEntries(["slots", "sessions", "calls"].map((name) => [name, frame(name)]));
    byId("supplier").replaceChildren(this.sums, ...Object.values(this.tables));
    live.watch("supplier", () => this.draw());
    onLanguage(() => this.draw());
  }

  draw() {
    const books = this.live.latest.supplier;
    if (!books) return;
    this.drawSums(books);
    this.drawSlots(books);
    this.drawSessions(books);
    this.drawCalls(books);
  }

  drawSums({ payments, tickets, repeats, sessions }) {
    const pairs = [
      ["sessions", sessions.length], ["payments", payments.length], ["tickets", tickets.length],
      ["repeats", repeats.keys + repeats.sessions],
    ];
    setChildren(this.sums, pairs.map(([key, count]) =>
      html("div", { "data-sum": key }, html("dt", {}, t(key)), html("dd", {}, String(count)))));
  }

  drawSlots({ slots }) {
    fill(this.tables.slots, ["slot-word", "lock", "light", "session"], slots.map((slot) => [
      String(slot.number), tOr(`seen-${slot.lock}`, slot.lock), this.light(slot.light), code(slot.session),
    ]));
  }

  light(light) {
    if (!light || light.action === "off") return t("colour-off");
    return `${tOr(`colour-${light.color}`, light.color)}${light.action === "flicker" ? `, ${t("rhythm-flicker")}` : ""}`;
  }

  drawSessions({ sessions }) {
    fill(this.tables.sessions, ["session", "card", "slot-word", "stage", "payment"], sessions.slice(-SESSIONS).reverse().map((each) => [
      code(each.id), mask(each.card), String(each.slot), tOr(`stage-${each.stage}`, each.stage), tOr(`payment-${each.payment}`, each.payment),
    ]));
  }

  drawCalls({ calls }) {
    fill(this.tables.calls, ["time", "call", "status"], calls.slice(-CALLS).reverse().map((call) => [
      html("time", { datetime: new Date(call.time * 1000).toISOString() }, clock(call.time * 1000)),
      code(`${call.method} ${path(call)}`),
      `${call.status}${call.repeat ? ` · ${t("repeat")}` : ""}${call.answered ? "" : ` · ${t("answer-lost")}`}`,
    ]));
  }
}
