// The conversation as a file: an SVG that needs nothing beside itself.

import { html, svg } from "./elements.js";
import { t } from "./language.js";

const SAVED_MS = 60_000; // a busy browser takes a while to fetch it

/** Let the browser save what the diagram shows. `heads` are drawn at the top again, wherever the page has them. */
export async function save(picture, heads) {
  const copy = picture.cloneNode(true);
  copy.children[[...picture.children].indexOf(heads)].removeAttribute("transform");
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("role", "img");
  copy.setAttribute("aria-label", t("conversation"));
  for (const node of copy.querySelectorAll("[role]")) for (const name of ["role", "tabindex", "aria-selected"]) node.removeAttribute(name);
  const look = await (await fetch("/page/diagram.css")).text();
  copy.prepend(svg("style", {}, look), svg("rect", { class: "paper", width: "100%", height: "100%" }));
  const file = new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
  const url = URL.createObjectURL(file);
  html("a", { href: url, download: `conversation-${new Date().toISOString().slice(0, 19).replace(/:/g, "")}.svg` }).click();
  setTimeout(() => URL.revokeObjectURL(url), SAVED_MS);
}
