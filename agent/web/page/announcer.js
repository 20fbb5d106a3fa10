// Tells a screen reader what changed, politely: only what a driver or an operator would turn their head for.

import { byId } from "./elements.js";
import { t } from "./language.js";
import { faultKey, faultWords } from "./saying.js";

const TOGETHER_MS = 600;
const PASSING = new Set(["starting", "ending"]); // half a second later they are something else

export function announce(live) {
  let said = null;
  let pending = [];
  let timer = 0;

  const say = (text) => {
    pending.push(text);
    clearTimeout(timer);
    timer = setTimeout(() => {
      byId("said").textContent = pending.join(" ");
      pending = [];
    }, TOGETHER_MS);
  };

  live.watch("state", (state) => {
    const now = {
      slots: new Map(state.slots.map((slot) => [slot.number, slot.status])),
      faults: new Map(state.faults.map((fault) => [faultKey(fault), fault])),
    };
    if (said) {
      for (const [number, status] of now.slots) {
        if (PASSING.has(status)) now.slots.set(number, said.slots.get(number));
        else if (said.slots.get(number) !== status) say(t("said-slot", { number, status: t(`status-${status}`) }));
      }
      for (const [key, fault] of now.faults) if (!said.faults.has(key)) say(t("said-fault", { fault: faultWords(fault) }));
      for (const [key, fault] of said.faults) if (!now.faults.has(key)) say(t("said-cleared", { fault: faultWords(fault) }));
    }
    said = now;
  });
}
