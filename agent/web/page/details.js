// Beside the drawing: each slot, the station's lines to others, what is owed, and faults raised and cleared.

import { byId, html, setAttribute, setChildren, setText } from "./elements.js";
import { age, onLanguage, t, tOr, when } from "./language.js";
import { faultKey, faultWords, lookWords } from "./saying.js";

const AGES_MS = 10_000;

/** Name and value, one a row; rows without a value are left out. */
function rows(pairs) {
  return pairs.filter(([, value]) => value).flatMap(([key, value]) => [
    html("dt", {}, t(key)), html("dd", {}, ...[value].flat()),
  ]);
}

const time = (moment) => html("time", { datetime: moment }, when(moment));
const since = (moment) => (moment ? [time(moment), ` (${age(moment)})`] : [t("never")]);

export class Details {
  constructor(live, page) {
    this.live = live;
    this.page = page;
    this.slots = new Map(page.slots.map((number) => [number, this.article(number)]));
    byId("slots").replaceChildren(...[...this.slots.values()].map(({ node }) => node));
    for (const kind of ["state", "history"]) live.watch(kind, () => this.draw());
    live.watch("agent", () => this.draw());
    onLanguage(() => this.draw());
    setInterval(() => this.draw(), AGES_MS); // how long ago it was goes on without any news
  }

  article(number) {
    const title = html("h3");
    const status = html("span", { class: "badge" });
    const facts = html("dl");
    const last = html("ul", { class: "last" });
    const lastTitle = html("h4");
    const node = html("article", { class: "slot", "data-slot": number },
      html("div", { class: "slot-head" }, title, status), facts, lastTitle, last);
    return { node, title, status, facts, last, lastTitle };
  }

  draw() {
    const { state, history } = this.live.latest;
    for (const [number, parts] of this.slots) {
      setText(parts.title, t("slot", { number }));
      setText(parts.lastTitle, t("last-cards"));
      const slot = state?.slots.find((each) => each.number === number);
      if (slot) this.drawSlot(parts, slot, state.faults.filter((fault) => fault.slotNumber === number));
      this.drawLast(parts.last, history?.slots?.[number]?.last ?? []);
    }
    if (state) this.drawStation(state);
    this.drawFaults(state?.faults ?? [], history?.faults ?? []);
  }

  drawSlot({ status, facts, node }, slot, faults) {
    setText(status, t(`status-${slot.status}`));
    setAttribute(node, "data-status", slot.status);
    setChildren(facts, rows([
      ["fault", faults.length && html("span", { class: "bad" }, faults.map(faultWords).join(", "))],
      ["card", slot.session?.card],
      ["session", slot.session && html("code", {}, slot.session.id)],
      ["since", slot.session && since(slot.session.since)],
      ["light", lookWords(slot.light)],
      ["lock", t(`seen-${slot.lock.seen}`) + (slot.lock.wanted === slot.lock.seen ? "" : ` (${t("wanted", { place: t(`seen-${slot.lock.wanted}`) })})`)],
      ["vehicle", slot.vehicle === undefined ? null : t(slot.vehicle ? "vehicle-there" : "vehicle-none")],
    ]));
  }

  drawLast(list, stays) {
    setChildren(list, stays.length ? stays.map((stay) => html("li", {},
      html("b", {}, stay.card), " ", stay.since ? time(stay.since) : "", " – ", stay.until ? time(stay.until) : t("now"),
      stay.payment ? ` · ${tOr(`payment-${stay.payment}`, stay.payment)}` : null,
    )) : [html("li", { class: "quiet" }, t("none-yet"))]);
  }

  drawStation(state) {
    const owed = state.owed;
    const sum = owed.supplier + owed.broker + owed.refused;
    const facts = byId("facts");
    setChildren(facts, rows([
      ["supplier", this.line(state.supplier)],
      ["broker", this.line(state.broker)],
      ["owed", sum ? t("owed-counts", owed) : t("nothing")],
      ["oldest", owed.oldest && since(owed.oldest)],
      ["clock", t(state.clockSet ? "clock-set" : "clock-unset")],
      ["main-light", lookWords(state.mainLight)],
      ["offered", t(state.available ? "yes" : "no")],
      ["version", html("code", {}, state.version)],
    ]));
    byId("station-facts").dataset.owed = sum;
  }

  line({ reachable, since: moment }) {
    const sign = html("span", { class: reachable ? "good" : "bad" }, `${reachable ? "✓" : "✕"} ${t(reachable ? "reachable" : "unreachable")}`);
    return moment ? [sign, ", ", t("since").toLowerCase(), " ", time(moment), ` (${age(moment)})`] : [sign];
  }

  drawFaults(standing, past) {
    const now = new Set(standing.map(faultKey));
    const cleared = past.filter((fault) => fault.clearedAt || !now.has(faultKey(fault)));
    const all = [...standing, ...cleared];
    setChildren(byId("faults"), all.length ? all.map((fault) => this.fault(fault))
      : [html("li", { class: "quiet" }, t("no-faults"))]);
  }

  fault(fault) {
    const where = fault.scope === "slot" ? t("slot", { number: fault.slotNumber }) : t("station");
    const state = fault.clearedAt ? "cleared" : fault.severity;
    return html("li", { "data-fault": fault.code, "data-state": state },
      html("span", { class: "fault-head" }, html("b", {}, faultWords(fault)), html("span", { class: "badge" }, t(`severity-${state}`))),
      html("span", { class: "quiet" }, `${where} · ${t("raised")} `, time(fault.raisedAt),
        ...(fault.clearedAt ? [` · ${t("cleared")} `, time(fault.clearedAt)] : [])),
      fault.detail ? html("span", { class: "quiet", lang: "en" }, fault.detail) : null);
  }
}
