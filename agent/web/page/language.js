// German or English: which, remembered, and how dates are written in it.

import { DE, EN } from "./words.js";

const TABLES = { en: EN, de: DE };
const KEY = "station-language";
const changed = [];
let language = first();

function first() {
  const remembered = stored();
  if (remembered in TABLES) return remembered;
  return navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
}

// A browser that keeps nothing may refuse to be asked.
function stored() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function store(value) {
  try {
    localStorage.setItem(KEY, value);
  } catch {
    return; // then it is asked again next time
  }
}

/** Dates in the reader's own English, if it is English; German ones as in Germany. */
const locale = () =>
  navigator.language.toLowerCase().startsWith(language) ? navigator.language : { en: "en-GB", de: "de-DE" }[language];

export const current = () => language;

export function speak(wanted) {
  language = wanted;
  store(wanted);
  show();
}

/** Call back now and at each change of the language. */
export function onLanguage(callback) {
  changed.push(callback);
  callback();
}

/** The words for `key`, with `{name}` filled in. */
export function t(key, filling = {}) {
  const words = TABLES[language][key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => filling[name] ?? whole);
}

/** The words for `key`, or `otherwise` where there are none. */
export const tOr = (key, otherwise) => TABLES[language][key] ?? otherwise;

/** Fill in every element that names its words. */
export function show() {
  document.documentElement.lang = language;
  for (const node of document.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of document.querySelectorAll("[data-t-label]")) {
    node.setAttribute("aria-label", t(node.dataset.tLabel));
  }
  for (const callback of changed) callback();
}

const format = (options, moment) => new Intl.DateTimeFormat(locale(), options).format(new Date(moment));
const sameDay = (moment) => new Date(moment).toDateString() === new Date().toDateString();

/** A moment, with its day unless that is today. */
export const when = (moment) =>
  format(sameDay(moment) ? { timeStyle: "medium" } : { dateStyle: "medium", timeStyle: "short" }, moment);

export const clock = (moment) => format({ timeStyle: "medium" }, moment);

/** How long ago, in one unit. */
export function age(moment) {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(moment)) / 1000));
  const [value, unit] =
    seconds < 60 ? [seconds, "second"]
    : seconds < 3600 ? [Math.floor(seconds / 60), "minute"]
    : seconds < 86_400 ? [Math.floor(seconds / 3600), "hour"]
    : [Math.floor(seconds / 86_400), "day"];
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "short" }).format(value);
}

/** Milliseconds as a person says them. */
export const duration = (ms) =>
  ms < 1000 ? `${ms} ms` : `${new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 }).format(ms / 1000)} s`;
