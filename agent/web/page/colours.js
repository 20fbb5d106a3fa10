// A pixel's colour as an eye would see it: a strip at half brightness looks far brighter than half grey on a screen.

const GAMMA = 3;
export const DARK = "#000000";
const HELD_MS = 1000;

const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

/** 0 (dark) to 1. */
export const brightness = (colour) => Math.max(...parts(colour)) / 255;

/** The colour of a lit pixel on the screen; its core is whiter, as a light's is. */
export function seen(colour) {
  const power = brightness(colour) ** (1 / GAMMA);
  if (power === 0) return null;
  const most = brightness(colour) * 255;
  const channels = parts(colour).map((part) => Math.round((part / most) * 255));
  return { power, colour: `color-mix(in oklab, rgb(${channels.join(" ")}), white 28%)` };
}

/** Keeps a light from moving for those who asked for less motion: what is bright stays until it was dark for a second. */
export class Held {
  constructor(show) {
    this.show = show;
    this.shown = [];
    this.later = 0;
  }

  frame(pixels) {
    const power = Math.max(0, ...pixels.map(brightness));
    const before = Math.max(0, ...this.shown.map(brightness));
    clearTimeout(this.later);
    if (power >= before) this.now(pixels);
    else this.later = setTimeout(() => this.now(pixels), HELD_MS);
  }

  now(pixels) {
    this.shown = pixels;
    this.show(pixels);
  }
}
