// Stories that play by themselves, with captions; each waits for what the station does, and is stopped at any moment.

import { CARDS } from "./controls.js";
import { byId, html, setAttribute, setText } from "./elements.js";
import { onLanguage, t } from "./language.js";
import { mask } from "./saying.js";
import { STORIES } from "./plots.js";

const PATIENCE_MS = 30_000;
const GLANCE_MS = 1200;
const LETTER_MS = 55; // a slow reader's
const TAP_MS = 300;
const GONE_MS = 1000; // after that long a card counts as gone
const AGAIN_MS = 12_000;

class Stopped extends Error {}
class Stuck extends Error {}

/** What a story can do: the visitor's own controls, and waiting. */
export class Teller {
  constructor(live, page, controls, caption) {
    this.live = live;
    this.page = page;
    this.controls = controls;
    this.caption = caption;
    this.waiting = new Set();
    this.stopped = false;
    this.tapped = new Set();
    this.emptySince = 0;
    for (const kind of ["state", "world", "supplier", "agent", "connection"]) live.watch(kind, () => this.look());
  }

  stop() {
    this.stopped = true;
    this.look();
  }

  look() {
    for (const look of [...this.waiting]) look();
  }

  /** Wait until `there` is true of what the station and the world say. Rejects when stopped, and after a while. */
  until(there, patience = PATIENCE_MS) {
    return new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.waiting.delete(look);
        settle(value);
      };
      const look = () => {
        if (this.stopped) end(reject, new Stopped());
        else if (this.live.latest.state && there(this.live.latest)) end(resolve);
      };
      const timer = setTimeout(() => end(reject, new Stuck()), patience);
      this.waiting.add(look);
      look();
    });
  }

  /** Let so much time pass, or less if the visitor wants to go on. */
  pause(ms) {
    let over = false;
    const timer = setTimeout(() => { over = true; this.look(); }, ms);
    this.skip = () => { over = true; this.look(); };
    return this.until(() => over, ms + PATIENCE_MS).finally(() => clearTimeout(timer));
  }

  async say(key, filling = {}) {
    this.caption(key, filling);
    await this.pause(GLANCE_MS + t(key, filling).length * LETTER_MS);
  }

  slot(number) {
    return this.live.latest.state.slots.find((slot) => slot.number === number);
  }

  holding(card) {
    return this.live.latest.state.slots.find((slot) => slot.session?.card === mask(card.uid));
  }

  /** Tap a card; one that was tapped before not sooner than the station takes it for a new tap. */
  async tap(card) {
    if (this.tapped.has(card.uid)) {
      await this.guard(this.emptySince + GONE_MS + this.page.retapGuardS * 1000 - Date.now());
    }
    this.tapped.add(card.uid);
    await this.controls.tap(card, TAP_MS);
    await this.guard(TAP_MS);
    await this.until(({ world }) => !world.cards.length); // the next card would be a second one beside it
    this.emptySince = Date.now();
  }

  /** Whether it comes true within so many milliseconds. */
  async happens(there, ms) {
    try {
      await this.until(there, ms);
      return true;
    } catch (error) {
      if (error instanceof Stuck) return false;
      throw error;
    }
  }

  /** Tap, and once more if nothing comes of it, as a driver would. */
  async tapUntil(card, there) {
    await this.tap(card);
    if (await this.happens(there, AGAIN_MS)) return;
    await this.tap(card);
    await this.until(there);
  }

  // This one is the station's own time, which no visitor can shorten.
  guard(ms) {
    let over = false;
    setTimeout(() => { over = true; this.look(); }, ms);
    return this.until(() => over, ms + PATIENCE_MS);
  }

  /** Tap and wait until the card's vehicle is charging; gives its slot. */
  async start(card) {
    await this.tapUntil(card, () => this.holding(card)?.status === "charging");
    return this.holding(card).number;
  }

  /** Tap and wait until the slot is free. */
  async end(card, number) {
    await this.tapUntil(card, () => this.slot(number).status === "free");
  }

  /** Mend everything, take cards and vehicles away and end what is charging, so that the story finds an empty station. */
  async tidy() {
    this.caption("tidy");
    for (const [name, on] of Object.entries(this.live.latest.switches ?? {})) if (on) await this.controls.fault(name, false);
    await this.controls.delay(0);
    for (const uid of this.live.latest.world?.cards ?? []) await this.controls.rest({ uid, standing: "registered" }, false);
    await this.until(({ agent, state }) => agent?.alive !== false && state.supplier.reachable && state.broker.reachable);
    await this.settled();
    for (const slot of this.live.latest.state.slots) await this.empty(slot);
    for (const number of this.page.slots) await this.controls.drive(number, false);
  }

  async empty({ number, session }) {
    if (!session) return;
    const books = this.live.latest.supplier?.sessions ?? [];
    const uids = [...CARDS.map(({ uid }) => uid), ...books.map(({ card }) => card)];
    const uid = uids.find((each) => mask(each) === session.card);
    if (uid) await this.end({ uid, standing: "registered" }, number);
  }

  settled() {
    return this.until(({ state }) => state.owed.supplier + state.owed.broker === 0);
  }
}

/** The buttons, and which story is playing. */
export function storyButtons(live, page, controls) {
  let teller = null;
  let shown = ["stories-about", {}];
  const say = (key, filling = {}) => {
    shown = [key, filling];
    setText(byId("caption"), t(key, filling));
  };
  const buttons = Object.keys(STORIES).map((name) => ({
    name, node: html("button", { type: "button", "data-story": name, click: () => play(name) }),
  }));

  const playing = (name) => {
    for (const each of buttons) {
      each.node.disabled = Boolean(name) && each.name !== name;
      setAttribute(each.node, "aria-pressed", each.name === name);
    }
    byId("story-next").disabled = byId("story-stop").disabled = !name;
    byId("caption").dataset.playing = name ?? "";
  };

  async function play(name) {
    if (teller) return;
    teller = new Teller(live, page, controls, say);
    playing(name);
    try {
      await teller.tidy();
      await STORIES[name](teller);
      say("story-over");
    } catch (error) {
      if (!(error instanceof Stopped || error instanceof Stuck)) throw error;
      say(error instanceof Stuck ? "story-stuck" : "story-stopped");
    } finally {
      teller = null;
      playing(null);
    }
  }

  byId("story-buttons").replaceChildren(...buttons.map(({ node }) => node));
  byId("story-stop").addEventListener("click", () => teller?.stop());
  byId("story-next").addEventListener("click", () => teller?.skip?.());
  playing(null);
  onLanguage(() => {
    for (const { name, node } of buttons) setText(node, t(`story-${name}`));
    say(...shown);
  });
}
