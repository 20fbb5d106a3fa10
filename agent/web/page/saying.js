// Words for what the station reports.

import { t, tOr } from "./language.js";

/** A card as it may be shown: its last two bytes. */
export const mask = (card) => (card.startsWith("..") ? card : `..${card.slice(-4)}`);

/** "red+white two-blinks" in the reader's language. */
export function lookWords(look) {
  const [colours, rhythm] = (look ?? "off").split(" ");
  const named = colours.split("+").map((colour) => tOr(`colour-${colour}`, colour)).join(` ${t("and")} `);
  return rhythm ? `${named}, ${tOr(`rhythm-${rhythm}`, rhythm)}` : named;
}

/** What a fault is called; one that nobody here has heard of keeps its own title. */
export const faultWords = (fault) => tOr(`fault-${fault.code}`, fault.title || fault.code);

/** The fault that a switch makes. */
export function switchWords(name) {
  const [, kind, number] = name.match(/^(.*?)(?:-(\d+))?$/);
  return tOr(`switch-${kind}`, name).replace("{number}", number ?? "");
}

export const faultKey = (fault) => `${fault.code}/${fault.slotNumber ?? ""}`;
